"""Every way in which a test damages a release, with the rule and the place that must be named."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from alignbench.release.verify.report import Rule
from alignbench.schemas.ids import sha256_hex
from tests.release.benchmark import png
from tests.release.corruption import (
    DATA,
    VOTES,
    Rows,
    change_rows,
    change_text,
    renamed,
    reseal,
    rewrite,
)


def wrong_row(rows: Rows) -> dict[str, Any]:
    return next(row for row in rows if row["error_spans"])


def embedded(rows: Rows) -> dict[str, Any]:
    return next(row for row in rows if row["image"])


# Damage that the checksums show.


def flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / DATA).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / DATA).write_bytes(data)


def remove_a_shard(folder: Path) -> None:
    (folder / DATA).unlink()


def add_a_file(folder: Path) -> None:
    (folder / "data" / "careful" / "notes.txt").write_text("extra")


def remove_the_checksums(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()


def garble_the_checksums(folder: Path) -> None:
    (folder / "SHA256SUMS").write_text("no checksum at all\n")


def empty_a_table(folder: Path) -> None:
    (folder / "statistics" / "types_by_model.csv").write_bytes(b"")


# Damage with checksums that fit, so that only the content gives it away.


def truncate_a_shard(folder: Path) -> None:
    (folder / DATA).write_bytes((folder / DATA).read_bytes()[:-10])
    reseal(folder)


def rename_a_column(folder: Path) -> None:
    names = {"caption": "sentence"}
    rewrite(folder, DATA, lambda t: t.rename_columns([names.get(n, n) for n in t.schema.names]))


def retype_a_column(folder: Path) -> None:
    rewrite(
        folder,
        DATA,
        lambda t: t.set_column(
            t.schema.get_field_index("n_correct"), "n_correct", t["n_correct"].cast(pa.int64())
        ),
    )


def swap_two_columns(folder: Path) -> None:
    def swapped(table: pa.Table) -> pa.Table:
        names = table.schema.names
        return table.select([names[1], names[0], *names[2:]])

    rewrite(folder, DATA, swapped)


def drop_the_features(folder: Path) -> None:
    rewrite(folder, DATA, lambda table: table.replace_schema_metadata(None))


def null_a_caption(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(caption=None))


def repeat_a_row(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows.insert(3, rows[3]))


def reverse_the_rows(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows.reverse())


def move_a_sentence(folder: Path) -> None:
    def moved(rows: Rows) -> None:
        rows[0]["sentence_start"] += 1
        rows[0]["sentence_end"] += 1

    change_rows(folder, DATA, moved)


def move_a_span(folder: Path) -> None:
    def moved(rows: Rows) -> None:
        span = wrong_row(rows)["error_spans"][0]
        span.update(start=span["start"] + 1, end=span["end"] + 1)

    change_rows(folder, DATA, moved)


def span_out_of_the_sentence(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: wrong_row(rows)["error_spans"][0].update(end=10_000))


def span_of_no_type(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: wrong_row(rows)["error_spans"][0].update(type="typo"))


def other_words(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: wrong_row(rows).update(error_words=["else"]))


def other_error_type(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: wrong_row(rows).update(error_type="text"))


def count_off_by_one(folder: Path) -> None:
    def off(rows: Rows) -> None:
        row = next(row for row in rows if row["fleiss_Pi"] == 1 or row["n_correct"] == 1)
        row["n_correct"] += 1

    change_rows(folder, DATA, off)


def other_ratio(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(agreement_ratio=0.9))


def other_item_agreement(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(fleiss_Pi=None))


def other_verdict(folder: Path) -> None:
    def flipped(rows: Rows) -> None:
        next(row for row in rows if row["annotation"] == "correct")["annotation"] = "unknown"

    change_rows(folder, DATA, flipped)


def verdict_of_no_vocabulary(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(annotation="right"))


def row_of_another_model(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(model="hasty"))


def another_image(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: embedded(rows)["image"].update(bytes=png(77)))


def image_that_does_not_decode(folder: Path) -> None:
    def broken(rows: Rows) -> None:
        data = rows[-1]["image"]["bytes"][:200]
        image_id = rows[-1]["image_id"]
        for row in rows:
            if row["image_id"] == image_id:
                name = sha256_hex(data)
                row.update(image_id=name, image={"bytes": data, "path": f"{name}.png"})
        rows.sort(key=lambda row: (row["image_id"], row["pair_id"], row["sentence_index"]))

    change_rows(folder, DATA, broken)


def image_under_another_name(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: embedded(rows)["image"].update(path="cat.png"))


def remove_a_vote(folder: Path) -> None:
    change_rows(folder, VOTES, lambda rows: rows.pop())


def repeat_a_vote(folder: Path) -> None:
    change_rows(folder, VOTES, lambda rows: rows.insert(0, rows[0]))


def vote_on_another_sentence(folder: Path) -> None:
    change_rows(folder, VOTES, lambda rows: rows[-1].update(sentence_id="f" * 32))


def vote_with_a_moved_span(folder: Path) -> None:
    def moved(rows: Rows) -> None:
        next(row for row in rows if row["spans"])["spans"][0]["start"] += 1

    change_rows(folder, VOTES, moved)


def annotator_by_name(folder: Path) -> None:
    change_rows(folder, VOTES, lambda rows: rows[0].update(annotator="ann@example.org"))


def misnumber_a_shard(folder: Path) -> None:
    renamed(folder, DATA, DATA.replace("of-00001", "of-00002"))


def misname_a_shard(folder: Path) -> None:
    (folder / DATA).rename(folder / "data/careful/test.parquet")
    reseal(folder)


def image_in_two_splits(folder: Path) -> None:
    shutil.copy(folder / DATA, folder / DATA.replace("test-", "train-"))
    reseal(folder)


def prompt_in_two_splits(folder: Path) -> None:
    def moved(rows: Rows) -> None:
        for row in rows:
            row["image"] = None
            row["image_id"] = sha256_hex(row["image_id"].encode())
        rows.sort(key=lambda row: (row["image_id"], row["pair_id"], row["sentence_index"]))

    path = DATA.replace("careful", "painter")
    shutil.copy(folder / path, folder / path.replace("test-", "train-"))
    change_rows(folder, path.replace("test-", "train-"), moved)


def count_off_in_the_manifest(folder: Path) -> None:
    change_text(folder, "release.json", '"votes": 48', '"votes": 47')


def unknown_key_in_the_manifest(folder: Path) -> None:
    change_text(folder, "release.json", '"name"', '"nome"')


def hostile_name(folder: Path) -> None:
    change_text(folder, "release.json", '"name": "small"', '"name": "../../outside"')


def hostile_version(folder: Path) -> None:
    change_text(folder, "release.json", '"version": "1.0.0"', '"version": "/tmp"')


def figure_off_in_a_table(folder: Path) -> None:
    change_text(folder, "statistics/fleiss_by_model.csv", "careful,7", "careful,8")


def remove_a_table(folder: Path) -> None:
    (folder / "statistics/fleiss_by_model.csv").unlink()
    reseal(folder)


def card_without_a_model(folder: Path) -> None:
    change_text(folder, "README.md", '"data/hasty/test-*.parquet"', '"data/hasti/test-*.parquet"')


def croissant_with_another_checksum(folder: Path) -> None:
    path = folder / "croissant.json"
    path.write_text(re.sub(r'"sha256": "..', '"sha256": "zz', path.read_text(), count=1))
    sums = folder / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines() if "croissant" not in line]
    lines.append(f"{sha256_hex(path.read_bytes())}  croissant.json")
    sums.write_text("\n".join(lines) + "\n")


def forbidden_image(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: embedded(rows).update(redistributable=False))


def figure_of_other_numbers(folder: Path) -> None:
    path = folder / "statistics/figures/types_by_model.svg"
    path.write_text(re.sub("(table-sha256:)[0-9a-f]{4}", r"\g<1>0000", path.read_text()))
    reseal(folder)


def remove_a_figure(folder: Path) -> None:
    (folder / "statistics/figures/types_by_model.png").unlink()
    reseal(folder)


def adjudicated_by_nobody(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(adjudicated=True))


def other_confidence(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(confidence=0.123))


def vote_for_no_purpose(folder: Path) -> None:
    change_rows(folder, VOTES, lambda rows: rows[0].update(purpose="fun"))


def method_of_no_vocabulary(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(label_method="guess"))


def near_duplicate_in_two_splits(folder: Path) -> None:
    def moved(rows: Rows) -> None:
        for row in rows:
            bits = int(row["perceptual_hash"], 16) ^ 0b101
            row.update(image=None, perceptual_hash=f"{bits:016x}")
            row.update(image_id=sha256_hex(row["image_id"].encode()))
        rows.sort(key=lambda row: (row["image_id"], row["pair_id"], row["sentence_index"]))

    other = DATA.replace("test-", "train-")
    shutil.copy(folder / DATA, folder / other)
    change_rows(folder, other, moved)


def agreement_off_in_a_table(folder: Path) -> None:
    path = folder / "statistics/agreement_by_model.csv"
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    cells[3] = str(float(cells[3]) + 0.001)
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    reseal(folder)


def flag_a_row_as_imported(folder: Path) -> None:
    change_rows(folder, DATA, lambda rows: rows[0].update(flags=["image_id_from_locator"]))


DAMAGES: list[tuple[Callable[[Path], None], Rule, str]] = [
    (flip_a_bit, Rule.FILE_CHANGED, DATA),
    (remove_a_shard, Rule.FILE_MISSING, DATA),
    (add_a_file, Rule.FILE_EXTRA, "data/careful/notes.txt"),
    (remove_the_checksums, Rule.CHECKSUMS, "SHA256SUMS"),
    (garble_the_checksums, Rule.CHECKSUMS, "SHA256SUMS"),
    (empty_a_table, Rule.FILE_CHANGED, "statistics/types_by_model.csv"),
    (truncate_a_shard, Rule.PARQUET, DATA),
    (rename_a_column, Rule.SCHEMA, DATA),
    (retype_a_column, Rule.SCHEMA, DATA),
    (swap_two_columns, Rule.SCHEMA, DATA),
    (drop_the_features, Rule.FEATURES, DATA),
    (null_a_caption, Rule.NULL, f"{DATA}, row 0"),
    (repeat_a_row, Rule.DUPLICATE, f"{DATA}, row 4"),
    (reverse_the_rows, Rule.ORDER, DATA),
    (move_a_sentence, Rule.SENTENCE, f"{DATA}, row 0"),
    (move_a_span, Rule.SPAN, f"{DATA}, row 1"),
    (span_out_of_the_sentence, Rule.SPAN, f"{DATA}, row 1"),
    (span_of_no_type, Rule.SPAN, f"{DATA}, row 1"),
    (other_words, Rule.WORDS, f"{DATA}, row 1"),
    (other_error_type, Rule.WORDS, f"{DATA}, row 1"),
    (count_off_by_one, Rule.VOTES, DATA),
    (flag_a_row_as_imported, Rule.IMPORTED, f"{DATA}, row 0"),
    (other_ratio, Rule.LABEL, f"{DATA}, row 0"),
    (other_item_agreement, Rule.LABEL, f"{DATA}, row 0"),
    (other_verdict, Rule.LABEL, DATA),
    (verdict_of_no_vocabulary, Rule.VALUE, f"{DATA}, row 0"),
    (row_of_another_model, Rule.VALUE, f"{DATA}, row 0"),
    (another_image, Rule.IMAGE, DATA),
    (image_that_does_not_decode, Rule.IMAGE, DATA),
    (image_under_another_name, Rule.IMAGE, DATA),
    (remove_a_vote, Rule.VOTES, DATA),
    (repeat_a_vote, Rule.DUPLICATE, f"{VOTES}, row 1"),
    (vote_on_another_sentence, Rule.VOTES, VOTES),
    (vote_with_a_moved_span, Rule.SPAN, VOTES),
    (annotator_by_name, Rule.PSEUDONYM, f"{VOTES}, row 0"),
    (misnumber_a_shard, Rule.SHARDS, "data/careful"),
    (misname_a_shard, Rule.SHARDS, "data/careful/test.parquet"),
    (image_in_two_splits, Rule.SPLIT, DATA.replace("test-", "train-")),
    (prompt_in_two_splits, Rule.SPLIT, "data/painter/train-00000-of-00001.parquet"),
    (count_off_in_the_manifest, Rule.MANIFEST, "release.json"),
    (unknown_key_in_the_manifest, Rule.MANIFEST, "release.json"),
    (hostile_name, Rule.MANIFEST, "release.json"),
    (hostile_version, Rule.MANIFEST, "release.json"),
    (figure_off_in_a_table, Rule.STATISTICS, "statistics/fleiss_by_model.csv"),
    (remove_a_table, Rule.STATISTICS, "statistics/fleiss_by_model.csv"),
    (card_without_a_model, Rule.CARD, "README.md"),
    (croissant_with_another_checksum, Rule.CROISSANT, "croissant.json"),
    (forbidden_image, Rule.LICENCE, DATA),
    (figure_of_other_numbers, Rule.FIGURES, "statistics/figures/types_by_model.svg"),
    (remove_a_figure, Rule.FIGURES, "statistics/figures/types_by_model.png"),
    (adjudicated_by_nobody, Rule.ADJUDICATION, f"{DATA}, row 0"),
    (other_confidence, Rule.LABEL, f"{DATA}, row 0"),
    (vote_for_no_purpose, Rule.VALUE, f"{VOTES}, row 0"),
    (method_of_no_vocabulary, Rule.VALUE, f"{DATA}, row 0"),
    (near_duplicate_in_two_splits, Rule.SPLIT, DATA.replace("test-", "train-")),
    (agreement_off_in_a_table, Rule.STATISTICS, "statistics/agreement_by_model.csv"),
]

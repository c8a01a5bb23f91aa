"""Bad input gets a clear error, and nothing good beside it is lost."""

import json
from pathlib import Path

from PIL import Image

from alignbench.schemas.columns import to_batch
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS, SCHEMA_VERSION
from tests.flows.roads import alignbench, contents

CONFIG = """
[[sources]]
name = "set"
kind = "captions"
path = "captions.jsonl"
images = "images"

[[captioners]]
name = "model"
backend = "precomputed"

[run]
max_failure_share = 1
"""


def workspace(root: Path, captions: dict[str, str], *lines: str) -> Path:
    """Makes a workspace of small images, each with a caption, and of further lines as they are."""
    (root / "images").mkdir(parents=True)
    for number, name in enumerate(captions):
        Image.new("RGB", (16, 16), (number, 90, 160)).save(root / "images" / name, "PNG")
    entries = [
        json.dumps({"file_name": name, "model": "model", "caption": caption})
        for name, caption in captions.items()
    ]
    (root / "captions.jsonl").write_text("\n".join([*entries, *lines]) + "\n")
    (root / "alignbench.toml").write_text(CONFIG)
    return root


def build_to_split(root: Path) -> None:
    for stage in ("ingest", "caption", "split"):
        done = alignbench(root, stage)
        assert done.returncode == 0, done.stderr


def failures(root: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in json.loads(alignbench(root, "status", "--failures", "--json").stdout):
        found.setdefault(row["stage"], []).append(row)
    return found


def test_a_corrupt_image_among_good_ones_is_a_row_that_says_why(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", {"a.png": "A square.", "b.png": "A square.", "c.png": "One."})
    data = (root / "images" / "b.png").read_bytes()
    (root / "images" / "b.png").write_bytes(data[: len(data) // 2])
    build_to_split(root)
    [failure] = failures(root)["ingest"]
    assert failure["code"].startswith("AB-G")
    assert len(contents(root)["sentences"]) == 2


def test_empty_captions_and_headings_are_empty_and_the_others_go_on(tmp_path: Path) -> None:
    root = workspace(
        tmp_path / "w", {"a.png": "", "b.png": "  \n ", "c.png": "# A title", "d.png": "A square."}
    )
    build_to_split(root)
    found = failures(root)
    assert [row["kind"] for row in found["caption"]] == ["empty", "empty"]
    assert [row["kind"] for row in found["split"]] == ["empty"]
    assert [row["text"] for row in contents(root)["sentences"]] == ["A square."]


def test_control_characters_and_lone_surrogates_are_taken_out_and_offsets_stay_exact(
    tmp_path: Path,
) -> None:
    caption = r'"caption": "A \u0000red\ud800 cat.\r\nIt naps."'
    line = '{"file_name": "a.png", "model": "model", ' + caption + "}"
    root = workspace(tmp_path / "w", {"a.png": "A red cat.\nIt naps."})
    (root / "captions.jsonl").write_text(line + "\n")
    build_to_split(root)
    rows = contents(root)
    assert [row["text"] for row in rows["pairs"]] == ["A red cat.\nIt naps."]
    assert sorted(row["text"] for row in rows["sentences"]) == ["A red cat.", "It naps."]


def test_a_caption_of_200_000_characters_goes_through(tmp_path: Path) -> None:
    long = "A small red cat sits on a mat by the door. " * 4700
    root = workspace(tmp_path / "w", {"a.png": long, "b.png": "A square."})
    build_to_split(root)
    assert len(contents(root)["sentences"]) == 4701


def test_paths_and_links_that_lead_out_are_refused_and_the_others_go_on(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    root = workspace(
        tmp_path / "w",
        {"a.png": "A square."},
        json.dumps({"file_name": "../../secret.png", "model": "model", "caption": "Out."}),
        json.dumps({"file_name": str(secret), "model": "model", "caption": "Out."}),
        json.dumps({"file_name": "link.png", "model": "model", "caption": "Out."}),
        "this is not JSON",
    )
    (root / "images" / "link.png").symlink_to(secret)
    build_to_split(root)
    rows = contents(root)
    assert len(rows["images"]) == len(rows["sentences"]) == 1
    assert len(failures(root)["ingest"]) == 4


def test_a_workspace_written_by_a_newer_version_is_refused(tmp_path: Path) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    root = workspace(tmp_path / "w", {"a.png": "A square."})
    batch = to_batch(Prompt, [Prompt(prompt_id="1", text="A cat.", origin="new")])
    version = str(SCHEMA_VERSION + 1).encode()
    metadata = {b"alignbench.table": b"prompts", b"alignbench.schema_version": version}
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch]).replace_schema_metadata(metadata), buffer)
    part = root / "tables" / PROMPTS.name / f"part-{'0' * 32}.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(buffer.getvalue())
    done = alignbench(root, "prompts")
    assert done.returncode == 2
    assert "AB-W01" in done.stderr
    assert "Upgrade alignbench" in done.stderr

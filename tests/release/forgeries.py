"""Forgeries with checksums and sizes that fit: one fact is changed, and only others show it.

Each has the rule that must name it, and where.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alignbench.release.verify.report import Rule
from tests.release.corruption import DATA, VOTES, Rows, change_rows, change_text, reseal

CARD = "README.md"
Forgery = Callable[[Path], None]


def consensus(rows: Rows) -> dict[str, Any]:
    return next(row for row in rows if row["span_agreement"] == "consensus")


def single(rows: Rows) -> dict[str, Any]:
    return next(row for row in rows if row["span_agreement"] == "single")


def retyped(row: dict[str, Any], kind: str) -> None:
    for span in row["error_spans"]:
        span["type"] = kind
    row["error_type"] = kind


def of_rows(change: Callable[[Rows], Any], path: str = DATA) -> Forgery:
    return lambda folder: change_rows(folder, path, change)


def marked(rows: Rows) -> dict[str, Any]:
    """Returns a vote that counts: two annotators marked words of its sentence."""
    voted = Counter(row["sentence_id"] for row in rows if row["spans"])
    return next(row for row in rows if row["spans"] and voted[row["sentence_id"]] > 1)


def more_votes_of_a_span(rows: Rows) -> None:
    consensus(rows)["error_spans"][0]["votes"] += 1


def all_votes_of_a_span(rows: Rows) -> None:
    single(rows)["error_spans"][0]["votes"] = 2


def another_type(rows: Rows) -> None:
    retyped(consensus(rows), "illusion")


def a_longer_span(rows: Rows) -> None:
    row = consensus(rows)
    span = row["error_spans"][0]
    span.update(end=span["end"] + 1, text=row["caption"][span["start"] : span["end"] + 1])
    row["error_words"] = [span["text"]]


def one_span_more(rows: Rows) -> None:
    row = consensus(rows)
    start = row["error_spans"][-1]["end"] + 1
    text = row["caption"][start : start + 2]
    row["error_spans"].append(
        {"start": start, "end": start + 2, "type": "object", "text": text, "votes": 1}
    )
    row["error_words"].append(text)


def no_span_any_more(rows: Rows) -> None:
    consensus(rows).update(error_spans=[], error_words=[], error_type=None)


def agreement_better_than_it_is(rows: Rows) -> None:
    single(rows)["span_agreement"] = "consensus"


def agreement_on_a_correct_sentence(rows: Rows) -> None:
    right = next(row for row in rows if row["annotation"] == "correct")
    right["span_agreement"] = "consensus"


def spans_of_a_vote(rows: Rows) -> None:
    marked(rows)["spans"] = []


def type_of_a_vote(rows: Rows) -> None:
    marked(rows)["spans"][0]["type"] = "relation"


def spans_on_a_vote_of_correct(rows: Rows) -> None:
    vote = next(row for row in rows if row["verdict"] == "correct")
    vote["spans"] = marked(rows)["spans"]


def another_hash(rows: Rows) -> None:
    image = rows[-1]["image_id"]
    for row in rows:
        if row["image_id"] == image:
            row["perceptual_hash"] = f"{int(row['perceptual_hash'], 16) ^ 1:016x}"


def no_hash_at_all(rows: Rows) -> None:
    image = rows[-1]["image_id"]
    for row in rows:
        if row["image_id"] == image:
            row["perceptual_hash"] = "none"


def a_flag_of_no_vocabulary(rows: Rows) -> None:
    rows[0]["flags"] = ["looks_fine"]


def params_that_are_no_json(rows: Rows) -> None:
    for row in rows:
        row["generator_params"] = "{temperature: 0.5}"


def params_that_are_no_object(rows: Rows) -> None:
    for row in rows:
        row["generator_params"] = "[0.5]"


def other_params(rows: Rows) -> None:
    for row in rows:
        row["generator_params"] = '{"temperature":0.9}'


def another_revision(rows: Rows) -> None:
    for row in rows:
        row["generator_revision"] = "r2"


def another_seed(rows: Rows) -> None:
    for row in rows:
        row["seed"] += 1


def another_splitter(rows: Rows) -> None:
    for row in rows:
        row["splitter"] = row["splitter"].replace("3.8.0", "3.9.0")


def another_sentence_id(rows: Rows) -> None:
    rows[0]["sentence_id"] = rows[0]["sentence_id"][::-1]


def another_text_around(rows: Rows) -> None:
    for row in rows:
        row["full_caption"] += " Nothing else."


def another_text_in_one_row(rows: Rows) -> None:
    rows[-1]["instruction"] = "Describe it in one word."


def another_licence_in_one_row(rows: Rows) -> None:
    rows[-1]["license"] = "CC0-1.0"


def another_domain_in_one_row(rows: Rows) -> None:
    rows[-1]["domain"] = "art"


def another_method(rows: Rows) -> None:
    for row in rows:
        row["label_method"] = "dawid-skene"


def claims_a_licence_of_labels(rows: Rows) -> None:
    rows[0]["labels_license"] = "MIT"


def of_text(path: str, pattern: str, new: str) -> Forgery:
    def forged(folder: Path) -> None:
        text = (folder / path).read_text()
        changed = re.sub(pattern, new, text, count=1, flags=re.MULTILINE)
        assert changed != text
        (folder / path).write_text(changed)
        reseal(folder)

    return forged


def a_size_on_the_card(folder: Path) -> None:
    """Sizes fit after `reseal`, so that one of them is changed behind it."""
    of_text(CARD, r"num_examples: \d+", "num_examples: 21")(folder)


def of_croissant(name: str, value: Any) -> Forgery:
    def forged(folder: Path) -> None:
        path = folder / "croissant.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
        reseal(folder)

    return forged


def a_column_less_in_croissant(folder: Path) -> None:
    path = folder / "croissant.json"
    document = json.loads(path.read_text())
    document["recordSet"][0]["field"].pop()
    path.write_text(json.dumps(document))
    reseal(folder)


def no_licence_file(folder: Path) -> None:
    (folder / "LICENSE").unlink()
    reseal(folder)


def another_licence_in_the_manifest(folder: Path) -> None:
    change_text(folder, "release.json", '"license": "cc-by-4.0"', '"license": "mit"')


FORGERIES: dict[str, tuple[Forgery, Rule, str]] = {
    "more votes of a span": (of_rows(more_votes_of_a_span), Rule.SPAN_VOTES, DATA),
    "all votes of a span": (of_rows(all_votes_of_a_span), Rule.SPAN_VOTES, DATA),
    "another type": (of_rows(another_type), Rule.SPAN_VOTES, DATA),
    "a longer span": (of_rows(a_longer_span), Rule.SPAN_VOTES, DATA),
    "one span more": (of_rows(one_span_more), Rule.SPAN_VOTES, DATA),
    "no span any more": (of_rows(no_span_any_more), Rule.SPAN_VOTES, DATA),
    "agreement better than it is": (
        of_rows(agreement_better_than_it_is), Rule.SPAN_VOTES, DATA,
    ),
    "agreement on a correct sentence": (
        of_rows(agreement_on_a_correct_sentence), Rule.SPAN_VOTES, DATA,
    ),
    "spans of a vote": (of_rows(spans_of_a_vote, VOTES), Rule.SPAN_VOTES, DATA),
    "type of a vote": (of_rows(type_of_a_vote, VOTES), Rule.SPAN_VOTES, DATA),
    "spans on a vote of correct": (of_rows(spans_on_a_vote_of_correct, VOTES), Rule.SPAN, VOTES),
    "a vote outside the control sample": (
        of_rows(lambda rows: rows[0].update(in_control=False), VOTES), Rule.CONTROL, VOTES,
    ),
    "flag of a vote": (
        of_rows(lambda rows: rows[0].update(flags=["perfect"]), VOTES), Rule.VALUE, VOTES,
    ),
    "one bit of a hash": (of_rows(another_hash), Rule.PERCEPTUAL_HASH, DATA),
    "a hash that is none": (of_rows(no_hash_at_all), Rule.PERCEPTUAL_HASH, DATA),
    "a flag of no vocabulary": (of_rows(a_flag_of_no_vocabulary), Rule.IMPORTED, DATA),
    "a licence of labels": (of_rows(claims_a_licence_of_labels), Rule.IMPORTED, DATA),
    "params that are no JSON": (of_rows(params_that_are_no_json), Rule.IDENTITY, DATA),
    "params that are no object": (of_rows(params_that_are_no_object), Rule.IDENTITY, DATA),
    "other params": (of_rows(other_params), Rule.IDENTITY, DATA),
    "another revision": (of_rows(another_revision), Rule.IDENTITY, DATA),
    "another seed": (of_rows(another_seed), Rule.IDENTITY, DATA),
    "another splitter": (of_rows(another_splitter), Rule.IDENTITY, DATA),
    "another sentence id": (of_rows(another_sentence_id), Rule.IDENTITY, DATA),
    "another text around": (of_rows(another_text_around), Rule.IDENTITY, DATA),
    "another method": (of_rows(another_method), Rule.IDENTITY, DATA),
    "another instruction in one row": (of_rows(another_text_in_one_row), Rule.AGREES, DATA),
    "another licence in one row": (of_rows(another_licence_in_one_row), Rule.AGREES, DATA),
    "another domain in one row": (of_rows(another_domain_in_one_row), Rule.AGREES, DATA),
    "licence on the card": (of_text(CARD, '^license: ".*"', 'license: "mit"'), Rule.CARD, CARD),
    "licences of images on the card": (of_text(CARD, "CC-BY-4.0", "CC0-1.0"), Rule.CARD, CARD),
    "rows on the card": (a_size_on_the_card, Rule.CARD, CARD),
    "votes on the card": (of_text(CARD, "- 48 votes", "- 84 votes"), Rule.CARD, CARD),
    "kappa on the card": (of_text(CARD, r"^(\| all .*) \[", r"\g<1>1 ["), Rule.CARD, CARD),
    "language on the card": (of_text(CARD, '^- "en"', '- "fr"'), Rule.CARD, CARD),
    "title on the card": (of_text(CARD, "^# A small", "# A large"), Rule.CARD, CARD),
    "licence in Croissant": (
        of_croissant("license", "https://opensource.org/license/mit"),
        Rule.CROISSANT, "croissant.json",
    ),
    "version in Croissant": (
        of_croissant("version", "2.0.0"), Rule.CROISSANT, "croissant.json",
    ),
    "citation in Croissant": (
        of_croissant("citeAs", "somebody else"), Rule.CROISSANT, "croissant.json",
    ),
    "a column less in Croissant": (
        a_column_less_in_croissant, Rule.CROISSANT, "croissant.json",
    ),
    "licence in the manifest": (another_licence_in_the_manifest, Rule.TERMS, "LICENSE"),
    "no licence file": (no_licence_file, Rule.TERMS, "LICENSE"),
    "another licence file": (of_text("LICENSE", "CC-BY-4.0", "MIT"), Rule.TERMS, "LICENSE"),
    "another citation": (
        of_text("CITATION.cff", "A small", "A large"), Rule.TERMS, "CITATION.cff",
    ),
}  # fmt: skip

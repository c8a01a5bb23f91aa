"""Does what rows say of the control sample follow from the rounds that `release.json` tells of?"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from alignbench.release.verify.report import Findings, Rule
from alignbench.release.votes.rounds import AnsweredWordings
from alignbench.release_format.layout import MANIFEST
from alignbench.release_format.manifest import Manifest, RoundRecord
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.vocabulary import PUBLISHED_LABEL, Purpose

_FIRST_VERSION_WITH_ROUNDS: Final = 4
_ROUNDS: Final = TypeAdapter(dict[str, RoundRecord])

Row = dict[str, Any]


def rounds_of(record: Mapping[str, Any]) -> dict[str, RoundRecord] | None:
    """Returns the rounds that `release.json` tells of.

    Args:
        record: Its content, of which nothing is known.

    Returns:
        None if it is of a version that tells of none; none of them if they cannot be read, which
        `check_manifest` reports.
    """
    version = record.get("schema_version")
    if isinstance(version, int) and version < _FIRST_VERSION_WITH_ROUNDS:
        return None
    try:
        return _ROUNDS.validate_python(record.get("rounds"))
    except ValidationError:
        return {}


def label_options(record: Mapping[str, Any]) -> LabelOptions:
    """Returns the options that `release.json` says labels were made with; else the default."""
    label_set = record.get("label_set")
    options = label_set.get("options") if isinstance(label_set, dict) else None
    return LabelOptions.of(options if isinstance(options, dict) else {})


def check_rounds(manifest: Manifest, answered: AnsweredWordings, findings: Findings) -> None:
    """Checks that `release.json` tells of the rounds of the answers, and of what was read there."""
    if manifest.schema_version < _FIRST_VERSION_WITH_ROUNDS:
        return
    for name in sorted(answered.rounds ^ manifest.rounds.keys()):
        is_there = name in answered.rounds
        text = "is not told of" if is_there else "is told of, and no answer names it"
        findings.add(MANIFEST, Rule.CONTROL, f"the round {name!r} {text}")
    for name, expected in answered.onto(manifest.rounds).items():
        if manifest.rounds[name] != expected:
            text = f"the ids of texts of round {name!r} are not those of its answers"
            findings.add(MANIFEST, Rule.CONTROL, text)


def check_control(
    votes: list[Row],
    sentences: Mapping[str, Row],
    rounds: Mapping[str, RoundRecord],
    findings: Findings,
) -> None:
    """Checks `in_control` of votes and of sentences, from the images and the rounds."""
    in_full: dict[str, bool] = {}
    for vote in votes:
        sentence = sentences.get(vote["sentence_id"])
        if sentence is None or vote["round"] not in rounds:
            continue  # reported by others
        expected = _of_vote(vote, sentence, rounds[vote["round"]])
        if vote["in_control"] != expected:
            text = f"in_control is {vote['in_control']}, its round and image make it {expected}"
            findings.add(vote["file"], Rule.CONTROL, text, vote["row"])
        if vote["purpose"] == Purpose.LABEL:
            before = in_full.get(vote["sentence_id"], True)
            in_full[vote["sentence_id"]] = before and bool(expected)
    for sentence_id, sentence in sentences.items():
        if sentence["label_method"] == PUBLISHED_LABEL:
            continue
        counted = in_full.get(sentence_id)
        if counted is not None and sentence["in_control"] != counted:
            text = f"in_control is {sentence['in_control']}, its votes make it {counted}"
            findings.add(sentence["file"], Rule.CONTROL, text, sentence["row"])


def _of_vote(vote: Row, sentence: Row, of_round: RoundRecord) -> bool | None:
    match vote["purpose"]:
        case Purpose.GOLD:
            return True
        case Purpose.ADJUDICATE:
            return None
        case _:
            return of_round.control(vote["round"]).has(sentence["image_id"])

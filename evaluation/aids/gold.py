"""Sentences whose true verdict is known: from a workspace's table of gold, or a file."""

from collections.abc import Mapping

import pyarrow as pa

from alignbench.evaluation.errors import ScoreFileError
from alignbench.evaluation.tabular_files import read_by_ending
from alignbench.schemas.tables import GOLD
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.workspace import Workspace


def gold_of(workspace: Workspace) -> dict[str, Verdict]:
    """Returns the gold verdicts of a workspace, by sentence."""
    return {row.sentence_id: row.verdict for row in workspace.table(GOLD).rows()}


def read_gold(path: str) -> Mapping[str, Verdict]:
    """Returns true verdicts by sentence, from a file with `sentence_id` and `verdict`.

    Raises:
        ScoreFileError: It cannot be read, lacks a column, has another verdict than there are, or
            has a sentence twice with different ones.
    """
    try:
        table = read_by_ending(path)
        ids = table["sentence_id"].cast(pa.string()).to_pylist()
        verdicts = [Verdict(verdict) for verdict in table["verdict"].to_pylist()]
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise _unusable(path, str(error)) from None
    gold: dict[str, Verdict] = {}
    for sentence_id, verdict in zip(ids, verdicts, strict=True):
        if gold.setdefault(sentence_id, verdict) is not verdict:
            raise _unusable(path, f"it has two verdicts for the sentence {sentence_id}")
    return gold


def _unusable(path: str, reason: str) -> ScoreFileError:
    return ScoreFileError(
        f"{path} cannot be read as gold: {reason}.",
        "Give a CSV, TSV, JSON or Parquet file with the columns sentence_id and verdict: correct, "
        "incorrect or unknown.",
    )

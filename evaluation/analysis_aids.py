"""Gathering what some analyses need beside sentences and scores."""

from collections.abc import Mapping, Sequence

from alignbench.evaluation.aids.gold import gold_of
from alignbench.evaluation.aids.parts_of_speech import Tagger
from alignbench.evaluation.analyses.aids import Aids
from alignbench.evaluation.analyses.clip4dm_sets.analysis import Judge
from alignbench.evaluation.analyses.unknown_bounds import UnknownSentences
from alignbench.evaluation.chosen_detectors.entries import PreparedDetector
from alignbench.evaluation.scores.scored import Sentences, join_scores
from alignbench.evaluation.scores.scores import score_rows
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.workspace import Workspace


def found_aids(
    reader: ReleaseReader,
    detectors: Sequence[PreparedDetector],
    workspace: Workspace,
    gold: Mapping[str, Verdict],
    entailment: str | None,
    parts_of_speech: str | None,
) -> Aids:
    """Returns what there is.

    Args:
        reader: The release.
        detectors: Who scored it.
        workspace: Where scores are, and gold if it is the release's own workspace.
        gold: Further true verdicts by sentence.
        entailment: The NLI model, if one was named.
        parts_of_speech: The spaCy model, if one was named.

    Raises:
        MissingExtraError: A model was named, and what it runs on is not installed.
        ModelNotFoundError: The NLI model cannot be had.
    """
    return Aids(
        gold={**gold_of(workspace), **gold},
        unknown=_unknown(reader, detectors, workspace),
        judge=None if entailment is None else _judge(entailment),
        tagger=None if parts_of_speech is None else Tagger(parts_of_speech),
    )


def _unknown(
    reader: ReleaseReader, detectors: Sequence[PreparedDetector], workspace: Workspace
) -> UnknownSentences | None:
    table = reader.sentences(Verdict.UNKNOWN)
    if not len(table):
        return None
    unknown = Sentences.of(table)
    scores = {
        one.name: join_scores(
            unknown, score_rows(workspace, one.detector_id), one.name, one.family
        ).scores
        for one in detectors
    }
    return UnknownSentences(table, scores)


def _judge(model: str) -> Judge:
    try:
        from alignbench.evaluation.aids.entailment import EntailmentModel
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The NLI model needs the package {error.name!r}, which is not installed.",
            "Run: pip install 'alignbench[models]', or leave out --entailment.",
        ) from None
    loaded = EntailmentModel(model)
    return Judge(f"{model} at {loaded.revision}", loaded.entails)

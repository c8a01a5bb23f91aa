"""What `release.json` says of a release's contents, from the counts over its rows."""

from alignbench.release.counting.statistics import Statistics
from alignbench.release_format.manifest import ModelCounts, SplitCounts
from alignbench.schemas.vocabulary import Direction, Purpose, Verdict


def model_counts(statistics: Statistics) -> dict[str, ModelCounts]:
    """Returns what each model has, from the counts over its rows."""
    return {
        model: ModelCounts(
            direction=Direction(part.direction),
            sentences=part.sentences,
            correct=part.verdicts[Verdict.CORRECT],
            incorrect=part.verdicts[Verdict.INCORRECT],
            unknown=part.verdicts[Verdict.UNKNOWN],
            votes=part.vote_count,
        )
        for model, part in sorted(statistics.models.items())
    }


def split_counts(statistics: Statistics) -> dict[str, SplitCounts]:
    """Returns what each split has, from the counts over its rows."""
    found = {}
    for split in statistics.splits:
        models = {m: part.sentences for (s, m), part in statistics.parts.items() if s == split}
        found[split] = SplitCounts(
            sentences=sum(models.values()),
            votes=statistics.votes[split, Purpose.LABEL.value],
            adjudications=statistics.votes[split, Purpose.ADJUDICATE.value],
            by_model=dict(sorted(models.items())),
            gold=statistics.votes[split, Purpose.GOLD.value],
        )
    return found

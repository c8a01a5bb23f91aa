"""What scoring takes: seconds as measured, and dollars by a machine's or a provider's price."""

from typing import Final, NamedTuple

import pyarrow.compute as pc

from alignbench.evaluation.chosen_detectors.entries import PreparedDetector
from alignbench.evaluation.scores.scored import Running, Sentences
from alignbench.schemas.configuration.catalog import CatalogModel, catalog
from alignbench.schemas.ids import derive_id

ANSWER_TOKENS: Final = 4
"""Tokens that a score or a yes is reckoned as; thoughts are not reckoned."""

_LETTERS_OF_TOKEN: Final = 4
_HOUR: Final = 3600.0


class _Cost(NamedTuple):
    dollars: float | None = None
    priced_by: str | None = None


def running(
    detector: PreparedDetector,
    sentences: Sentences,
    seconds: float | None,
    dollars_per_hour: float | None,
) -> Running:
    """Returns how a detector was asked, and what that took.

    Args:
        detector: The detector; one that hands on a list of scores took no time.
        sentences: What it scored.
        seconds: Mean time of a sentence.
        dollars_per_hour: Of the machine; without it a provider's price from the catalog counts.
    """
    if not detector.runs:
        return Running()
    record = detector.record
    model = None
    if record["prompt"] is not None:
        model = derive_id(*(record[key] for key in ("backend", "repo", "revision", "params")))
    cost = _by_tokens(record["repo"], record["prompt"] or "", sentences)
    if cost.dollars is None and dollars_per_hour is not None and seconds is not None:
        cost = _Cost(1000 * seconds / _HOUR * dollars_per_hour, f"${dollars_per_hour:g} an hour")
    return Running(model, seconds, cost.dollars, cost.priced_by)


def _by_tokens(repo: str, prompt: str, sentences: Sentences) -> _Cost:
    model = _priced(repo)
    if model is None or not len(sentences):
        return _Cost()
    letters = pc.mean(pc.utf8_length(sentences.table["caption"])).as_py() + len(prompt)
    sent = letters / _LETTERS_OF_TOKEN + (model.image_tokens or 0)
    dollars = (sent * (model.price_in or 0) + ANSWER_TOKENS * (model.price_out or 0)) / 1000
    return _Cost(dollars, f"list price of {model.repo} on {model.price_date}, an estimate")


def _priced(repo: str) -> CatalogModel | None:
    """Returns the model of a catalog that a provider serves under this name, with its price."""
    found = (model for model in catalog().values() if repo in (model.repo, model.name))
    return next((model for model in found if repo and model.price_in is not None), None)

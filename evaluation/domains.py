"""A domain for images that have none: the nearest of a list of names, by CLIP without training.

An optional step. Its result is kept beside the report with the model that made it, and the report
says so: it is a model's guess, and neither an annotator's nor a source's.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.evaluation.chosen_detectors.entries import PreparedDetector, parse_detector
from alignbench.evaluation.errors import ModelShapeError
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.protocols import ItemFailure

PAPER: Final = ("nature", "food", "object", "building", "animal")
"""The five domains of AlignBench's analysis."""

FILE: Final = "domains.parquet"
_PROMPT: Final = "a photo of {domain}"
_BATCH: Final = 64
_SCHEMA: Final = pa.schema(
    [("image_id", pa.string()), ("domain", pa.string()), ("margin", pa.float64()),
     ("method", pa.string())]
)  # fmt: skip


class DomainStep(NamedTuple):
    """How domains are guessed.

    Attributes:
        model: A detector of backend `clip` or `siglip`, as on the command line.
        names: The domains.
    """

    model: str = "clip"
    names: tuple[str, ...] = PAPER

    def record(self) -> dict[str, Any]:
        """Returns what is written down of it."""
        return {"model": self.model, "names": list(self.names), "prompt": _PROMPT}


def with_domains(
    release: ReleaseReader, sentences: pa.Table, step: DomainStep, out: Path
) -> tuple[pa.Table, str]:
    """Returns the sentences, none without a domain that has an image, and a note on the step.

    Args:
        release: Where the images are.
        sentences: Those of the release.
        step: How it is done.
        out: Folder in which the guesses are kept.

    Raises:
        ModelShapeError: The model compares no images with texts.
    """
    missing = sentences.filter(pc.is_null(sentences["domain"]))
    if not len(missing):
        return sentences, "Every image has a domain from its source; none was guessed."
    guessed = _guessed(release, missing, step)
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(guessed, out / FILE)
    place = pc.index_in(sentences["image_id"], guessed["image_id"].combine_chunks())
    domain = pc.coalesce(sentences["domain"], pc.take(guessed["domain"], place))
    table = sentences.set_column(sentences.column_names.index("domain"), "domain", domain)
    note = (
        f"The domain of {len(guessed):,} images was guessed: the nearest of "
        f"{', '.join(step.names)} by {step.model!r}, without training. See {FILE}."
    )
    return table, note


def _guessed(release: ReleaseReader, missing: pa.Table, step: DomainStep) -> pa.Table:
    entry = parse_detector(step.model)
    if entry.backend not in ("clip", "siglip"):
        raise ModelShapeError(
            f"Domains cannot be guessed by {step.model!r}, whose backend is {entry.backend!r}.",
            "Name a detector of backend clip or siglip.",
        )
    prepared = PreparedDetector(entry)
    detector = prepared.load()
    images = (found for found in release.images(missing) if found.data is not None)
    rows: list[dict[str, object]] = []
    while batch := list(islice(images, _BATCH)):
        scores = iter(detector.score([
            ScoringRequest("", _PROMPT.format(domain=name), found.image_id, found.data or b"")
            for found in batch
            for name in step.names
        ]))  # fmt: skip
        for found in batch:
            own = list(islice(scores, len(step.names)))
            rows += _nearest(found.image_id, step.names, own, prepared.detector_id)
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _nearest(
    image_id: str,
    names: Sequence[str],
    scores: Sequence[SentenceScore | ItemFailure],
    method: str,
) -> Iterator[dict[str, object]]:
    """Yields the row of an image, if it could be read."""
    told = [score.score for score in scores if not isinstance(score, ItemFailure)]
    if len(told) < len(names):
        return
    order = sorted(range(len(told)), key=lambda place: -told[place])
    margin = told[order[0]] - told[order[1]] if len(told) > 1 else None
    domain = names[order[0]]
    yield {"image_id": image_id, "domain": domain, "margin": margin, "method": method}

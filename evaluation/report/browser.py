"""The browser of single sentences: a page beside the report, and its data in many small files.

    sentences.html            the page
    sentences/index.js        names, thresholds, and how many sentences there are
    sentences/codes.js        of every sentence: model, type, domain, verdict, as numbers
    sentences/detector-N.js   every score of one detector
    sentences/chunk-N.js      the text, spans, votes and scores of some hundred sentences
    sentences/images/*.jpg    small copies of the release's images

A page that is opened from a disk may load scripts, and no other data; so each file is a script that
hands over one value, and is loaded when it is needed. Sentences stand in one order everywhere, the
hardest first.
"""

import base64
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alignbench.evaluation.report.html import PACKAGE
from alignbench.evaluation.report.pictures import picture_name, write_pictures
from alignbench.evaluation.scores.scored import Coded, Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.release_format.sentences import VOTES, ReleaseReader
from alignbench.reporting.html import page_templates
from alignbench.reporting.pieces import pieces

PAGE: Final = "sentences.html"
FOLDER: Final = "sentences"

_CHUNK: Final = 200
_MOST_CHARACTERS: Final = 5000
_DIGITS: Final = 4


class Threshold(NamedTuple):
    """The score from which on a sentence counts as called correct, and how well that does."""

    score: float
    balanced_accuracy: float


def best_threshold(scores: Floats, correct: Bools) -> Threshold | None:
    """Returns the threshold of the best balanced accuracy; None where a class is missing.

    Args:
        scores: Of each sentence, finite.
        correct: Whether it is correct.
    """
    if correct.all() or not correct.any():
        return None
    values = np.unique(scores)
    place = np.searchsorted(values, scores)
    right = np.bincount(place[correct], minlength=len(values))
    wrong = np.bincount(place[~correct], minlength=len(values))
    recall = right[::-1].cumsum()[::-1] / right.sum()
    rejected = (wrong.cumsum() - wrong) / wrong.sum()
    balanced = (recall + rejected) / 2
    best = int(np.argmax(balanced))
    return Threshold(float(values[best]), float(balanced[best]))


def write_browser(
    out: Path,
    reader: ReleaseReader,
    sentences: Sentences,
    detectors: Sequence[Scored],
    order: Sequence[int],
) -> str:
    """Writes the page and its data.

    Args:
        out: Folder of the report.
        reader: The release.
        sentences: Of the release.
        detectors: Their scores.
        order: Rows in the order in which they are shown; those that are left out come last.

    Returns:
        The name of the page.
    """
    folder = out / FOLDER
    pictures = write_pictures(reader, sentences.table, folder / "images")
    for old in folder.glob("*.js"):
        old.unlink()
    rows = _every(order, len(sentences))
    _hand_over(folder, "index", _index(reader, sentences, detectors))
    _hand_over(folder, "codes", _codes(sentences, rows))
    for number, detector in enumerate(detectors):
        scores = detector.scores[rows].astype("<f4").tobytes()
        _hand_over(folder, f"detector-{number}", base64.b64encode(scores).decode("ascii"))
    for number, chunk in enumerate(_chunks(sentences, detectors, rows, pictures)):
        _hand_over(folder, f"chunk-{number}", chunk)
    page = page_templates(PACKAGE, ["browser.js"]).get_template("sentences.html.j2")
    (out / PAGE).write_text(page.render(release=reader.name, folder=FOLDER), encoding="utf-8")
    return PAGE


def _every(order: Sequence[int], length: int) -> Ints:
    rest = np.ones(length, bool)
    first = np.asarray(order, np.int64)
    rest[first] = False
    return np.concatenate([first, np.flatnonzero(rest)])


def _index(
    reader: ReleaseReader, sentences: Sentences, detectors: Sequence[Scored]
) -> dict[str, Any]:
    thresholds = [
        best_threshold(d.scores[d.there], sentences.correct[d.there]) if d.there.any() else None
        for d in detectors
    ]
    return {
        "release": reader.name,
        "sentences": len(sentences),
        "chunk": _CHUNK,
        "models": sentences.model.names,
        "types": sentences.error_type.names,
        "domains": sentences.domain.names,
        "detectors": [
            {
                "name": detector.name,
                "threshold": threshold and threshold.score,
                "balanced": threshold and round(threshold.balanced_accuracy, _DIGITS),
            }
            for detector, threshold in zip(detectors, thresholds, strict=True)
        ],
    }


def _codes(sentences: Sentences, rows: Ints) -> dict[str, str]:
    def packed(codes: Ints | Bools) -> str:
        return base64.b64encode(codes[rows].astype("<i2").tobytes()).decode("ascii")

    def of(coded: Coded) -> str:
        return packed(coded.codes)

    return {
        "model": of(sentences.model),
        "type": of(sentences.error_type),
        "domain": of(sentences.domain),
        "correct": packed(sentences.correct),
    }


def _chunks(
    sentences: Sentences, detectors: Sequence[Scored], rows: Ints, pictures: set[str]
) -> Iterator[list[list[Any]]]:
    """Yields chunks of sentences, each a list in the order that `browser.js` reads.

    Nine digits tell every number of single precision from the next, so that a score here lies on
    the same side of a threshold as in a detector's own file.
    """
    table = sentences.table.take(pa.array(rows))
    scores = _nine_digits(np.array([detector.scores for detector in detectors], np.float32).T[rows])
    for start in range(0, len(table), _CHUNK):
        some = table.slice(start, _CHUNK).to_pylist()
        yield [
            [
                row["sentence_id"],
                row["sentence_index"],
                list(pieces(row["caption"], row["error_spans"] or [], _MOST_CHARACTERS)),
                [row.get(name) for name in VOTES],
                picture_name(row["image_id"]) if row["image_id"] in pictures else None,
                [x if math.isfinite(x) else None for x in of_row.tolist()],
            ]
            for row, of_row in zip(some, scores[start : start + _CHUNK], strict=True)
        ]


def _nine_digits(scores: npt.NDArray[np.float32]) -> Floats:
    """Returns numbers of single precision as the doubles that nine digits of them stand for."""
    exact = scores.astype(np.float64)
    size = np.abs(exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = np.where(size > 0, 8 - np.floor(np.log10(size)), 0)
        scale = 10.0 ** np.clip(digits, -300, 300)
        found: Floats = np.round(exact * scale) / scale
    return np.where(np.isfinite(found), found, exact)


def _hand_over(folder: Path, name: str, value: object) -> None:
    """Writes a script that hands a value over; it is plain ASCII, whatever the value holds."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    (folder / f"{name}.js").write_text(f"handOver({json.dumps(name)},{text});\n", encoding="ascii")

"""What can be checked of a data row by itself. Each check yields the rows that break its rule."""

import math
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.fleiss import item_agreement
from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.majority import agreement_ratio, majority
from alignbench.release.labels.spans import SpanAgreement
from alignbench.release.verify.batches import Batch
from alignbench.release.verify.published import published_problems
from alignbench.release.verify.report import Findings, Problem, Rule
from alignbench.release_format.columns import vote_count
from alignbench.release_format.layout import Shard
from alignbench.schemas.vocabulary import (
    PUBLISHED_LABEL,
    Direction,
    HallucinationType,
    ImageType,
    LabelMethod,
    Verdict,
)

Check = Callable[[pa.RecordBatch], Iterator[Problem]]

_TYPES: Final = frozenset(HallucinationType)
_VOCABULARY: Final[dict[str, frozenset[str]]] = {
    "annotation": frozenset(Verdict),
    "image_type": frozenset(ImageType),
    "direction": frozenset(Direction),
    "error_type": _TYPES,
    "span_agreement": frozenset(SpanAgreement),
    "label_method": frozenset({*LabelMethod, PUBLISHED_LABEL}),
}


def check_rows(batch: Batch, shard: Shard, version: object, findings: Findings) -> None:
    """Checks each row of a batch of a data shard; `version` is what `release.json` says."""
    checks: tuple[Check, ...] = (
        _values, _sentences, _spans, _words, _labels, _vote_numbers, _licences, published_problems,
    )  # fmt: skip
    for check in checks:
        for problem in check(batch.rows):
            findings.add(batch.file, problem.rule, problem.text, batch.first + problem.row)
    for problem in _belongs(batch.rows, shard, version):
        findings.add(batch.file, problem.rule, problem.text, batch.first + problem.row)


def span_problem(sentence: str, span: dict[str, Any], *, untyped: bool = False) -> str | None:
    """Returns what is wrong with a span of a sentence; None if nothing is.

    Args:
        sentence: The sentence.
        span: The span.
        untyped: Whether it may have no type, as in sets that name wrong words alone.
    """
    start, end, text = span["start"], span["end"], span["text"]
    if start is None or end is None or not 0 <= start < end <= len(sentence):
        return f"span {start} to {end} is not inside the sentence"
    if sentence[start:end] != text:
        return f"span text differs: {text!r}, the sentence has {sentence[start:end]!r}"
    if span["type"] not in _TYPES and not (untyped and span["type"] is None):
        return f"there is no type {span['type']!r}"
    return None


def _columns(rows: pa.RecordBatch, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(rows.column(name).to_pylist() for name in names), strict=True)


def _only(rows: pa.RecordBatch, name: str, expected: object) -> bool:
    return all(value == expected for value in rows.column(name).unique().to_pylist())


def _belongs(rows: pa.RecordBatch, shard: Shard, expected: object) -> Iterator[Problem]:
    if _only(rows, "model", shard.model) and _only(rows, "schema_version", expected):
        return
    for row, (model, version) in enumerate(_columns(rows, "model", "schema_version")):
        if model != shard.model:
            yield Problem(row, Rule.VALUE, f"model {model!r} is in the folder of {shard.model!r}")
        if version != expected:
            yield Problem(row, Rule.VALUE, f"schema_version is {version}")


def _values(rows: pa.RecordBatch) -> Iterator[Problem]:
    for name, known in _VOCABULARY.items():
        if known.issuperset(rows.column(name).drop_null().unique().to_pylist()):
            continue
        for row, value in enumerate(rows.column(name).to_pylist()):
            if value is not None and value not in known:
                yield Problem(row, Rule.VALUE, f"{name} {value!r} is not of the vocabulary")


def _sentences(rows: pa.RecordBatch) -> Iterator[Problem]:
    columns = _columns(
        rows, "full_caption", "caption", "sentence_start", "sentence_end", "sentence_index"
    )
    for row, (full, caption, start, end, index) in enumerate(columns):
        if not 0 <= start < end <= len(full) or full[start:end] != caption:
            text = f"full_caption[{start}:{end}] is not the caption"
            yield Problem(row, Rule.SENTENCE, text)
        if index < 0:
            yield Problem(row, Rule.VALUE, f"sentence_index is {index}")


def _spans(rows: pa.RecordBatch) -> Iterator[Problem]:
    places = np.flatnonzero(_are_not_empty(rows.column("error_spans")))
    names = ("caption", "annotation", "error_spans", "label_method")
    columns = _columns(rows.select(names).take(pa.array(places)), *names)
    for row, (caption, verdict, spans, method) in zip(places.tolist(), columns, strict=True):
        if spans and verdict != Verdict.INCORRECT:
            yield Problem(row, Rule.SPAN, f"a sentence that is {verdict} has wrong spans")
        for span in spans:
            text = span_problem(caption, span, untyped=method == PUBLISHED_LABEL)
            if text is not None:
                yield Problem(row, Rule.SPAN, text)
        starts = [(span["start"], span["end"]) for span in spans]
        if starts != sorted(starts, key=lambda place: (place[0] or 0, place[1] or 0)):
            yield Problem(row, Rule.SPAN, "spans are not in order")


def _licences(rows: pa.RecordBatch) -> Iterator[Problem]:
    embedded = pc.is_valid(pc.struct_field(rows.column("image"), "bytes"))
    forbidden = pc.equal(rows.column("redistributable"), False)
    wrong = pc.fill_null(pc.and_(embedded, forbidden), False)
    for row in np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist():
        yield Problem(row, Rule.LICENCE, "an image that may not be redistributed is embedded")


def _words(rows: pa.RecordBatch) -> Iterator[Problem]:
    names = ("error_words", "error_spans", "error_type", "label_method")
    says_something = _truth(rows.column("error_type").is_valid())
    for name in names[:2]:
        says_something |= _are_not_empty(rows.column(name))
    places = np.flatnonzero(says_something)
    columns = _columns(rows.select(names).take(pa.array(places)), *names)
    for row, (words, spans, kind, method) in zip(places.tolist(), columns, strict=True):
        if words != [span["text"] for span in spans]:
            yield Problem(row, Rule.WORDS, "error_words are not the spans' texts")
        if method == PUBLISHED_LABEL and not spans:
            continue  # a set may name the kind of a mistake without its words
        best = max(spans, key=lambda span: span["votes"] or 0, default=None)
        expected = None if best is None else best["type"]
        if kind != expected:
            yield Problem(
                row, Rule.WORDS, f"error_type is {kind}, the best-voted span's {expected}"
            )


def _labels(rows: pa.RecordBatch) -> Iterator[Problem]:
    columns = [rows.column(f"n_{verdict}").fill_null(0).to_numpy() for verdict in VERDICTS]
    counts = np.stack(columns, axis=1).astype(np.int64)
    # Numbers that an imported set does not give are null, and `verify.published` looks after them.
    given = rows.column("n_correct").is_valid().to_numpy(zero_copy_only=False)
    counted = (counts >= 0).all(axis=1) & (counts.sum(axis=1) > 0)
    for row in np.flatnonzero(given & ~counted).tolist():
        yield Problem(row, Rule.LABEL, "no votes, or a negative number of them")
    safe = np.where(counted[:, None], counts, 1)
    verdicts, ratios, items = majority(safe), agreement_ratio(safe), item_agreement(safe)
    plain = _are_plainly_right(rows, verdicts, ratios, items)
    places = np.flatnonzero(given & counted & ~plain)
    columns_of_labels = zip(
        places.tolist(),
        [VERDICTS[index] for index in verdicts[places]],
        ratios[places].tolist(),
        items[places].tolist(),
        _columns(rows.select(_LABEL_COLUMNS).take(pa.array(places)), *_LABEL_COLUMNS),
        strict=True,
    )
    for row, verdict, ratio, item, found in columns_of_labels:
        for text in _label_problems(verdict, ratio, item, _Label(*found)):
            yield Problem(row, Rule.LABEL, text)


def _are_plainly_right(
    rows: pa.RecordBatch,
    verdicts: npt.NDArray[np.int64],
    ratios: npt.NDArray[np.float64],
    items: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Tells which labels are the majority of votes given in full, as most are, and say so."""
    said, agreement, confidence = (
        rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("agreement_ratio", "fleiss_Pi", "confidence")
    )
    names = pa.array([verdict.value for verdict in VERDICTS]).take(pa.array(verdicts))
    by_votes = pc.and_(
        pc.equal(rows.column("label_method"), LabelMethod.MAJORITY.value),
        pc.and_(pc.invert(rows.column("adjudicated")), rows.column("in_control")),
    )
    plain = _truth(
        pc.fill_null(pc.and_(by_votes, pc.equal(rows.column("annotation"), names)), False)
    )
    plain &= np.isclose(said, ratios, _CLOSE, 0) & np.isclose(confidence, ratios, _CLOSE, 0)
    plain &= confidence <= 1
    plain &= np.isclose(agreement, items, _CLOSE, 0, equal_nan=True)
    plain &= rows.column("fleiss_Pi").is_null().to_numpy(zero_copy_only=False) == np.isnan(items)
    return plain


_CLOSE: Final = 1e-9
"""As near as `math.isclose` asks for."""

_LABEL_COLUMNS: Final = (
    "annotation", "agreement_ratio", "fleiss_Pi", "confidence", "label_method", "adjudicated",
    "in_control",
)  # fmt: skip


def _vote_numbers(rows: pa.RecordBatch) -> Iterator[Problem]:
    if rows.column("n_votes").equals(vote_count(rows)):
        return
    expected = vote_count(rows).to_pylist()
    for row, (said, counted) in enumerate(
        zip(rows.column("n_votes").to_pylist(), expected, strict=True)
    ):
        if said != counted:
            yield Problem(row, Rule.VOTES, f"n_votes is {said}, n_* come to {counted}")


def _are_not_empty(lists: pa.Array) -> npt.NDArray[np.bool_]:
    return _truth(pc.not_equal(pc.fill_null(pc.list_value_length(lists), -1), 0))


def _truth(values: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = values.to_numpy(zero_copy_only=False).copy()
    return found


class _Label(NamedTuple):
    verdict: str
    ratio: float | None
    item: float | None
    confidence: float | None
    method: str
    adjudicated: bool
    in_control: bool | None


def _label_problems(verdict: Verdict, ratio: float, item: float, found: _Label) -> Iterator[str]:
    if found.confidence is None:
        return  # reported by `verify.published`
    if found.method == LabelMethod.MAJORITY and not found.adjudicated:
        if found.verdict != verdict:
            yield f"the votes make it {verdict}, not {found.verdict}"
        if not math.isclose(found.confidence, ratio):
            yield f"confidence is {found.confidence}, the votes make it {ratio}"
    if not 0 <= found.confidence <= 1:
        yield f"confidence is {found.confidence}"
    if found.in_control is False:
        if found.ratio is not None or found.item is not None:
            yield "agreement_ratio or fleiss_Pi is given outside the control sample"
        return
    if found.ratio is None:
        if found.method != PUBLISHED_LABEL:  # of others reported by `verify.published`
            yield "agreement_ratio is null in a row that is not outside the control sample"
        return
    if not math.isclose(found.ratio, ratio):
        yield f"agreement_ratio is {found.ratio}, the votes make it {ratio}"
    expected = None if math.isnan(item) else item
    if (found.item is None) != (expected is None) or not math.isclose(
        found.item or 0.0, expected or 0.0, abs_tol=1e-12
    ):
        yield f"fleiss_Pi is {found.item}, the votes make it {expected}"

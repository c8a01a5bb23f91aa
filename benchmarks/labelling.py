"""How long `label` takes, from votes in tables to labels in tables: majority and Dawid-Skene.

A workspace of its own in a temporary folder: sentences of 15 words, 5 votes each by 40 annotators
of whom everyone errs now and then; one sentence in six is wrong, and most mark where.

    python -m benchmarks.labelling [--sentences 100000] [--repeats 3]
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from alignbench.release.labels.compute import compute_labels
from alignbench.schemas.ids import derive_id
from alignbench.schemas.rows.annotation import Annotation
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS, LABEL_SETS, LABELS, SENTENCES
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    Direction,
    HallucinationType,
    LabelMethod,
    Purpose,
    Verdict,
)
from alignbench.workspace.selection import Selection
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace

VOTES = 5
ANNOTATORS = 40
PART_ROWS = 10_000
TARGETS = {LabelMethod.MAJORITY: 20.0, LabelMethod.DAWID_SKENE: 60.0}
TEXT = "A red ball lies on the green grass beside a small dog that looks at it."
START = datetime(2026, 1, 1, tzinfo=UTC)
SELECTION = Selection(("generator",), "splitter")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(LocalStore(Path(folder)))
        _fill(workspace, options.sentences)
        seconds: dict[LabelMethod, list[float]] = {method: [] for method in LabelMethod}
        for _ in range(options.repeats):
            for method in LabelMethod:
                seconds[method].append(_labelled(workspace, method))
    print(f"label, {options.sentences:,} sentences x {VOTES} votes ({options.repeats} repeats)\n")
    print("| method | of the target | median s | target s | sentences/s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for method, found in seconds.items():
        median, target = statistics.median(found), TARGETS[method]
        rate = options.sentences / median
        print(f"| {method} | {median / target:.2f} | {median:.1f} | {target:.0f} | {rate:,.0f} |")


def _labelled(workspace: Workspace, method: LabelMethod) -> float:
    for spec in (LABELS, LABEL_SETS):
        for name in workspace.table(spec).part_names():
            workspace.store.delete(f"tables/{spec.name}/{name}")
    fresh = Workspace(workspace.store)
    started = time.monotonic()
    report = compute_labels(fresh, SELECTION, "run", method=method)
    if not report.computed:
        raise SystemExit("Nothing was labelled.")
    return time.monotonic() - started


def _fill(workspace: Workspace, count: int) -> None:
    order = random.Random(1)
    for first in range(0, count, PART_ROWS):
        numbers = range(first, min(first + PART_ROWS, count))
        sentences = [_sentence(number) for number in numbers]
        workspace.table(SENTENCES).append(sentences, "run")
        votes = [vote for sentence in sentences for vote in _votes(sentence, order)]
        workspace.table(ANNOTATIONS).append(votes, "run")


def _sentence(number: int) -> Sentence:
    image = number // 6
    return Sentence(
        sentence_id=derive_id(number), pair_id=derive_id("pair", image), generator_id="generator",
        direction=Direction.I2T, model="model", image_id=derive_id("image", image) * 2,
        prompt_id=None, text_sha256="", sentence_index=number % 6, text=TEXT, start=0,
        end=len(TEXT), splitter_id="splitter",
    )  # fmt: skip


def _votes(sentence: Sentence, order: random.Random) -> Iterator[Annotation]:
    truth = Verdict.INCORRECT if order.random() < 1 / 6 else Verdict.CORRECT
    other = Verdict.CORRECT if truth is Verdict.INCORRECT else Verdict.INCORRECT
    for annotator in order.sample(range(ANNOTATORS), VOTES):
        [verdict] = order.choices([truth, other, Verdict.UNKNOWN], [85, 10, 5])
        yield Annotation(
            server="http://localhost", project_id=1,
            annotation_id=int(derive_id(sentence.sentence_id, annotator)[:12], 16),
            sentence_id=sentence.sentence_id, task_id=1, round="1", purpose=Purpose.LABEL,
            annotator=f"annotator-{annotator}@example.org", verdict=verdict,
            spans=_marks(order) if verdict is Verdict.INCORRECT else (),
            status=AnnotationStatus.SUBMITTED, flags=(), note=None, preannotated_by=None,
            updated_by=None, text_sha256="", lead_seconds=None, annotated_at=START,
            updated_at=START,
        )  # fmt: skip


def _marks(order: random.Random) -> tuple[Span, ...]:
    start, end = order.choice([(2, 10), (6, 10), (2, 5), (23, 34)])
    kind = order.choice([HallucinationType.OBJECT, HallucinationType.ATTRIBUTE])
    return (Span(start=start, end=end, type=kind, text=TEXT[start:end]),)


if __name__ == "__main__":
    main()

"""A small benchmark whose round asked for votes as they were needed, on the images of `benchmark`.

Each sentence outside the control sample has two votes, or three where the first two differ; each
inside it has four. Some sentences are gold too.
"""

from typing import Any

from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.schemas.control_sample import ControlSample
from alignbench.schemas.rows.annotation import Annotation, Round
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.vocabulary import AnnotationUnit, LabelMethod, Purpose, RoundForm, Verdict
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import CONFIG, RESOLVED, Rows, append, make_rows, span, vote

PEOPLE = tuple(f"{name}@example.org" for name in ("ann", "bob", "eve", "ida"))


def adaptive_rows(store: ObjectStore, images: int = 8) -> Rows:
    """Returns the rows of a workspace without labels."""
    rows = make_rows(store, images)
    rows.annotations = []
    control = control_of(rows)
    for number, sentence in enumerate(rows.sentences):
        rows.annotations += _votes(sentence, number, control.has(sentence.image_id))
        if number % 7 == 0:
            rows.annotations.append(
                vote(sentence, "gus@example.org", Verdict.CORRECT, purpose=Purpose.GOLD)
            )
    return rows


def round_of(rows: Rows, **changes: Any) -> Round:
    """Returns a round, half of whose images or so are in the control sample."""
    known: dict[str, Any] = {
        "round": "1", "form": RoundForm.QUEUES, "unit": AnnotationUnit.SENTENCE,
        "first": 2, "most": 4, "until": 0.9, "control_share": control_of(rows).share,
    }  # fmt: skip
    return Round(**{**known, **changes})


def control_of(rows: Rows) -> ControlSample:
    """Returns a control sample that has some images and lacks some."""
    images = {image.image_id for image in rows.images}
    for share in (0.5, 0.4, 0.6, 0.3, 0.7):
        sample = ControlSample("1", share, is_adaptive=True)
        if 2 <= sum(map(sample.has, images)) <= len(images) - 2:
            return sample
    raise AssertionError("Every share takes all images, or none.")


def adaptive_release(store: ObjectStore) -> Workspace:
    """Returns a workspace with the release `CONFIG` of such a benchmark."""
    rows = adaptive_rows(store)
    workspace = Workspace(store)
    rows.append(workspace)
    append(workspace, [round_of(rows)])
    method = LabelMethod.SMOOTHED_DAWID_SKENE
    compute_labels(workspace, rows.selection, "run-1", method=method)
    build_release(workspace, rows.selection, CONFIG, RESOLVED)
    return workspace


def _votes(sentence: Sentence, number: int, in_full: bool) -> list[Annotation]:
    """Returns the votes: people agree but on every fifth sentence, where the second differs."""
    usual = Verdict.INCORRECT if number % 3 == 0 else Verdict.CORRECT
    differs = number % 5 == 0
    asked = PEOPLE if in_full else PEOPLE[: 3 if differs else 2]
    found = []
    for place, name in enumerate(asked):
        verdict = Verdict.UNKNOWN if differs and place == 1 else usual
        spans = [span(sentence, 0, 3)] if verdict is Verdict.INCORRECT else []
        wording = {"guideline_id": f"g{place % 2}", "label_schema_id": "s"}
        found.append(vote(sentence, name, verdict, spans, minutes=number + place, **wording))
    return found

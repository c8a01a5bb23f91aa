"""A small annotated benchmark in a real workspace: rows in its tables, PNG files in its store.

Two captioners and one image generator; some images of two sources, one that may not be passed on;
sentences in several scripts; three annotators who agree, disagree, tie, answer twice and skip.
"""

import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from alignbench.models.perceptual_hash import difference_hash_of_file
from alignbench.schemas import ids
from alignbench.schemas.columns import Row
from alignbench.schemas.configuration.release_section import ReleaseConfig
from alignbench.schemas.rows.annotation import Annotation
from alignbench.schemas.rows.generation import (
    Generator,
    Image,
    Origin,
    Pair,
    Prompt,
    Sentence,
    Splitter,
)
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import spec_of
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    Direction,
    HallucinationType,
    ImageType,
    Purpose,
    Verdict,
)
from alignbench.workspace.blobs import put_image
from alignbench.workspace.selection import Selection
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import Workspace

SPLITTER = ids.splitter_id("en_core_web_sm", "3.8.0", 1)
CONFIG = ReleaseConfig(
    name="small", version="1.0.0", title="A small benchmark", license="cc-by-4.0", figures=False
)
"""Drawing takes longer than all the rest of a small release."""
RESOLVED: dict[str, Any] = {
    kind: [{"name": name, "backend": "openai", "repo": f"lab/{name}"} for name in names]
    for kind, names in {
        "captioners": ("careful", "hasty"),
        "image_generators": ("painter",),
    }.items()
}
"""What a release tells of the configuration: its models."""
START = datetime(2026, 1, 1, tzinfo=UTC)

TEXTS = (
    "A red ball 🎈 lies on the green grass. A small dog looks at it. The sky is blue.",
    "Two cups stand on a table. Nobody sits there.",
    "赤いボールが草の上にある。犬がそれを見ている。",
)


@dataclass
class Rows:
    """The rows of a workspace that is to be written; a test may change them first."""

    images: list[Image] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    generators: list[Generator] = field(default_factory=list)
    splitters: list[Splitter] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)

    @property
    def selection(self) -> Selection:
        return Selection(tuple(g.generator_id for g in self.generators), SPLITTER)

    def append(self, workspace: Workspace, seed: int | None = None) -> None:
        """Writes all rows; with a seed, in a random order and cut into several parts."""
        order = random.Random(seed)
        for rows in vars(self).values():
            parts: list[list[Any]] = [list(rows)]
            if seed is not None:
                shuffled = order.sample(list(rows), len(rows))
                cut = order.randint(0, len(rows))
                parts = [shuffled[:cut], shuffled[cut:]]
            for part in parts:
                append(workspace, part)


def append(workspace: Workspace, rows: Sequence[Row]) -> None:
    if rows:
        workspace.table(spec_of(type(rows[0]))).append(rows, "run-1")


def make_workspace(
    store: ObjectStore, images: int = 4, seed: int | None = None
) -> tuple[Workspace, Rows]:
    """Returns a workspace with everything but labels, and its rows."""
    rows = make_rows(store, images)
    workspace = Workspace(store)
    rows.append(workspace, seed)
    return workspace, rows


def make_rows(store: ObjectStore, images: int = 4) -> Rows:
    rows = Rows()
    rows.splitters.append(Splitter(
        splitter_id=SPLITTER, model="en_core_web_sm", model_version="3.8.0", rules_version=1,
        version=1,
    ))  # fmt: skip
    rows.generators = [
        generator("careful", Direction.I2T),
        generator("hasty", Direction.I2T),
        generator("painter", Direction.T2I),
    ]
    for number in range(images):
        add_real_image(store, rows, number)
    for number in range(2):
        add_synthetic_image(store, rows, number)
    for pair in rows.pairs:
        rows.sentences += sentences(pair)
    for number, sentence in enumerate(rows.sentences):
        rows.annotations += answers(sentence, number)
    return rows


def generator(model: str, direction: Direction) -> Generator:
    params = {"temperature": 0.5}
    identity = ids.generator_id(direction, "openai", f"lab/{model}", "r1", "Describe it.", params)
    return Generator(
        generator_id=identity, direction=direction, model=model, family=model, backend="openai",
        repo=f"lab/{model}", revision="r1", requested_revision=None, instruction="Describe it.",
        params=ids.canonical_json(params),
    )  # fmt: skip


def png(number: int, side: int = 48) -> bytes:
    """Returns a PNG of noise, which does not compress."""
    pixels = random.Random(number).randbytes(side * side * 3)
    buffer = io.BytesIO()
    Pillow.frombytes("RGB", (side, side), pixels).save(buffer, "PNG")
    return buffer.getvalue()


def add_image(store: ObjectStore, rows: Rows, data: bytes, kind: ImageType) -> str:
    image_id, blob = put_image(store, data, "PNG")
    rows.images.append(Image(
        image_id=image_id, image_type=kind, width=48, height=48, format="PNG", blob=blob,
        perceptual_hash=difference_hash_of_file(data),
    ))  # fmt: skip
    return image_id


def add_real_image(store: ObjectStore, rows: Rows, number: int) -> None:
    image_id = add_image(store, rows, png(number), ImageType.REAL)
    sources = ["photos", "web"] if number == 1 else ["photos"]
    for source in sources:
        rows.origins.append(Origin(
            origin_id=ids.origin_id(source, f"{number}.png"), image_id=image_id, source=source,
            locator=f"{number}.png", image_name=f"photo {number}.png",
            image_url=f"https://example.org/{source}/{number}.png", license="CC-BY-4.0",
            redistributable=number != 0 and source != "web", domain="nature",
        ))  # fmt: skip
    for model in rows.generators[:2]:
        text = TEXTS[number % len(TEXTS)]
        rows.pairs.append(pair(model, image_id, None, image_id, f"{model.model}: {text}"))


def add_synthetic_image(store: ObjectStore, rows: Rows, number: int) -> None:
    image_id = add_image(store, rows, png(1000 + number), ImageType.SYNTHETIC)
    text = f"A cat sits on box {number}. It looks left."
    prompt = Prompt(prompt_id=ids.prompt_id(text), text=text, origin="file")
    rows.prompts.append(prompt)
    rows.pairs.append(pair(rows.generators[2], image_id, prompt.prompt_id, prompt.prompt_id, text))


def pair(model: Generator, image_id: str, prompt_id: str | None, subject: str, text: str) -> Pair:
    pair_id = ids.pair_id(model.generator_id, subject, 0)
    return Pair(
        pair_id=pair_id, generator_id=model.generator_id, direction=model.direction,
        model=model.model, image_id=image_id, prompt_id=prompt_id, sample_index=0, text=text,
        text_sha256=ids.text_sha256(text), seed=ids.item_seed(pair_id), finish_reason="stop",
        engine="{}", prompt_tokens=None, completion_tokens=None, seconds=None,
    )  # fmt: skip


def sentences(of: Pair) -> list[Sentence]:
    found: list[Sentence] = []
    start = 0
    for position, character in enumerate(of.text):
        if character in ".。":
            end = position + 1
            found.append(Sentence(
                sentence_id=ids.sentence_id(of.pair_id, of.text_sha256, SPLITTER, start, end),
                pair_id=of.pair_id, generator_id=of.generator_id, direction=of.direction,
                model=of.model, image_id=of.image_id, prompt_id=of.prompt_id,
                text_sha256=of.text_sha256, sentence_index=len(found),
                text=of.text[start:end], start=start, end=end,
                splitter_id=SPLITTER,
            ))  # fmt: skip
            start = end + (of.text[end : end + 1] == " ")
    return found


def span(sentence: Sentence, start: int, end: int, kind: str = "attribute") -> Span:
    return Span(start=start, end=end, type=HallucinationType(kind), text=sentence.text[start:end])


def vote(
    sentence: Sentence,
    annotator: str,
    verdict: Verdict | None,
    spans: Iterable[Span] = (),
    *,
    minutes: int = 0,
    **changes: Any,
) -> Annotation:
    """Returns an answer whose annotation id is derived from everything that tells it apart."""
    moment = START + timedelta(minutes=minutes)
    number = int(ids.derive_id(sentence.sentence_id, annotator, minutes)[:12], 16)
    row = Annotation(
        server="http://localhost", project_id=1, annotation_id=number,
        sentence_id=sentence.sentence_id, task_id=1, round="1", purpose=Purpose.LABEL,
        annotator=annotator, verdict=verdict, spans=tuple(spans),
        status=AnnotationStatus.SUBMITTED, flags=(), note="a private note", preannotated_by=None,
        updated_by=None, text_sha256=ids.text_sha256(sentence.text), lead_seconds=2.5,
        annotated_at=moment, updated_at=moment,
    )  # fmt: skip
    return replace(row, **changes)


def answers(sentence: Sentence, number: int) -> list[Annotation]:
    """Returns a fixed pattern of answers: every kind of label comes about in turn."""
    ann, bob, eve = "ann@example.org", "bob@example.org", "eve@example.org"
    right, wrong, unknown = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN
    first = [span(sentence, 0, 3)]
    match number % 6:
        case 0:
            verdicts: list[tuple[str, Verdict, list[Span]]] = [
                (ann, right, []), (bob, right, []), (eve, wrong, first),
            ]  # fmt: skip
        case 1:
            verdicts = [(ann, wrong, first), (bob, wrong, first), (eve, right, [])]
        case 2:
            verdicts = [(ann, wrong, first), (bob, wrong, [span(sentence, 4, 6, "object")])]
        case 3:
            verdicts = [(ann, right, []), (bob, wrong, []), (eve, unknown, [])]
        case 4:
            verdicts = [(bob, right, [])]
        case _:
            verdicts = []
    found = [
        vote(sentence, who, verdict, spans, minutes=number) for who, verdict, spans in verdicts
    ]
    if number % 6 == 0:
        found.append(vote(sentence, ann, wrong, first, minutes=-5))  # changed her mind since
        found.append(vote(sentence, "sly@example.org", None, status=AnnotationStatus.SKIPPED))
        found.append(vote(sentence, "gus@example.org", wrong, purpose=Purpose.GOLD))
    return found


def released_folder(workspace: Workspace, config: ReleaseConfig = CONFIG) -> Path:
    """Returns where the release of a workspace in a local folder is."""
    return Path(workspace.url) / "releases" / config.name / config.version

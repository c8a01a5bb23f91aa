"""Small workspaces with images, captions and sentences, as the stages before push leave them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image as PillowImage

from alignbench.schemas import ids
from alignbench.schemas.rows.generation import Image, Pair, Sentence
from alignbench.schemas.tables import IMAGES, PAIRS, SENTENCES
from alignbench.schemas.vocabulary import Direction, ImageType
from alignbench.workspace.blobs import put_image
from alignbench.workspace.selection import Selection
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace

GENERATOR = "generator-a"
SPLITTER = "splitter-1"
CAPTION = ("A grey cat sits on a red mat.", "It looks at 🐱 a friend 🐱.", "Two birds fly above.")


class Prepared(NamedTuple):
    """A workspace, and what of it is selected."""

    workspace: Workspace
    selection: Selection


def prepare(
    root: Path,
    images: int = 2,
    captions: int = 1,
    sentences: Sequence[str] = CAPTION,
    generators: Sequence[str] = (GENERATOR,),
    picture: bytes | None = None,
) -> Prepared:
    """Makes a workspace: so many images, each with so many captions of each generator.

    `picture` is the one image, as PNG; without it they are small and of one colour each.
    """
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(LocalStore(root))
    for number in range(images):
        image_id = _add_image(workspace, picture or _plain(number))
        for generator in generators:
            for sample in range(captions):
                _add_caption(workspace, image_id, generator, sample, sentences)
    return Prepared(workspace, Selection((GENERATOR,), SPLITTER))


def _plain(number: int) -> bytes:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (8, 8), (number % 256, number // 256, 7)).save(buffer, "PNG")
    return buffer.getvalue()


def _add_image(workspace: Workspace, picture: bytes) -> str:
    image_id, blob = put_image(workspace.store, picture, "PNG")
    row = Image(
        image_id=image_id,
        image_type=ImageType.REAL,
        width=8,
        height=8,
        format="PNG",
        blob=blob,
        perceptual_hash="0",
    )
    workspace.table(IMAGES).append([row], "test")
    return image_id


def _add_caption(
    workspace: Workspace, image_id: str, generator: str, sample: int, sentences: Sequence[str]
) -> None:
    text = " ".join(sentences)
    pair = Pair(
        pair_id=ids.pair_id(generator, image_id, sample),
        generator_id=generator,
        direction=Direction.I2T,
        model=generator,
        image_id=image_id,
        prompt_id=None,
        sample_index=sample,
        text=text,
        text_sha256=ids.text_sha256(text),
        seed=1,
        finish_reason=None,
        engine="{}",
        prompt_tokens=None,
        completion_tokens=None,
        seconds=None,
    )
    workspace.table(PAIRS).append([pair], "test")
    rows: list[Sentence] = []
    start = 0
    for index, sentence in enumerate(sentences):
        rows.append(_sentence(pair, index, sentence, start))
        start += len(sentence) + 1
    # Backwards, so that no order is right by chance.
    workspace.table(SENTENCES).append(rows[::-1], "test")


def _sentence(pair: Pair, index: int, text: str, start: int) -> Sentence:
    end = start + len(text)
    return Sentence(
        sentence_id=ids.sentence_id(pair.pair_id, pair.text_sha256, SPLITTER, start, end),
        pair_id=pair.pair_id,
        generator_id=pair.generator_id,
        direction=pair.direction,
        model=pair.model,
        image_id=pair.image_id,
        prompt_id=None,
        text_sha256=pair.text_sha256,
        sentence_index=index,
        text=text,
        start=start,
        end=end,
        splitter_id=SPLITTER,
    )

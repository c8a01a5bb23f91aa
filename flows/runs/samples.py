"""A few of the things that a stage made, for the Prefect UI: small pictures and their texts.

Captions are untrusted text: they are shown as code, in which Markdown and HTML mean nothing.
"""

import base64
import io
from itertools import islice
from textwrap import wrap

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.flows.runs.orchestration import flow_run_id, publish_samples
from alignbench.flows.runs.run import Run
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.tables import IMAGES, PAIRS
from alignbench.schemas.vocabulary import Direction, ImageType, StageName

_SAMPLES = 4
_SIDE = 192
_TEXT = 600
_WIDTH = 84


def show_images(run: Run, image_type: ImageType) -> None:
    """Shows a few images that this run stored."""
    if flow_run_id() is None:
        return
    ours = (pc.field("run_id") == run.run_id) & (pc.field("image_type") == image_type.value)
    found = islice(run.workspace.table(IMAGES).rows(ours), _SAMPLES)
    samples = [
        f"{_picture(run, image.blob)}\n\n{image.width} × {image.height} {image.format}"
        for image in found
    ]
    publish_samples(StageName.INGEST, samples)


def show_pairs(run: Run, direction: Direction) -> None:
    """Shows a few pairs that this run made: the image, the model and the text."""
    if flow_run_id() is None:
        return
    ours = (pc.field("run_id") == run.run_id) & (pc.field("direction") == direction.value)
    pairs = list(islice(run.workspace.table(PAIRS).rows(ours), _SAMPLES))
    wanted = pc.field("image_id").isin(pa.array([pair.image_id for pair in pairs], pa.string()))
    images = {image.image_id: image for image in run.workspace.table(IMAGES).rows(wanted)}
    stage = StageName.CAPTION if direction is Direction.I2T else StageName.IMAGINE
    samples = [
        f"**{pair.model}**\n\n{_picture(run, images[pair.image_id].blob)}\n\n{_code(pair.text)}"
        for pair in pairs
    ]
    publish_samples(stage, samples)


def _picture(run: Run, blob: str) -> str:
    pixels = rgb_pixels(run.workspace.store.read(blob), blob)
    pixels.thumbnail((_SIDE, _SIDE))
    small = io.BytesIO()
    pixels.save(small, "JPEG", quality=80)
    data = base64.b64encode(small.getvalue()).decode()
    return f"![sample](data:image/jpeg;base64,{data})"


def _code(text: str) -> str:
    """Returns the text as an indented code block, which no content can end."""
    lines = (wrapped for line in text[:_TEXT].split("\n") for wrapped in wrap(line, _WIDTH) or [""])
    return "\n".join(f"    {line}" for line in lines)

"""Small images of noise, the same each time."""

import io
import random

from PIL import Image

from alignbench.schemas.detection import ScoringRequest


def png(seed: int, side: int = 40) -> bytes:
    pixels = random.Random(seed).randbytes(side * side * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(buffer, "PNG")
    return buffer.getvalue()


def requests(sentences: list[str], images: int = 2) -> list[ScoringRequest]:
    """Requests that go round a few images."""
    return [
        ScoringRequest(f"s{number}", text, f"image-{number % images}", png(number % images))
        for number, text in enumerate(sentences)
    ]

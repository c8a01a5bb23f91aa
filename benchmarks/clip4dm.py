"""CLIP4DM in batches against one pair at a time: pairs a second, interleaved and repeated.

On the tiny CLIP of the tests, and on random weights in the shape of ViT-B/32 (151 M parameters).
Both are the same detector; one is handed a batch, the other a pair at a time, as the published code
works. In between stands an image's sentences at a time, where images are not embedded twice.

    python -m benchmarks.clip4dm [--repeats 3] [--skip-b32]
"""

import argparse
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from alignbench.evaluation.detectors.clip4dm import Clip4dmDetector, Clip4dmOptions, Clip4dmParams
from alignbench.schemas.detection import ScoringRequest
from tests.fixtures.tiny_dual_encoders import clip_tokenizer, save_clip

WORDS = ("a", "red", "ball", "lies", "on", "green", "grass", "two", "dogs", "an", "old", "tree")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-b32", action="store_true")
    asked = parser.parse_args()
    print("| model | batched over one at a time | one at a time, pairs/s | batched, pairs/s |")
    print("| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        _line("tiny CLIP", save_clip(Path(folder) / "tiny"), 256, asked.repeats)
        if not asked.skip_b32:
            _line("ViT-B/32, random weights", _save_b32(Path(folder) / "b32"), 64, asked.repeats)


def _line(name: str, folder: Path, pairs: int, repeats: int) -> None:
    detector = Clip4dmDetector(str(folder), None, None, Clip4dmOptions(), Clip4dmParams())
    requests = _requests(pairs)
    alone, batched = [], []
    for turn in range(repeats + 1):
        one = _seconds(lambda: [detector.score([request]) for request in requests])
        many = _seconds(lambda: detector.score(requests))
        if turn:  # the first warms up
            alone.append(one)
            batched.append(many)
    slow, fast = statistics.median(alone), statistics.median(batched)
    print(f"| {name} | {slow / fast:.1f} x | {pairs / slow:.1f} | {pairs / fast:.1f} |", flush=True)


def _requests(pairs: int) -> list[ScoringRequest]:
    random.seed(0)
    requests = []
    for number in range(pairs):
        text = " ".join(random.choices(WORDS, k=random.randint(4, 10)))
        image = number // 6  # sentences of an image, as in a caption
        requests.append(ScoringRequest(str(number), text, str(image), _image(image)))
    return requests


def _image(seed: int) -> bytes:
    pixels = random.Random(seed).randbytes(64 * 64 * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (64, 64), pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _save_b32(folder: Path) -> Path:
    tokenizer = clip_tokenizer(77)
    text = CLIPTextConfig(eos_token_id=tokenizer.eos_token_id).to_dict()
    CLIPModel(CLIPConfig(text_config=text)).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

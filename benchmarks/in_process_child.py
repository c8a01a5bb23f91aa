"""One measurement of `benchmarks.in_process`, in a process of its own; prints JSON.

python -m benchmarks.in_process_child MODE WORKSPACE MODEL BATCH
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.instruction import INSTRUCTION

TOKENS = 24


def bare_loop(files: list[Path], model: str, batch: int) -> Iterable[str]:
    """What one would write by hand."""
    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(model)
    processor.tokenizer.padding_side = "left"
    network = AutoModelForImageTextToText.from_pretrained(model).eval()
    text = processor.apply_chat_template(_messages({"type": "image"}), tokenize=False)
    with torch.inference_mode():
        for start in range(0, len(files), batch):
            images = [[Image.open(file).convert("RGB")] for file in files[start : start + batch]]
            inputs = processor(
                images=images, text=[text] * len(images), padding=True, return_tensors="pt"
            )
            output = network.generate(
                **inputs, max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False
            )
            given = inputs["input_ids"].shape[1]
            yield from processor.batch_decode(output[:, given:], skip_special_tokens=True)


def dataset_map(files: list[Path], model: str, batch: int) -> Iterable[str]:
    """`datasets.map` over transformers' pipeline, as its documentation shows."""
    import datasets
    from transformers import pipeline

    pipe = pipeline("image-text-to-text", model=model, device="cpu")
    pipe.tokenizer.padding_side = "left"
    images = datasets.Dataset.from_dict({"image": [str(file) for file in files]})

    def caption(rows: dict[str, list[Any]]) -> dict[str, list[str]]:
        chats = [_messages({"type": "image", "image": image}) for image in rows["image"]]
        answers = pipe(
            text=chats,
            batch_size=batch,
            generate_kwargs={
                "max_new_tokens": TOKENS,
                "min_new_tokens": TOKENS,
                "do_sample": False,
            },
            return_full_text=False,
        )
        return {"caption": [answer[0]["generated_text"] for answer in answers]}

    made = images.cast_column("image", datasets.Image()).map(
        caption, batched=True, batch_size=batch, remove_columns=["image"]
    )
    yield from made["caption"]


def stage(workspace: Path) -> Iterable[str]:
    """The `caption` stage."""
    from alignbench.flows.caption import caption
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.schemas.tables import PAIRS
    from alignbench.workspace.workspace import open_workspace

    run_flow(caption, str(workspace))
    return [pair.text for pair in open_workspace(workspace).table(PAIRS).rows()]


def _messages(image: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [image, {"type": "text", "text": INSTRUCTION}]}]


if __name__ == "__main__":
    mode, place, weights, size = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    found = sorted((place / "images").iterdir())
    if mode == "caption stage":
        captions = stage(place)
    else:
        loop = {"bare loop": bare_loop, "datasets.map": dataset_map}[mode]
        captions = loop(found, weights, size)
    joined = "\n".join(sorted(caption.strip() for caption in captions))
    print(json.dumps({"captions": hashlib.sha256(joined.encode()).hexdigest()}))

"""`vlm` on captions of seven sentences: an image read once for all of them, and once for each.

A model that sees as LLaVA-1.5 does (336 x 336 in patches of 14: 576 tokens an image), with random
weights and narrow layers. Its tokenizer has byte pairs learnt from this project's pages, so that
prompts are about as long as for published models. Each image's seven sentences are asked by both
prompts. What is counted is tokens through the language model's first layer, padding included; the
seconds are of a processor, where a narrow model's time is not all in its layers.

    python -m benchmarks.shared_images [--images 4]
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from alignbench.evaluation.prompts import asked, read_prompt
from alignbench.models.in_process.image_questions import ImageQuestions, Sharing
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.probes.sharing import probe_sharing
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import find_weights
from alignbench.models.pixels import rgb_pixels
from benchmarks.inputs import save_images, save_llava

SENTENCES = (
    "A brown dog runs across the wet sand.",
    "Its ears are blown back by the wind, and its tongue hangs out.",
    "Behind it, two children in red jackets are building a castle.",
    "One of them holds a yellow bucket.",
    "The sea is calm, with a single white sail near the horizon.",
    "A wooden sign on the left reads 'No Swimming'.",
    "The light suggests a late afternoon in autumn.",
)
ANSWER_TOKENS = {"yes_no_v1": 1, "score_v1": 3}
"""A first token; a number of two digits and an end."""
PAGES = Path(__file__).resolve().parents[1] / "docs"
WARM_UP = 1


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4)
    count = parser.parse_args().images
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "llava"
        save_llava(folder, side=336, tokenizer=learnt_tokenizer())
        save_images(Path(root) / "images", count + WARM_UP)
        options = InProcessOptions(device="cpu")
        weights = find_weights(str(folder), None)
        model = load_vision_language(weights, options, choose_placement(options))
        read: list[int] = []
        model.model.model.language_model.layers[0].register_forward_pre_hook(
            lambda _, given: read.append(given[0].shape[0] * given[0].shape[1])
        )
        pictures = [
            rgb_pixels(path.read_bytes(), path.stem)
            for path in sorted((Path(root) / "images").iterdir())
        ]
        found = probe_sharing(model).sharing
        print(f"What a check at load allows: {found.name.lower()}\n")
        print("| prompt | tokens a sentence, each alone | shared | ratio | time, ratio |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for prompt, most in ANSWER_TOKENS.items():
            questions = [asked(read_prompt(prompt), sentence) for sentence in SENTENCES]
            tokens, seconds = {}, {}
            for sharing in (Sharing.NONE, found):
                ask = ImageQuestions(model, sharing)
                ask.answers([pictures[0]] * len(questions), questions, most)
                read.clear()
                started = time.perf_counter()
                for picture in pictures[WARM_UP:]:
                    ask.answers([picture] * len(questions), questions, most)
                seconds[sharing] = time.perf_counter() - started
                tokens[sharing] = sum(read) / count / len(questions)
            alone, shared = tokens[Sharing.NONE], tokens[found]
            faster = seconds[Sharing.NONE] / seconds[found]
            print(
                f"| {prompt} | {alone:,.0f} | {shared:,.0f} | {alone / shared:.2f} | {faster:.2f} |"
            )


def learnt_tokenizer(size: int = 8_000) -> PreTrainedTokenizerFast:
    """Returns a tokenizer whose byte pairs come from the documentation's English."""
    special = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_lines(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )


def _lines() -> Iterator[str]:
    for page in sorted(PAGES.glob("*.md")):
        yield from page.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    main()

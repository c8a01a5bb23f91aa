"""How likely a captioner finds a sentence, given the image: mean log probability of its tokens.

Sentences are put behind image and prompt, and the whole goes through the model at once, the same
way for every family. Where a comparison at load shows that the model's cache gives the same, image
and prompt are read once for all sentences of the image. HalDec-Bench plots values of that size by
position.
"""

from collections.abc import Sequence
from typing import Final

from PIL import Image

from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.in_process.cached_pass import cached_text_scores
from alignbench.models.in_process.forward_pass import begun, placed_inputs, text_scores
from alignbench.models.in_process.positions import prompt_lengths
from alignbench.models.in_process.probes.likelihood import (
    mean_log_probabilities,
    padded,
    probe_likelihood,
)
from alignbench.models.in_process.vision_language import VisionLanguageModel

DESCRIBE: Final = "Describe this image in detail."
"""What a model that writes only when asked is asked if nothing else is said."""
_NO_LIMIT: Final = 10**6


class SentenceLikelihood:
    """A captioner that is asked for probabilities, and not for text.

    Args:
        model: A loaded captioner.
        instruction: What comes before the sentence; a default for models that are asked if None.

    Raises:
        ModelShapeError: The model reads a sentence in both directions, so that no token has a
            probability given those before it.
    """

    def __init__(self, model: VisionLanguageModel, instruction: str | None) -> None:
        self.model = model
        self._instruction = instruction or (None if model.writes_unasked else DESCRIBE)
        # After "ASSISTANT:" a sentence begins with a space, and its first token with one.
        prompt = model.prompt(self._instruction, close_thought=True) if model.chat else ""
        self._lead = " " if prompt and not prompt[-1].isspace() else ""
        self.finding = probe_likelihood(model, self._instruction)
        if self.finding.kind is None:
            raise ModelShapeError(
                f"A model of family {model.family} has no likelihood of a sentence: "
                f"{self.finding.reason}",
                "Name a captioner that writes from left to right.",
            )
        self._kind = self.finding.kind

    def tokens(self, sentence: str) -> list[int]:
        """Returns a sentence's tokens, without those that begin and end a text."""
        ids = self.model.tokenizer(self._lead + sentence, add_special_tokens=False)["input_ids"]
        return [int(token) for token in ids]

    def means(self, image: Image.Image, sentences: Sequence[Sequence[int]]) -> list[float | None]:
        """Returns the mean log probability of each sentence's tokens.

        Args:
            image: In RGB.
            sentences: Their tokens, one at least each.

        Returns:
            None for a sentence that does not fit behind image and prompt.
        """
        model = self.model
        placed = placed_inputs(model, [image], self._instruction, close_thought=True)
        inputs = begun(model, placed)
        room = prompt_lengths(model.model, inputs, has_encoder=model.has_encoder).room
        fit = [list(s) for s in sentences if len(s) <= (_NO_LIMIT if room is None else room)]
        if not fit:
            return [None] * len(sentences)
        ids, mask = padded(model, fit)
        scores = (
            cached_text_scores(model, inputs, ids, mask)
            if self.finding.is_cache_right
            else text_scores(model, inputs, ids, mask, self._kind)
        )
        means = iter(mean_log_probabilities(scores, ids, mask).tolist())
        fitted = {tuple(s) for s in fit}
        return [float(next(means)) if tuple(s) in fitted else None for s in sentences]

"""Whether a model says of a picture in a batch what it says of it alone."""

import torch
from PIL import Image

from alignbench.models.in_process.probes.agreement import agree, rounding
from alignbench.models.in_process.probes.asking import LIBRARY_ERRORS, probe_question
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.vision_language import VisionLanguageModel


def batches_agree(model: VisionLanguageModel) -> bool:
    """Tells whether pictures of two shapes give the same first scores together as alone.

    Some models cannot take several pictures, and some look at one through another's padding.
    """
    return model.remembered.found(
        "batches", bool, lambda: _agree(model), is_good=bool, given=model.asking.name
    )


def _agree(model: VisionLanguageModel) -> bool:
    pictures = probe_pictures()
    both = [pictures.small, pictures.tall]
    asked = probe_question(model)
    try:
        together = _first_scores(model, both, asked)
        alone = torch.cat([_first_scores(model, [one], asked) for one in both])
    except torch.OutOfMemoryError:
        raise
    except LIBRARY_ERRORS:
        return False
    return agree(together, alone, rounding(alone, model.model.dtype) * _OF_ALL)


_OF_ALL = 5
"""The largest of a whole vocabulary's differences is so many times one token's."""


@torch.inference_mode()
def _first_scores(
    model: VisionLanguageModel, images: list[Image.Image], asked: str | None
) -> torch.Tensor:
    """Returns the scores (images, vocabulary) that `generate` takes the first token by."""
    inputs = model.prepare(images, asked).to(model.model.device, model.model.dtype)
    output = model.model.generate(
        **inputs,
        do_sample=False,
        max_new_tokens=1,
        output_logits=True,
        return_dict_in_generate=True,
    )
    scores: torch.Tensor = output.logits[0].float()
    return scores

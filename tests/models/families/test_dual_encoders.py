"""Every family of dual encoders scores as the library's own model does, alone and in a batch."""

import pytest
import torch
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from alignbench.evaluation.detectors.clip import ClipDetector, DualEncoderOptions, DualEncoderParams
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from tests.models.families.building import HAS_TORCHVISION
from tests.models.families.conftest import Folders, Outcomes
from tests.models.families.dual_encoders import DUAL_ENCODERS, DualEncoder
from tests.models.families.page import SCORES
from tests.models.families.pictures import picture, png

SENTENCES = ["A dog runs.", "Two red cups stand on a wooden table.", "It rains."]
IN_MAKE_TEST = ("chinese_clip",)


def _rows() -> list[object]:
    rows: list[object] = []
    for family in DUAL_ENCODERS:
        marks = [] if family.name in IN_MAKE_TEST else [pytest.mark.families]
        if family.needs_torchvision and not HAS_TORCHVISION:
            marks.append(pytest.mark.skip(reason="needs torchvision"))
        rows.append(pytest.param(family, id=family.name, marks=marks))
    return rows


@pytest.mark.parametrize("family", _rows())
def test_a_score_is_the_models_own_logit_in_any_batch(
    family: DualEncoder, folders: Folders, outcomes: Outcomes
) -> None:
    folder = folders.plain(family)
    model = AutoModel.from_pretrained(folder).eval()
    images = AutoImageProcessor.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if family.name.startswith("siglip") else True
    asked = [
        ScoringRequest(str(place), sentence, str(place), png(place))
        for place, sentence in enumerate(SENTENCES)
    ]
    together, alone = (
        ClipDetector(
            str(folder), None, None,
            DualEncoderOptions(device="cpu", forward_batch=batch), DualEncoderParams(score="logit"),
        ).score(asked)
        for batch in (64, 1)
    )  # fmt: skip
    for place, sentence in enumerate(SENTENCES):
        given = tokenizer([sentence], padding=padding, return_tensors="pt")
        if family.name.startswith("siglip"):
            given.pop("attention_mask", None)
        shown = images(images=picture(place), return_tensors="pt")
        with torch.inference_mode():
            expected = float(model(**given, **shown).logits_per_image)
        for results in (together, alone):
            result = results[place]
            assert isinstance(result, SentenceScore)
            assert result.score == pytest.approx(expected, abs=1e-4)
    outcomes.add(family.name, SCORES)

"""RefCLIPScore is the harmonic mean of both comparisons, over all references or the first."""

import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from alignbench.evaluation.detectors.clip import DualEncoderOptions
from alignbench.evaluation.detectors.refclip import RefClipDetector, RefClipParams
from alignbench.evaluation.scores.requests import scoring_requests
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.images import requests
from tests.fixtures.tiny_dual_encoders import save_clip

TOLD = ("A dog on the grass.", "Two cups stand on a table.", "An owl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip"))


def detector(folder: Path, **params: object) -> RefClipDetector:
    options = DualEncoderOptions(device="cpu")
    return RefClipDetector(str(folder), None, None, options, RefClipParams.model_validate(params))


def unit(output: torch.Tensor) -> torch.Tensor:
    vector = (output if isinstance(output, torch.Tensor) else output.pooler_output)[0]
    return vector / vector.norm()


@torch.inference_mode()
def test_the_score_is_the_harmonic_mean_of_image_and_nearest_reference(folder: Path) -> None:
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder)

    def said(text: str) -> torch.Tensor:
        given = tokenizer("A photo depicts " + text, return_tensors="pt")
        return unit(model.get_text_features(**given))

    asked = [replace(one, references=TOLD) for one in requests(["A red ball.", "An owl sits."])]
    for kind, references in (("all", TOLD), ("first", TOLD[:1])):
        made = detector(folder, references=kind)
        assert made.most_references(made.params) == (1 if kind == "first" else 1_000)
        given = [replace(one, references=references) for one in asked]
        for request, result in zip(given, made.score(given), strict=True):
            pixels = Image.open(io.BytesIO(request.image)).convert("RGB")
            seen = unit(model.get_image_features(**processor(images=pixels, return_tensors="pt")))
            spoken = said(request.text)
            of_image = 2.5 * max(float(spoken @ seen), 0)
            of_reference = 2.5 * max(0.0, *(float(spoken @ said(one)) for one in references))
            both = of_image + of_reference
            expected = 2 * of_image * of_reference / both if both else 0.0
            assert isinstance(result, SentenceScore)
            assert result.score == pytest.approx(expected, abs=1e-5)


def test_a_sentence_without_references_fails_alone(folder: Path) -> None:
    bare, told = requests(["A red ball.", "An owl."])
    failure, score = detector(folder).score([bare, replace(told, references=TOLD)])
    assert isinstance(failure, ItemFailure)
    assert failure.code == ItemCode.REFERENCES_ABSENT
    assert isinstance(score, SentenceScore)


def test_references_come_from_the_sets_own_labels() -> None:
    own = ['{"references": ["A boy.", " ", 7, "A man."]}', None, '["A boy."]', '{"references": 1}']
    table = pa.table({
        "key": list("abcd"), "sentence_id": list("abcd"), "caption": ["x"] * 4,
        "image_id": ["i"] * 4, "own_labels": own, "file": [0] * 4, "row": [0, 1, 2, 3],
    })  # fmt: skip

    def found(most: int) -> list[tuple[str, ...]]:
        asked = scoring_requests(None, iter([table]), with_images=False,  # type: ignore[arg-type]
                                 most_references=most)  # fmt: skip
        return [request.references for (_, request), _ in asked]

    assert found(9) == [("A boy.", "A man."), (), (), ()]
    assert found(1)[0] == ("A boy.",)
    assert found(0) == [()] * 4

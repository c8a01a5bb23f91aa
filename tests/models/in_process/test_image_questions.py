"""Questions about an image are answered as each alone, and its tokens are read once."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from alignbench.models.in_process.image_questions import ImageQuestions, Sharing
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.probes.sharing import probe_sharing
from alignbench.models.in_process.vision_language import VisionLanguageModel
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import find_weights
from tests.fixtures.tiny_models import CHAT_TEMPLATE, save_captioner

SENTENCES = (
    "A red disc.", "Two cups stand on a table.", "x", "The ground is blue.", "An owl, alone.",
    "There is nothing else in it.", "A dog.",
)  # fmt: skip
IMAGE = probe_pictures().small
IMAGES = [IMAGE] * len(SENTENCES)


def loaded(folder: Path) -> VisionLanguageModel:
    options = InProcessOptions(device="cpu")
    return load_vision_language(find_weights(str(folder), None), options, choose_placement(options))


@pytest.fixture(scope="module", params=["llava", "llava-next", "idefics3"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return loaded(save_captioner(request.param, tmp_path_factory.mktemp(request.param)))


@pytest.mark.parametrize("sharing", list(Sharing))
def test_each_is_answered_as_if_it_were_alone(model: VisionLanguageModel, sharing: Sharing) -> None:
    together = ImageQuestions(model, sharing)
    alone = ImageQuestions(model, Sharing.NONE)
    scores = torch.cat([alone.first_scores([IMAGE], [sentence]) for sentence in SENTENCES])
    assert torch.allclose(together.first_scores(IMAGES, SENTENCES), scores, atol=1e-5)
    assert together.answers(IMAGES, SENTENCES, 4) == [
        alone.answers([IMAGE], [sentence], 4)[0] for sentence in SENTENCES
    ]


def test_what_may_be_shared_is_found_at_load(model: VisionLanguageModel) -> None:
    assert probe_sharing(model).sharing is Sharing.ALL


def test_an_image_behind_the_question_is_not_shared(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    text = "{{ m['content'][1]['text'] }}<image> ASSISTANT:"
    (folder / "chat_template.jinja").write_text(f"{{% for m in messages %}}{text}{{% endfor %}}")
    model = loaded(folder)
    shared, alone = (ImageQuestions(model, sharing) for sharing in (Sharing.ALL, Sharing.NONE))
    assert torch.equal(
        shared.first_scores(IMAGES, SENTENCES), alone.first_scores(IMAGES, SENTENCES)
    )


def test_a_cache_that_gaps_spoil_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that looks back a few tokens only counts the gaps among them (no such model is tiny
    without torchvision here, so its mask is taken away instead)."""
    model = loaded(save_captioner("llava", tmp_path))
    generate = model.model.generate

    def blind_to_masks(**inputs: Any) -> Any:
        if "past_key_values" in inputs:
            inputs["attention_mask"] = torch.ones_like(inputs["attention_mask"])
        return generate(**inputs)

    monkeypatch.setattr(model.model, "generate", blind_to_masks)
    finding = probe_sharing(model)
    assert finding.sharing is Sharing.EQUAL_LENGTHS
    assert finding.reasons == ("all: other scores than those of each question alone.",)


def llava_of_784_tokens(folder: Path) -> Path:
    """As LLaVA and its like see a picture: hundreds of tokens, most of what is read."""
    save_captioner("llava", folder)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 2}  # fmt: skip
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**sizes, image_size=224, patch_size=8),
        text_config=LlamaConfig(vocab_size=261, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                                max_position_embeddings=4096, **sizes),
        image_token_index=4,
        vision_feature_layer=-1,
    )  # fmt: skip
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    path = folder / "processor_config.json"
    path.write_text(path.read_text().replace(": 32", ": 224"))
    assert CHAT_TEMPLATE in (folder / "chat_template.jinja").read_text()
    return folder


@pytest.mark.parametrize("most", [1, 3])
def test_seven_sentences_cost_a_third_of_the_tokens_or_less(tmp_path: Path, most: int) -> None:
    model = loaded(llava_of_784_tokens(tmp_path))
    read: list[int] = []
    layer = model.model.model.language_model.layers[0]
    layer.register_forward_pre_hook(
        lambda _, given: read.append(given[0].shape[0] * given[0].shape[1])
    )
    costs = {}
    for sharing in (Sharing.NONE, Sharing.ALL):
        read.clear()
        ImageQuestions(model, sharing).answers(IMAGES, SENTENCES, most)
        costs[sharing] = sum(read)
    assert costs[Sharing.NONE] / costs[Sharing.ALL] >= 3, costs

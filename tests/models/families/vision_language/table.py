"""The vision-language families that AlignBench is tried on.

To add one: write a builder, of a dozen lines mostly, in the module beside this one that fits how
the family sees pictures; add a row; run `make test-models`. Where the library, or AlignBench,
cannot do something with the family, `cannot` says so by the words of the error that an operator
gets, and the page shows it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.fixtures import tiny_models
from tests.models.families.family import Ability, Family
from tests.models.families.vision_language import (
    native_size,
    single_image,
    tiled,
    unasked,
    with_audio,
)

_NO_CHAT: Final[Mapping[Ability, str]] = MappingProxyType(
    {Ability.SCORE: "has no chat template", Ability.YES_NO: "has no chat template"}
)
"""What cannot be asked in a chat is not asked about sentences."""

FAMILIES: Final = (
    # Caption unasked, or go on from a text.
    Family("blip", tiny_models.blip, "Salesforce/blip-image-captioning-large", None,
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("git", tiny_models.git, "microsoft/git-large-coco", None,
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("vision-encoder-decoder", tiny_models.vision_encoder_decoder,
           "nlpconnect/vit-gpt2-image-captioning", None,
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("blip-2", unasked.blip_2, "Salesforce/blip2-opt-2.7b", None,
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("blip-2 (T5)", unasked.blip_2_t5, "Salesforce/blip2-flan-t5-xl", "Describe it.",
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("instructblip", unasked.instructblip, "Salesforce/instructblip-vicuna-7b",
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("florence2", unasked.florence2, "florence-community/Florence-2-large",
           "<MORE_DETAILED_CAPTION>", needs_torchvision=False, cannot=_NO_CHAT),
    Family("kosmos-2", unasked.kosmos2, "microsoft/kosmos-2-patch14-224", "An image of",
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("pix2struct", unasked.pix2struct, "google/pix2struct-textcaps-base", None,
           needs_torchvision=False, cannot=_NO_CHAT),
    # See a picture whole, at one size.
    Family("llava", tiny_models.llava, "llava-hf/llava-1.5-7b-hf", needs_torchvision=False),
    Family("vipllava", single_image.vipllava, "llava-hf/vip-llava-7b-hf", needs_torchvision=False),
    Family("paligemma", tiny_models.paligemma, "google/paligemma2-3b-pt-448", "caption en",
           needs_torchvision=False, cannot=_NO_CHAT),
    Family("gemma3", single_image.gemma3, "google/gemma-3-4b-it", needs_torchvision=False),
    Family("deepseek_vl", single_image.deepseek_vl, "deepseek-community/deepseek-vl-1.3b-chat",
           needs_torchvision=False),
    Family("janus", single_image.janus, "deepseek-community/Janus-Pro-1B",
           needs_torchvision=False),
    Family("chameleon", single_image.chameleon, "facebook/chameleon-7b", needs_torchvision=False,
           prompt="<image>\nDescribe this image.", cannot=_NO_CHAT),
    # See it in tiles.
    Family("llava_next", tiny_models.llava_next, "llava-hf/llava-v1.6-mistral-7b-hf",
           needs_torchvision=False),
    Family("llava_onevision", tiled.llava_onevision,
           "llava-hf/llava-onevision-qwen2-7b-ov-hf"),
    Family("idefics2", tiled.idefics2, "HuggingFaceM4/idefics2-8b", needs_torchvision=False),
    Family("idefics3", tiny_models.idefics3, "HuggingFaceM4/Idefics3-8B-Llama3",
           needs_torchvision=False),
    Family("smolvlm", tiled.smolvlm, "HuggingFaceTB/SmolVLM2-2.2B-Instruct",
           note="needs the package num2words"),
    Family("internvl", tiled.internvl, "OpenGVLab/InternVL3-8B-hf"),
    Family("ovis2", tiled.ovis2, "thisisiron/Ovis2-2B-hf", needs_torchvision=False),
    Family("aya_vision", tiled.aya_vision, "CohereLabs/aya-vision-8b", needs_torchvision=False),
    Family("cohere2_vision", tiled.cohere2_vision, "CohereLabs/command-a-vision-07-2025"),
    Family("mllama", tiled.mllama, "meta-llama/Llama-3.2-11B-Vision-Instruct",
           needs_torchvision=False),
    Family("llama4", tiled.llama4, "meta-llama/Llama-4-Scout-17B-16E-Instruct"),
    # See it at its own size.
    Family("qwen2_vl", tiny_models.qwen2_vl, "Qwen/Qwen2-VL-7B-Instruct"),
    Family("qwen2_5_vl", native_size.qwen2_5_vl, "Qwen/Qwen2.5-VL-7B-Instruct"),
    Family("qwen3_vl", native_size.qwen3_vl, "Qwen/Qwen3-VL-8B-Instruct"),
    Family("qwen3_vl_moe", native_size.qwen3_vl_moe, "Qwen/Qwen3-VL-30B-A3B-Instruct"),
    Family("qwen3_5", native_size.qwen3_5, "Qwen/Qwen3.5-9B",
           template_options={"enable_thinking": False},
           note="thinks unless told `enable_thinking = false`"),
    Family("glm4v", native_size.glm4v, "zai-org/GLM-4.1V-9B-Thinking"),
    Family("llava (Pixtral)", native_size.pixtral, "mistral-community/pixtral-12b"),
    Family("mistral3", native_size.mistral3, "mistralai/Mistral-Small-3.1-24B-Instruct-2503"),
    Family("lfm2_vl", native_size.lfm2_vl, "LiquidAI/LFM2-VL-1.6B"),
    # Hear as well.
    Family("phi4_multimodal", with_audio.phi4_multimodal, "microsoft/Phi-4-multimodal-instruct"),
    Family("qwen2_5_omni_thinker", with_audio.qwen2_5_omni, "Qwen/Qwen2.5-Omni-7B"),
)  # fmt: skip

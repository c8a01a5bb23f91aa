"""What a model's own `generation_config` asks for, which must not rule unseen.

Models are published with penalties, beams, bans and forced tokens of their own, which `generate`
obeys unless it is told otherwise. Here it starts neutral: tokens keep their meaning, everything
else is what the operator's parameters say, and what was set aside is told.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from transformers import GenerationConfig

from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue

_TOKENS: Final = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
"""What stays: which tokens begin, end and fill a text."""
_NO_SETTING: Final = frozenset(
    {*_TOKENS, "transformers_version", "_from_model_config", "use_cache", "return_dict_in_generate",
     "output_attentions", "output_hidden_states", "output_scores", "output_logits",
     "cache_implementation", "cache_config", "max_length", "max_new_tokens"}
)  # fmt: skip
"""What changes no text, or is said with each call."""


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """The settings that a model came with beyond its tokens.

    Attributes:
        inherited: Those that are obeyed, because the operator named them.
        set_aside: Those that are not.
    """

    inherited: dict[str, JsonValue] = field(default_factory=dict)
    set_aside: dict[str, JsonValue] = field(default_factory=dict)

    def lineage(self) -> dict[str, JsonValue]:
        """Returns what a caption's lineage says of it; nothing where a model came with none."""
        told: dict[str, JsonValue] = {}
        if self.inherited:
            told["generation_config_inherited"] = dict(self.inherited)
        if self.set_aside:
            told["generation_config_set_aside"] = dict(self.set_aside)
        return told


def start_neutral(model: Any, inherit: Collection[str] = ()) -> GenerationSettings:
    """Gives a model, and the models inside it, generation settings that ask for nothing.

    Args:
        model: A loaded model; BLIP-2 and others write by a model inside them, with settings of its
            own.
        inherit: Names of settings of its own that are to be obeyed.

    Raises:
        ConfigError: The model has no setting of such a name.
    """
    found: dict[str, Any] = {}
    generating = [part for part in model.modules() if hasattr(part, "generation_config")]
    for part in reversed(generating):  # the outermost last: what it says is what `generate` takes
        own = part.generation_config
        found |= _settings(own)
        neutral = {name: getattr(own, name, None) for name in _TOKENS}
        kept = {name: value for name, value in _settings(own).items() if name in inherit}
        part.generation_config = GenerationConfig(**neutral, **kept)
    unknown = sorted(set(inherit) - found.keys())
    if unknown:
        has = ", ".join(sorted(found)) or "none"
        raise ConfigError(
            f"The model has no generation setting {unknown[0]!r} of its own; it has: {has}.",
            "Correct inherit.",
        )
    return GenerationSettings(
        {name: value for name, value in found.items() if name in inherit},
        {name: value for name, value in found.items() if name not in inherit},
    )


def _settings(config: GenerationConfig | None) -> dict[str, Any]:
    """Returns what differs from the library's defaults, as JSON."""
    if config is None:
        return {}
    return {
        name: value
        for name, value in config.to_diff_dict().items()
        if name not in _NO_SETTING and value is not None
    }

"""The API key: read from the environment, and kept out of everything that is written down."""

import os
import re
from typing import Final

from pydantic import SecretStr

from alignbench.models.endpoint.options import EndpointOptions
from alignbench.schemas.errors import ConfigError, MissingSecretError

_LOOKS_LIKE_A_KEY: Final = re.compile(r"\bsk-[\w*.-]{4,}|(?<=\bBearer )\S+")
_HIDDEN: Final = "[key]"


class ApiKey:
    """The key of a server, or none.

    Raises:
        MissingSecretError: The environment variable is unset and the server is a public one, or
            its value cannot be sent.
        ConfigError: The key would travel unencrypted over the public internet.
    """

    def __init__(self, options: EndpointOptions) -> None:
        name = options.api_key_env
        value = os.environ.get(name, "").strip()
        if not value and not options.is_private:
            raise MissingSecretError(
                f"{options.base_url} needs a key, and {name} is not set.",
                f"Set the environment variable {name}, or name another as api_key_env.",
            )
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise MissingSecretError(
                f"The value of {name} is not a key: it contains a space, a line break or the like.",
                f"Set the environment variable {name} to the key alone.",
            )
        if value and not options.is_private and not options.is_encrypted:
            raise ConfigError(
                f"The key in {name} would travel to {options.base_url} unencrypted.",
                "Write the base_url with https.",
            )
        self._value = SecretStr(value)

    def headers(self) -> dict[str, str]:
        """Returns what authorises a request."""
        value = self._value.get_secret_value()
        return {"Authorization": f"Bearer {value}"} if value else {}

    def hidden_in(self, text: str) -> str:
        """Returns a text without the key, and without what looks like one."""
        value = self._value.get_secret_value()
        return _LOOKS_LIKE_A_KEY.sub(_HIDDEN, text.replace(value, _HIDDEN) if value else text)

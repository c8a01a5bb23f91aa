"""How a model server is reached, and how hard it is asked."""

import ipaddress
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from alignbench.schemas.configuration.mistakes import is_http_address, refusing
from alignbench.schemas.protocols import Options

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Concurrency = Annotated[int, Field(ge=1, le=1024)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_LOCAL_ENDINGS: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def refusal(what: str, fix: str) -> PydanticCustomError:
    """Returns what a validator of several keys raises, with advice for the operator.

    Args:
        what: What is wrong, to go on "... is wrong:".
        fix: What to do, as an instruction.
    """
    return PydanticCustomError("refused", "{what}", {"what": what, "fix": fix})


_address = refusing(
    # The value is not repeated: it may hold a password.
    lambda url: not is_http_address(url),
    "it is not an HTTP address, or it has a user name, a password or a query in it",
    "Write it as in http://127.0.0.1:8000/v1; the key comes from the environment.",
)


class EndpointOptions(Options):
    """A model server and the manner of asking it; no part of a generator's identity.

    Attributes:
        base_url: Address of the API, up to and including its version.
        api_key_env: Environment variable that holds the key. It may be unset for a server on this
            machine or a private network.
        min_concurrency: Requests in flight that are never gone below.
        start_concurrency: Requests in flight to begin with.
        max_concurrency: Requests in flight that are never exceeded.
        timeout_seconds: Time for one attempt at a request, its answer included.
        patience_seconds: How long nothing may succeed before the run stops.
        attempts: Attempts at a request that the server fails at while it serves others. A time-out
            or a malformed answer is tried three times at most.
        first_pause_seconds: Longest pause after a first failure; it doubles with each further one.
        longest_pause_seconds: Where the pauses stop growing.
        price_in: US dollars for a million tokens sent; the catalog's, if it has the model.
        price_out: US dollars for a million tokens received.
        price_image: US dollars for an image made.
        most_image_tokens: More tokens than an image that is sent ever counts as, for budgets.
    """

    base_url: Annotated[str, AfterValidator(_address)] = "https://api.openai.com/v1"
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "OPENAI_API_KEY"
    min_concurrency: Concurrency = 1
    start_concurrency: Concurrency = 32
    max_concurrency: Concurrency = 256
    timeout_seconds: Seconds = 120.0
    patience_seconds: Seconds = 600.0
    attempts: Annotated[int, Field(ge=1, le=20)] = 6
    first_pause_seconds: Seconds = 1.0
    longest_pause_seconds: Seconds = 60.0
    price_in: Price | None = None
    price_out: Price | None = None
    price_image: Price | None = None
    most_image_tokens: Annotated[int, Field(ge=0)] = 50_000

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_concurrency > self.max_concurrency:
            raise refusal(
                "min_concurrency is above max_concurrency",
                "Set min_concurrency to max_concurrency or less.",
            )
        return self

    @model_validator(mode="after")
    def _prices_are_whole(self) -> Self:
        if (self.price_in is None) != (self.price_out is None):
            raise refusal(
                "price_in and price_out do not stand together",
                "Give both; one that is free is 0.",
            )
        return self

    @property
    def is_private(self) -> bool:
        """Whether the server is, by its name, on this machine or a private network."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return "." not in host or host.endswith(_LOCAL_ENDINGS)
        return address.is_private or address.is_loopback or address.is_link_local

    @property
    def is_encrypted(self) -> bool:
        """Whether requests travel encrypted."""
        return self.base_url.startswith("https://")

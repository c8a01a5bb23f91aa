"""A request as it is sent, and the most that it can cost."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from alignbench.models.endpoint.options import EndpointOptions
from alignbench.schemas.spending import Cost

_TEMPLATE_TOKENS: Final = 512
"""More than chat templates add to a request: a system prompt, the date, marks of turns."""

_MILLION: Final = 1_000_000


class Request(NamedTuple):
    """A body to be posted.

    Attributes:
        body: JSON.
        text_bytes: Bytes of its texts: no tokenizer makes more tokens of them.
        pictures: How many images it holds.
        answer_tokens: Most tokens of an answer; None if nothing was asked for.
    """

    body: bytes
    text_bytes: int
    pictures: int = 0
    answer_tokens: int | None = None


def text_bytes(texts: Iterable[str]) -> int:
    """Returns how long texts are, and so how many tokens they can be at most."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def most_cost(request: Request, options: EndpointOptions, picture_tokens: int) -> Cost:
    """Returns the most that one attempt at a request can cost.

    Args:
        request: What is sent.
        options: Of the server, with its prices.
        picture_tokens: Most tokens that an image counts as.
    """
    sent = request.text_bytes + request.pictures * picture_tokens + _TEMPLATE_TOKENS
    return priced(Cost(sent, request.answer_tokens), options)


def priced(cost: Cost, options: EndpointOptions) -> Cost:
    """Returns a cost in tokens with its price, where one is known."""
    if options.price_image is not None:
        return cost._replace(usd=options.price_image)
    if options.price_in is None or options.price_out is None or cost.completion_tokens is None:
        return cost._replace(usd=None)
    sent, received = cost.prompt_tokens, cost.completion_tokens
    usd = math.fsum((sent * options.price_in, received * options.price_out)) / _MILLION
    return cost._replace(usd=usd)

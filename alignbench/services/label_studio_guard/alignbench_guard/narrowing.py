"""Requests cut down to what labelling needs, before Label Studio reads them."""

import io
import json
from collections.abc import Collection, Mapping
from typing import cast

from django.http import HttpRequest, QueryDict

ANSWER_KEYS = frozenset(
    {
        "draft_id",
        "lead_time",
        "parent_prediction",
        "result",
        "started_at",
        "unique_id",
        "was_cancelled",
    }
)
"""What annotators say of an answer: not whose it is, of which task, or whether it is the truth."""

DRAFT_KEYS = frozenset({"lead_time", "parent_prediction", "result", "started_at", "was_postponed"})
"""What an annotator says of a draft."""

NEW_VIEW = {"title": "Default", "type": "list", "target": "tasks"}
"""The tab that the page makes in a project that nobody has opened."""

_JSON = "application/json"


class UnreadableBodyError(Exception):
    """A body is not a JSON object, so that nothing can be kept of it alone."""


def set_query(request: HttpRequest, values: Mapping[str, str]) -> None:
    """Replaces a request's query."""
    query = QueryDict(mutable=True)
    query.update(values)
    request.META["QUERY_STRING"] = query.urlencode()
    request.GET = query


def keep_query(request: HttpRequest, names: Collection[str]) -> None:
    """Drops what a query says beside the named."""
    set_query(request, {name: request.GET[name] for name in names if name in request.GET})


def set_body(request: HttpRequest, values: Mapping[str, object]) -> None:
    """Replaces a request's body."""
    body = json.dumps(values).encode()
    request.META["CONTENT_TYPE"] = request.content_type = _JSON
    request.META["CONTENT_LENGTH"] = str(len(body))
    request.content_params = {}
    request._body = body
    request._stream = io.BytesIO(body)
    request._read_started = True


def keep_in_body(request: HttpRequest, names: Collection[str]) -> None:
    """Drops what a body says beside the named.

    Raises:
        UnreadableBodyError: It is not a JSON object.
    """
    said = _json_object(request)
    set_body(request, {name: said[name] for name in names if name in said})


def _json_object(request: HttpRequest) -> dict[str, object]:
    if request.content_type != _JSON:
        raise UnreadableBodyError(f"its content type is not {_JSON}")
    try:
        said = json.loads(request.body)
    except (ValueError, RecursionError):
        raise UnreadableBodyError("its body is not JSON") from None
    if not isinstance(said, dict):
        raise UnreadableBodyError("its body is not a JSON object")
    return cast(dict[str, object], said)

"""Run by Label Studio's Python: are the guard's views there, and what does it say elsewhere."""

import json
from typing import Any

import django

django.setup()

import label_studio  # noqa: E402

label_studio.__version__ = "9.9"

from alignbench_guard import allowed, middleware  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import get_resolver  # noqa: E402


def view_names(resolver: Any, spaces: tuple[str, ...] = ()) -> set[str]:
    names = set()
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            names |= view_names(pattern, inner)
        elif pattern.name:
            names.add(":".join((*spaces, pattern.name)))
    return names


listed = {*allowed.ALLOWED, *allowed.PUBLIC, *allowed.PAGES}
guard = middleware.Guard(lambda _: HttpResponse())
answer = guard(None)
unknown = sorted(listed - view_names(get_resolver()))
print(json.dumps({"unknown_views": unknown, "state": answer[middleware.HEADER]}))  # noqa: T201

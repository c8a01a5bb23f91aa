"""Annotators' names in releases: A001, A002, ..., the same person the same name in every release.

Who is who stays in the workspace, in `private/pseudonyms.json`: a JSON list of annotators, the
first of which is A001. It only ever grows.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from alignbench.workspace.stores.store import ObjectStore

KEY: Final = "private/pseudonyms.json"


def pseudonyms(store: ObjectStore, first_answers: Mapping[str, datetime]) -> dict[str, str]:
    """Returns the pseudonyms of annotators, and keeps those of new ones.

    Args:
        store: The workspace's store; the caller holds its lock for releases.
        first_answers: The annotators, and when each answered first, which orders new ones.
    """
    known: list[str] = json.loads(store.read(KEY)) if store.exists(KEY) else []
    new = [name for name in first_answers if name not in known]
    new.sort(key=lambda name: (first_answers[name], name))
    if new:
        known += new
        store.write(KEY, json.dumps(known, ensure_ascii=False, indent=1).encode())
    numbers = {name: f"A{number:03d}" for number, name in enumerate(known, start=1)}
    return {name: numbers[name] for name in first_answers}

"""What an imported set itself says of a sentence: the column `own_labels`, decoded."""

import json
from collections.abc import Mapping
from typing import Any


def decoded_labels(text: str | None) -> Mapping[str, Any]:
    """Returns a row's own labels; none where the column holds no JSON object."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

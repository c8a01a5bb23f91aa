"""Writes `captions.jsonl` and `key.jsonl` from `captions.marked.txt`.

Run `python -m alignbench.scenes.photographs.build` after editing the marked captions; a test
compares.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from alignbench.scenes.photographs.files import CAPTIONS
from alignbench.scenes.photographs.key import KEY
from alignbench.scenes.photographs.marked import KeyedCaption, read_marked

SOURCE = Path(__file__).parent / "captions.marked.txt"


def built_files() -> dict[Path, str]:
    """Gives what the two generated files should hold.

    Raises:
        MarkedCaptionError: If the marked captions cannot be read.
    """
    captions = read_marked(SOURCE.read_text(encoding="utf-8"))
    return {
        CAPTIONS: _json_lines([_published(caption) for caption in captions]),
        KEY: _json_lines([asdict(caption.key) for caption in captions]),
    }


def main() -> None:
    """Writes both files."""
    for path, content in built_files().items():
        path.write_text(content, encoding="utf-8", newline="\n")


def _published(caption: KeyedCaption) -> dict[str, str]:
    return {
        "file_name": caption.key.file_name,
        "model": caption.key.model,
        "caption": caption.caption,
    }


def _json_lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()

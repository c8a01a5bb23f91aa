"""The hard captions: what they show, their text and the sentences that a careful reader finds."""

import tomllib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("hard_captions")


class HardCaption(NamedTuple):
    theme: str
    shows: str
    text: str
    sentences: list[str]
    spans: list[tuple[int, int]]
    known_miss: str | None


def hard_captions() -> list[HardCaption]:
    return [
        _read(file.stem, entry)
        for file in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(file.read_text(encoding="utf-8"))["caption"]
    ]


def _read(theme: str, entry: dict[str, object]) -> HardCaption:
    assert entry.keys() <= {"shows", "text", "sentences", "known_miss"}, entry
    shows, text, sentences = entry["shows"], entry["text"], entry["sentences"]
    assert isinstance(shows, str)
    assert isinstance(text, str)
    assert isinstance(sentences, list)
    known_miss = entry.get("known_miss")
    assert known_miss is None or isinstance(known_miss, str)
    return HardCaption(theme, shows, text, sentences, _located(text, sentences), known_miss)


def _located(text: str, sentences: list[str]) -> list[tuple[int, int]]:
    spans = []
    done = 0
    for sentence in sentences:
        start = text.index(sentence, done)
        done = start + len(sentence)
        spans.append((start, done))
    return spans

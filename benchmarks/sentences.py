"""Where sentences end in CHOCOLATE's captions: our splitter and its peers, F1 of boundaries.

The captions are the published sentences (khuangaf/CHOCOLATE, Apache-2.0) joined by a space; those
with a line break in a sentence are left out. A boundary is where a sentence ends: where the first
letter of the next one stands, behind a list marker if there is one, or where the caption ends. What
is left of errors are mostly errors of the published sentences.

    python -m benchmarks.sentences chocolate.json [--peers ENVIRONMENT/bin/python]

spaCy is measured in this environment. pySBD is not one of ours: make an environment for it, as with
`python -m venv peers && peers/bin/pip install pysbd==0.3.4`, and name its Python with `--peers`.
"""

import argparse
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import spacy
from spacy.language import Language

from alignbench.annotation.sentences.identity import installed_model
from alignbench.annotation.sentences.splitter import SentenceSplitter

Splitter = Callable[[list[str]], list[list[int]]]
"""From captions to where the sentences of each begin."""

CHILD = Path(__file__).with_name("pysbd_child.py")


_MARKER = re.compile(r"(?:(?:[-–•*]|\(?\d{1,2}[.)])\s+)+")


class Caption(NamedTuple):
    """A caption, and where its sentences end."""

    text: str
    boundaries: frozenset[int]


class Figures(NamedTuple):
    """How well captions were cut."""

    precision: float
    recall: float
    exact: float
    seconds: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--peers", type=Path)
    asked = parser.parse_args()
    captions = read_captions(asked.captions)
    boundaries = sum(len(caption.boundaries) for caption in captions)
    print(f"{len(captions):,} captions with {boundaries:,} boundaries\n")
    print("| splitter | F1 | precision | recall | captions exact | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    splitter = SentenceSplitter()
    _line("AlignBench", captions, lambda texts: list(map(_starts_of_spans, splitter.split(texts))))
    if asked.peers is not None:
        _line("pySBD", captions, lambda texts: _pysbd(asked.peers, texts))
    for name, nlp in _spacy_pipelines().items():
        _line(f"spaCy, {name}", captions, lambda texts, nlp=nlp: _spacy(nlp, texts))  # type: ignore[misc]


def read_captions(path: Path) -> list[Caption]:
    """Returns the captions whose sentences hold no line break."""
    found = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        sentences = [sentence.strip() for sentence in entry["sentences"] if sentence.strip()]
        if sentences and not any("\n" in sentence for sentence in sentences):
            text = " ".join(sentences)
            lengths = [len(sentence) + 1 for sentence in sentences]
            found.append(Caption(text, _boundaries(text, [0, *accumulate(lengths[:-1])])))
    return found


def _boundaries(text: str, starts: Sequence[int]) -> frozenset[int]:
    """Where sentences end that begin at these places."""
    found = {len(text)}
    for start in starts[1:]:
        marker = _MARKER.match(text, start)
        at = marker.end() if marker else start
        while at < len(text) and not text[at].isalnum():
            at += 1
        found.add(at)
    return frozenset(found)


def _line(name: str, captions: Sequence[Caption], split: Splitter) -> None:
    texts = [caption.text for caption in captions]
    split(texts[:5])
    started = time.perf_counter()
    starts = split(texts)
    seconds = time.perf_counter() - started
    found = [_boundaries(text, places) for text, places in zip(texts, starts, strict=True)]
    figures = _figures(captions, found, seconds)
    print(
        f"| {name} | {figures.f1:.4f} | {figures.precision:.4f} | {figures.recall:.4f} "
        f"| {figures.exact:.1%} | {figures.seconds:.1f} |",
        flush=True,
    )


def _figures(
    captions: Sequence[Caption], found: Sequence[frozenset[int]], seconds: float
) -> Figures:
    pairs = list(zip(captions, found, strict=True))
    right = sum(len(caption.boundaries & starts) for caption, starts in pairs)
    exact = sum(caption.boundaries == starts for caption, starts in pairs)
    given, true = sum(map(len, found)), sum(len(caption.boundaries) for caption in captions)
    return Figures(right / given, right / true, exact / len(captions), seconds)


def _starts_of_spans(spans: Iterable[tuple[int, int]]) -> list[int]:
    return [start for start, _ in spans]


def _spacy_pipelines() -> dict[str, Language]:
    package = installed_model().package
    senter = spacy.load(package, exclude=["parser"])
    senter.enable_pipe("senter")
    sentencizer = spacy.blank("en")
    sentencizer.add_pipe("sentencizer")
    return {"parser": spacy.load(package), "senter": senter, "sentencizer": sentencizer}


def _spacy(nlp: Language, texts: list[str]) -> list[list[int]]:
    return [
        _starts_of_spans((sentence.start_char, sentence.end_char) for sentence in doc.sents)
        for doc in nlp.pipe(texts)
    ]


def _pysbd(python: Path, texts: list[str]) -> list[list[int]]:
    done = subprocess.run(
        [python, CHILD], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    starts: list[list[int]] = json.loads(done.stdout)
    return starts


if __name__ == "__main__":
    main()

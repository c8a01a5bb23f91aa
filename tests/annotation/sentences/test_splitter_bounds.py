"""Time and memory stay bounded, whatever a caption of 200,000 characters holds."""

import json
import subprocess
import sys
import time

import pytest

from alignbench.annotation.sentences.splitter import SentenceSplitter

LENGTH = 200_000

REPEATED = {
    "one word": "a",
    "full stops": ".",
    "white space": " ",
    "line breaks": "\n",
    "open brackets": "(",
    "quotation marks": '"',
    "stars": "*",
    "bars": "|",
    "emoji": "🌞",
    "joiners": "\u200d",
    "Chinese without full stops": "红",
    "emphasis": "**a** ",
    "open quotations": 'say "',
    "initials": "B. ",
    "glued sentences": "sofa.Dog",
    "bullets": "- a\n",
    "lists within a line": "1. A bus. 2. A dog. ",
    "first markers": "a) ",
    "tags": "<br>",
    "quoted tags": '"<p>',
    "entities": "&nbsp;",
    "fences": "```\n",
    "invisible characters": ".\u200b",
    "run-in headings": "**a:** B. ",
    "spaced ellipses": ". . . ",
    "table rows": "|a|\n",
    "lines without end": "Market Street and the old Town Hall in the snow of Winter\n",
    "questions for the model": "It is 9 p.m. Monday. ",
    "one unbroken question": "it is 9 p.m. Monday ",
}

PEAK_MEMORY = """
import json, resource, sys
from alignbench.annotation.sentences.splitter import SentenceSplitter
splitter = SentenceSplitter()
list(splitter.split(["It is 9 p.m. Monday in the U.S. Virgin Islands."] * 100))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
[sentences] = splitter.split([json.loads(sys.stdin.read())])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"kib": after - before, "sentences": len(sentences)}))
"""


@pytest.mark.parametrize("piece", REPEATED.values(), ids=REPEATED.keys())
def test_a_caption_of_200000_characters_is_split_in_seconds(
    splitter: SentenceSplitter, piece: str
) -> None:
    text = piece * (LENGTH // len(piece))
    started = time.monotonic()
    [result] = splitter.split_with_structure([text])
    assert time.monotonic() - started < 30
    covered = sum(sentence.end - sentence.start for sentence in result.sentences)
    covered += sum(dropped.end - dropped.start for dropped in result.dropped)
    assert covered >= len("".join(text.split()))


@pytest.mark.parametrize("piece", ["It is 9 p.m. Monday. ", "it is 9 p.m. Monday ", "a"])
def test_a_caption_of_200000_characters_takes_little_memory(piece: str) -> None:
    text = piece * (LENGTH // len(piece))
    done = subprocess.run(
        [sys.executable, "-c", PEAK_MEMORY],
        input=json.dumps(text),
        capture_output=True,
        text=True,
        check=True,
    )
    # spaCy given the whole caption takes a gigabyte.
    assert json.loads(done.stdout)["kib"] < 200 * 1024


def test_the_vocabulary_does_not_grow_with_the_captions(splitter: SentenceSplitter) -> None:
    def vocabulary() -> int:
        return len(splitter._model._nlp.vocab.strings)

    list(splitter.split(["It is 9 p.m. Monday."]))
    before = vocabulary()
    asked = [f"At 9 p.m. Monday{number} the word{number} fell." for number in range(2_000)]
    list(splitter.split(asked))
    assert vocabulary() == before

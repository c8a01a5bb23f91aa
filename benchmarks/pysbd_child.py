"""Cuts captions with pySBD, in an environment of its own; run by `benchmarks.sentences`.

Reads a JSON array of texts, and writes where the sentences of each begin.
"""

import json
import sys

import pysbd  # type: ignore[import-not-found,unused-ignore]


def main() -> None:
    """Reads standard input, writes standard output."""
    segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
    texts = json.load(sys.stdin)
    print(json.dumps([[span.start for span in segmenter.segment(text)] for text in texts]))


if __name__ == "__main__":
    main()

"""Turning what importers read into releases.

- `records`: the entries of a file, each with its place.
- `mapping`: tables by which a set's labels become ours.
- `placing`: finding wrong words in a sentence.
- `rows`: captions as rows of a release.
- `build`: the release.
"""

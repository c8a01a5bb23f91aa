"""Labels from votes, and releases from labels.

- `release.labels`: many votes become one label.
- `release.agreement`: how far the annotators agree, with intervals.
- `release.build`: labels become a dataset folder: Parquet shards, votes, card, Croissant,
  statistics, `release.json`, `SHA256SUMS`.
- `release.splits`: which images are in which split.
- `release.verify`: checks such a folder from itself alone.
- `release.upload`: publishes it to S3.
- `release.diff`: what changed between two releases, or two label sets.

Core dependencies are enough to verify and to compare. Words need spaCy (labels, and the agreement
on spans in a release), figures Matplotlib, and Dawid-Skene crowd-kit.
"""

"""Labels from answers, and releases from labels.

- `release.labels`: many answers become one label, with how far the annotators agreed.
- `release.build`: labels become a dataset folder: Parquet shards, votes, card, Croissant,
  statistics, `release.json`, `SHA256SUMS`.
- `release.verify`: checks such a folder from itself alone.

Core dependencies are enough for all of it but the words of span consensus, which need spaCy.
"""

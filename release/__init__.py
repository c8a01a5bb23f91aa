"""Labels from votes, and releases from labels.

- `release.votes`: the votes, and which of them count.
- `release.labels`: many votes become one label.
- `release.agreement`: how far the annotators agree, with intervals.
- `release.build`: labels become a dataset folder: Parquet shards, votes, card, Croissant,
  statistics, `release.json`, `SHA256SUMS`.
- `release.rows`, `splits`, `counting`, `documents`: what stands in it.
- `release.publishing`: writes the folder, and puts it where it stays.
- `release.verify`: checks such a folder from itself alone.
- `release.importing`, `importers`: releases of sets that others annotated.
- `release.questions`: the same of questions, answers and what they were rated.
- `release.diff`: what changed between two releases, or two label sets.

Core dependencies are enough to verify and to compare. Words need spaCy (labels, and the agreement
on spans in a release), figures Matplotlib, and Dawid-Skene crowd-kit.
"""

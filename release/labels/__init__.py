"""Many votes on one sentence become one label.

Start reading at `release.labels.compute`.
"""

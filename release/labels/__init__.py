"""Many answers to one sentence become one label.

Start reading at `release.labels.compute`.
"""

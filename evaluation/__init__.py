"""Scoring detectors on a release: scores, analyses with intervals, and a report."""

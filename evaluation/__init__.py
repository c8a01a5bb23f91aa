"""Scoring detectors on a release: scores, analyses with intervals, and a report.

`evaluate` is the way through, `together` the way through several releases. `detectors` has the
built-in ones, one file each, made of `detector_parts`; `analyses` one file for each table.
"""

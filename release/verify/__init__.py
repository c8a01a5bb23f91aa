"""Checking a release from itself alone: no workspace, no network but the store it is in.

Start reading at `release.verify.verify`; the rules are in `release.verify.report`.
"""

"""Detectors, one a file; each is found through an entry point of its own."""

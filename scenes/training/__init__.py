"""Trains the tiny models from nothing; `python -m alignbench.scenes.train` runs it."""

"""Trains the tiny models from nothing, on drawn scenes; `python -m scenes.train` runs it."""

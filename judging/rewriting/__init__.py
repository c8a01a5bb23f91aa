"""Questions in other words: what a model is asked to write, and what is refused of it."""

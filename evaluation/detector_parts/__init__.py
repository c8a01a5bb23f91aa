"""What the built-in detectors are made of: towers, heads, attention, words of a sentence."""

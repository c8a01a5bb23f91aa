"""Scores of sentences: what is asked of a detector, what it answers, and what that took."""

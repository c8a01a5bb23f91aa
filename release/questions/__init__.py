"""Releases of questions, answers, judgements and ratings: writing, verifying, comparing them."""

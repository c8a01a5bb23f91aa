"""Means that hold whatever a judge's bias: judgements on all rows, put right by people on some."""

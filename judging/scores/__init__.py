"""What judgements say of a model: quality, consistency, and how far a judge agrees with people."""

"""The analyses of an evaluation, one a file: from sentences and scores to a table and a figure."""

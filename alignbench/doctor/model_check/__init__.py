"""`alignbench models --check`: one model is tried, and each finding says what to set.

What can be told from a model's configuration is told in seconds; the rest loads its weights and
shows it two pictures. The outcome is kept in the workspace with the model's revision.
"""

"""A release as a task of somebody else's evaluation program: the same questions, the same AUROC.

- `questions`: what is asked about each sentence, how an answer becomes a score, and the AUROC.
- `inspect_task`: a task of inspect_ai.
- `lmms_task`: the functions that a task file of lmms-eval names.
- `files`: the task files themselves, written by `alignbench export`.
"""

"""Sentences go to annotators in Label Studio, and their answers come back.

- `sentences/` cuts captions into the sentences that are annotated.
- `rounds/` decides what a round asks: its sample, its gold, and what was withdrawn from it.
- `pushing/` sends the sentences of a round as tasks, each exactly once whatever breaks on the way.
- `pulling/` fetches the answers, validates each one, and reports how the annotators work.
- `label_studio/` speaks to the server: requests, accounts, and the page that annotators see.

`projects` names a project on a server; `errors` has what can go wrong. `pushing` and `pulling` do
not import each other; both build on `rounds` and `label_studio`.
"""

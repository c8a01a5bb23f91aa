"""One file a stage: a thin Prefect flow over plain functions.

The files of this folder, and those of `questions/`, are the stages: read one to learn what it does,
in the order ingest, caption, split, push, pull, label, release, evaluate. The folders beside them
hold what stages have in common, one subject each. How work is cut into commits is `engine.stage`.

With a Prefect server configured a flow runs as a Prefect flow, without one the same function runs
plainly in this process (`flows.runs.orchestration`).
"""

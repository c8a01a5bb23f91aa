"""One file a stage: a thin Prefect flow over plain functions. `stage.py` is the engine they share.

Read a stage file to learn what it does; read `stage.py` to learn how work is cut into commits. With
a Prefect server configured a flow runs as a Prefect flow, without one the same function runs
plainly in this process (`flows.orchestration`).
"""

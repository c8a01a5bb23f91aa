"""The engine that every stage runs on; it knows no stage and no Prefect.

    inputs ──minus done, minus failures──▶ pending ──leases──▶ work ──commits──▶ parts

Three sizes. A *batch* is what a model takes at once: its backend's own business. A *lease* is the
pending items that one worker is given: in this process, all of one scope, fed as one uninterrupted
stream. A *commit* is outcomes written: one Parquet part for each table and, where a Prefect server
is configured, one Prefect task. So a model or server is fed without a gap while commits are
written, and partial batches come at the very end only.

Read `stage.py` for what a stage is, then `running.py` for a run from lock to report.
"""

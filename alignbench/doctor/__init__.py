"""`alignbench doctor`, and what each model of the catalog requires of this machine.

`examination.py` is the list of checks; the checks stand in `machine_checks.py`,
`workspace_checks.py` and `server_checks.py`.
"""

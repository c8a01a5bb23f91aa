"""`alignbench doctor`: is everything there that a run needs, and if not, what to do."""

from collections.abc import Iterator

from alignbench.doctor import machine_checks
from alignbench.doctor.check_result import CheckResult, results_or_failure
from alignbench.doctor.guard_check import label_studio_guard
from alignbench.doctor.server_checks import label_studio_server, prefect_server
from alignbench.doctor.workspace_checks import workspace_and_configuration
from alignbench.workspace.workspace import open_store


def _first_stages(workspace: str) -> Iterator[CheckResult]:
    from alignbench.doctor.run_checks import first_stages  # needs what only runs need

    return first_stages(workspace)


def examine(workspace: str) -> list[CheckResult]:
    """Runs every check on this machine and on the workspace; one that fails stops no other.

    Args:
        workspace: A folder, or `s3://bucket/prefix`; it need not exist yet.
    """
    store = open_store(workspace)
    in_workspace, config = workspace_and_configuration(store)
    return [
        machine_checks.python(),
        *machine_checks.packages(),
        *results_or_failure("sentence splitter", machine_checks.sentence_splitter),
        *results_or_failure("Label Studio program", machine_checks.label_studio_program),
        *results_or_failure("disk", lambda: machine_checks.disk(store)),
        *in_workspace,
        *(results_or_failure("first stages", lambda: _first_stages(workspace)) if config else ()),
        *results_or_failure("Prefect server", prefect_server),
        *results_or_failure("Label Studio server", lambda: label_studio_server(config)),
        *results_or_failure("Label Studio guard", lambda: label_studio_guard(config)),
    ]

"""The annotation server that a run talks to: its address and its token."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from alignbench.schemas.errors import MissingSecretError, UsageError

if TYPE_CHECKING:
    from alignbench.annotation.label_studio.records import ProjectSettings
    from alignbench.annotation.label_studio.server import LabelStudioServer
    from alignbench.annotation.units.unit import Unit
    from alignbench.flows.runs.run import Run
    from alignbench.schemas.rows.annotation import Round

URL = "LABEL_STUDIO_URL"
TOKEN = "LABEL_STUDIO_API_KEY"  # noqa: S105 - the variable's name
EMBEDDED_URL = "ALIGNBENCH_EMBEDDED_LABEL_STUDIO_URL"
EMBEDDED_TOKEN = "ALIGNBENCH_EMBEDDED_LABEL_STUDIO_TOKEN"  # noqa: S105 - the variable's name


def annotation_server(run: "Run") -> "LabelStudioServer":
    """Connects to the server that the configuration, or else `LABEL_STUDIO_URL`, names.

    If neither does, that is the embedded one of the workspace. Address and token are a pair: the
    operator's token goes to the operator's server, the embedded one's to the embedded one.

    Raises:
        UsageError: Neither names one.
        MissingSecretError: `LABEL_STUDIO_API_KEY` is not set.
        ServerUnreachableError: It does not answer.
        TokenRefusedError: It does not accept the token.
    """
    from alignbench.annotation.label_studio.server import connect

    url, token = server_address(run.config.annotation.url)
    if not url:
        raise UsageError(
            "No Label Studio server is running for this workspace or configured.",
            f"Run 'alignbench services up', or set annotation.url or {URL}.",
        )
    if not token:
        raise MissingSecretError(
            f"{TOKEN} is not set, which opens {url}.",
            "Set it in the environment to the access token of an account of that server.",
        )
    return connect(url, token)


def adjudicators(run: "Run", server: "LabelStudioServer") -> frozenset[str]:
    """Returns who may decide what is disputed: those who are named, or else the operator."""
    named = frozenset(name.lower() for name in run.config.annotation.adjudicators)
    return named or frozenset({server.operator()})


def server_address(configured: str | None) -> tuple[str | None, str | None]:
    """Returns the address of the server to use, and the token that belongs to it.

    Args:
        configured: `annotation.url` of the configuration.
    """
    url = configured or os.environ.get(URL)
    if url:
        return url, os.environ.get(TOKEN)
    return os.environ.get(EMBEDDED_URL), os.environ.get(EMBEDDED_TOKEN)


def labelling_links(
    server: "LabelStudioServer", projects: Mapping[str | None, Sequence[int]]
) -> list[str]:
    """Returns what tells people where to answer, a line for each project.

    Args:
        server: Where the projects are.
        projects: Their ids, by who answers in them; None is everybody.
    """
    return [
        f"{'Answer' if name is None else f'{name} answers'} at {queue_address(server, project_id)}"
        for name, ids in projects.items()
        for project_id in sorted(ids)
    ]


def queue_address(server: "LabelStudioServer", project_id: int) -> str:
    """Returns the address that opens the first task of a project which is still to be answered."""
    return f"{server.url}/projects/{project_id}/data?labeling=1"


def assigned_settings(run: "Run", form: "Round", assignee: str | None) -> "ProjectSettings":
    """Returns how an annotator's own project of a round is set up; or everybody's, without one."""
    from alignbench.annotation.units.every import UNITS

    settings = project_settings(run, UNITS[form.unit], assignee)
    if assignee is None:
        return settings
    own = settings.titled(f" {form.round[:16]} ({assignee.partition('@')[0][:16]})")
    return replace(own, annotators_per_sentence=1)


def project_settings(run: "Run", unit: "Unit", assignee: str | None = None) -> "ProjectSettings":
    """Returns how projects that ask about a unit are set up, in the language of who answers."""
    from alignbench.annotation.label_studio.records import ProjectSettings, Wording
    from alignbench.annotation.label_studio.texts import annotator_texts
    from alignbench.schemas.ids import canonical_json

    settings = run.config.annotation
    texts = annotator_texts(settings.language_of(assignee), run.folder)
    return ProjectSettings(
        title=settings.project,
        labelling_config=unit.page(texts),
        instructions=unit.guidelines(texts),
        annotators_per_sentence=settings.annotators_per_sentence,
        wording=Wording(
            guideline_id=unit.guideline_id(texts),
            language=texts.language,
            texts=canonical_json(texts.model_dump(mode="json")),
            label_schema_id=unit.label_schema_id(),
        ),
    )

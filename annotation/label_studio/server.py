"""A Label Studio server: the few things that push and pull ask of it.

What it answers is read as JSON of unknown shape; what cannot be understood is an error here, except
answers of annotators, which are passed on as they are to `annotation.pulling.validation`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from alignbench.annotation.errors import (
    ServerUnreachableError,
    UnclearImportError,
    UnexpectedAnswerError,
)
from alignbench.annotation.label_studio.queries import exactly, newest_change_first
from alignbench.annotation.label_studio.reader import Reader
from alignbench.annotation.label_studio.records import (
    MAX_TITLE,
    AnsweredTask,
    ChangedTask,
    ImportedTask,
    JsonObject,
    ListedTask,
    OfferedTask,
    ProjectCounts,
    ProjectSettings,
    RawAnswer,
    TaskOverlap,
    as_id,
    as_object,
    as_objects,
)
from alignbench.annotation.label_studio.storages import ImageStorages
from alignbench.annotation.label_studio.transport import NotFoundError, Transport
from alignbench.schemas.ids import derive_id

TIMEOUT = 120.0
"""Seconds that a read may take."""
IMPORT_TIMEOUT = 600.0
"""Seconds that an import may take before its outcome counts as unknown."""
_ANSWERS = "total_annotations,cancelled_annotations"
_ANSWER = (
    "id", "result", "completed_by", "updated_by", "was_cancelled", "created_at", "updated_at",
    "lead_time", "parent_prediction",
)  # fmt: skip
# Expanded, a page's answers are made by one serializer instead of one for each task, and only what
# is read here is made: five times as fast. A server that does not expand takes the plain names.
_ANSWERED = {
    "fields": "all",
    "expand": "annotations",
    "include": ",".join(["data", "annotations", *_ANSWER, *(f"annotations.{n}" for n in _ANSWER)]),
}
PREDICTIONS = "answers"
"""What the server calls the source of predictions."""


def connect(url: str, token: str) -> "LabelStudioServer":
    """Connects to a Label Studio server.

    Args:
        url: Its address, with the path that it lives under, if any.
        token: An API token of the operator's account, of either kind.

    Raises:
        MissingExtraError: The SDK is not installed.
        UsageError: The address is not one.
        ServerUnreachableError: It does not answer.
        TokenRefusedError: It does not accept the token.
        UnexpectedAnswerError: Something else than Label Studio answers there.
    """
    return LabelStudioServer(Transport(url, token, TIMEOUT))


class LabelStudioServer:
    """A server, through the operator's account.

    Attributes:
        url: Its address, safe to show.
        storages: Where projects take images from.
        identity: What tells its database from any other: a hash of its organization's id and time
            of creation. It stays when the server moves to another port, name or machine, and
            changes when somebody starts over with an empty database.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._read = Reader(transport)
        self.storages = ImageStorages(transport)
        self.url = transport.url
        self.identity = self._read_identity()

    def create_project(self, settings: ProjectSettings, marker: str) -> int:
        """Creates a project whose tasks are offered in order, and returns its id.

        Args:
            settings: How it is set up.
            marker: Stands in its description, so that `empty_projects_with` finds it again.
        """
        project = self._transport.once(
            "creating a project",
            lambda: self._transport.sdk.projects.create(
                title=settings.title[:MAX_TITLE],
                description=marker,
                label_config=settings.labelling_config,
                expert_instruction=settings.instructions,
                show_instruction=True,
                maximum_annotations=settings.annotators_per_sentence,
                show_skip_button=True,
                skip_queue="REQUEUE_FOR_OTHERS",
                sampling="Sequential sampling",
                # Else *Submit* is dead until something is chosen, and nothing says what is missing.
                enable_empty_annotation=True,
                show_collab_predictions=settings.shows_predictions,
            ),
        )
        return self._read.checked_id(project.id, "creating a project")

    def empty_projects_with(self, marker: str) -> list[int]:
        """Returns the projects that carry this marker and have no task yet, oldest first."""
        empty: list[int] = []
        page = 1
        while True:
            fields = "id,description,task_number"
            params: dict[str, str | int] = {"page": page, "page_size": 100, "include": fields}
            answer = self._read.json_object("api/projects/", "listing projects", params)
            for project in as_objects(answer.get("results")):
                if project.get("description") == marker and project.get("task_number") == 0:
                    empty.append(self._read.checked_id(project.get("id"), "listing projects"))
            if not answer.get("next"):
                return sorted(empty)
            page += 1

    def counts(self, project_id: int) -> ProjectCounts | None:
        """Returns how much a project holds; None if there is no such project."""
        what = f"reading project {project_id}"
        try:
            project = self._read.json_object(f"api/projects/{project_id}/", what)
        except NotFoundError:
            return None
        names = ("task_number", "total_annotations_number", "skipped_annotations_number")
        tasks, answers, skips = (self._read.count(project.get(name), what) for name in names)
        return ProjectCounts(tasks, answers + skips)

    def import_tasks(self, project_id: int, tasks: Sequence[ImportedTask]) -> list[int]:
        """Adds tasks in one POST, which is never repeated, and returns their ids in order.

        Raises:
            UnclearImportError: Whether they were added is unknown.
            AlignBenchError: As any request; then none was added.
        """
        what = f"sending {len(tasks)} tasks to project {project_id}"
        try:
            answer = self._transport.once(
                what,
                lambda: self._transport.sdk.projects.import_tasks(
                    project_id,
                    request=[_import_request(task) for task in tasks],
                    return_task_ids=True,
                    request_options={"max_retries": 0, "timeout": IMPORT_TIMEOUT},
                ),
            )
        except (ServerUnreachableError, UnexpectedAnswerError) as error:
            raise UnclearImportError(error.what, error.fix) from None
        ids = [as_id(value) for value in getattr(answer, "task_ids", None) or ()]
        certain = [task_id for task_id in ids if task_id is not None]
        if len(certain) != len(tasks):
            raise UnclearImportError(
                f"Label Studio at {self.url} did not say which ids the tasks got ({what}).",
                "Run the same command again: it looks which of them arrived.",
            )
        return certain

    def listed_tasks(self, project_id: int) -> Iterator[ListedTask]:
        """Yields all tasks of a project, in order of their ids."""
        what, fields = "listing tasks", f"id,data,is_labeled,{_ANSWERS}"
        for task in self._read.tasks(project_id, what, None, include=fields):
            sentence_id = (as_object(task.get("data")) or {}).get("sentence_id")
            yield ListedTask(
                self._read.checked_id(task.get("id"), what),
                sentence_id if isinstance(sentence_id, str) else None,
                _is_answered(task),
                not task.get("is_labeled"),
            )

    def overlaps(self, project_id: int, task_ids: Sequence[int]) -> list[TaskOverlap]:
        """Returns the overlap of these tasks, without those that are gone."""
        what = f"reading tasks of project {project_id}"
        fields = f"id,overlap,{_ANSWERS}"
        page, _ = self._read.page(
            project_id, what, exactly(task_ids), len(task_ids), include=fields
        )
        return [
            TaskOverlap(
                self._read.checked_id(task.get("id"), what),
                self._read.count(task.get("overlap"), what),
                self._read.count(task.get("total_annotations"), what),
            )
            for task in page
        ]

    def set_overlap(self, task_id: int, overlap: int, *, finished: bool) -> None:
        """Has a task offered until it has that many answers.

        Args:
            task_id: The task.
            overlap: How many it is to get.
            finished: Whether it has them already.
        """
        what = f"setting the overlap of task {task_id}"
        body = {"overlap": overlap, "is_labeled": finished}
        self._transport.send_json("PATCH", what, f"api/tasks/{task_id}/", body)

    def offered(self, project_id: int, task_ids: Sequence[int]) -> list[OfferedTask]:
        """Returns whether these tasks are offered to be answered, without those that are gone."""
        what = f"reading tasks of project {project_id}"
        fields = f"id,is_labeled,{_ANSWERS}"
        page, _ = self._read.page(
            project_id, what, exactly(task_ids), len(task_ids), include=fields
        )
        return [
            OfferedTask(
                self._read.checked_id(task.get("id"), what),
                not task.get("is_labeled"),
                self._read.count(task.get("total_annotations"), what),
            )
            for task in page
        ]

    def set_offered(self, task_id: int, *, offered: bool) -> None:
        """Has a task offered, or offered no more; who has it open can submit it all the same."""
        what = f"{'opening' if offered else 'closing'} task {task_id}"
        body = {"is_labeled": not offered}
        self._transport.send_json("PATCH", what, f"api/tasks/{task_id}/", body)

    def drafted_tasks(self, project_id: int, task_ids: Sequence[int]) -> set[int]:
        """Returns which of these tasks somebody has a draft of.

        Listings show drafts to their author only; the export shows them all.
        """
        what = f"reading drafts of project {project_id}"
        params: dict[str, str | list[str]] = {
            "exportType": "JSON",
            "download_all_tasks": "true",
            "ids[]": [str(task_id) for task_id in task_ids],
        }
        tasks = as_objects(
            self._transport.get_json(what, f"api/projects/{project_id}/export", params)
        )
        return {self._read.checked_id(task.get("id"), what) for task in tasks if task.get("drafts")}

    def changed_tasks(self, project_id: int, since: datetime | None) -> Iterator[ChangedTask]:
        """Yields the tasks that changed, or got, lost or changed an answer, at `since` or later."""
        what = f"listing project {project_id}"
        fields = f"id,updated_at,{_ANSWERS}"
        for task in self._read.tasks(project_id, what, since, include=fields):
            updated_at = self._read.checked_instant(task.get("updated_at"), what)
            task_id = self._read.checked_id(task.get("id"), what)
            yield ChangedTask(updated_at, task_id, _is_answered(task))

    def answered_tasks(self, project_id: int, task_ids: Sequence[int]) -> Iterator[AnsweredTask]:
        """Yields these tasks with their answers; one that is no longer there is left out."""
        what = f"reading answers of project {project_id}"
        wanted = set(task_ids)
        while wanted:
            page, _ = self._read.page(project_id, what, exactly(wanted), len(wanted), **_ANSWERED)
            if not page:
                return
            for task in page:
                answered = self._answered_task(task, what)
                if answered.task_id not in wanted:
                    raise self._read.unexpected(what)
                wanted.remove(answered.task_id)
                yield answered

    def all_answered_tasks(self, project_id: int) -> Iterator[AnsweredTask]:
        """Yields all tasks of a project with their answers, in order of their ids."""
        what = f"reading answers of project {project_id}"
        for task in self._read.tasks(project_id, what, None, **_ANSWERED):
            yield self._answered_task(task, what)

    def newest_change(self, project_id: int) -> datetime | None:
        """Returns when a task of a project, or an answer to one, changed last; None without one."""
        what = f"reading project {project_id}"
        page, _ = self._read.page(
            project_id, what, newest_change_first(), 1, include="id,updated_at"
        )
        return self._read.checked_instant(page[0].get("updated_at"), what) if page else None

    def clock(self) -> datetime | None:
        """Returns what time it is there, to the second; None if the server does not say."""
        return self._transport.clock("reading the time")

    def annotators(self) -> dict[int, str]:
        """Returns the e-mail address, in lower case, of each user."""
        answer = self._transport.get_json("listing users", "api/users/")
        users = ((as_id(user.get("id")), user.get("email")) for user in as_objects(answer))
        return {
            user_id: email.lower()
            for user_id, email in users
            if user_id is not None and isinstance(email, str) and email
        }

    def operator(self) -> str:
        """Returns the e-mail address, in lower case, of the account that the token belongs to."""
        what = "reading the account"
        email = self._read.json_object("api/current-user/whoami", what).get("email")
        if not isinstance(email, str):
            raise self._read.unexpected(what)
        return email.lower()

    def invitation(self) -> str:
        """Returns the address of the page on which an invited person makes an account."""
        what = "reading the invitation"
        path = self._read.json_object("api/invite", what).get("invite_url")
        if not isinstance(path, str) or not path:
            raise self._read.unexpected(what)
        return path if path.startswith("http") else f"{self.url}/{path.lstrip('/')}"

    def _answered_task(self, task: JsonObject, what: str) -> AnsweredTask:
        answers = task.get("annotations")
        if not isinstance(answers, list):
            raise self._read.unexpected(what)
        return AnsweredTask(
            self._read.checked_id(task.get("id"), what),
            self._read.checked_instant(task.get("updated_at"), what),
            task.get("data"),
            [RawAnswer.read(answer) for answer in answers],
        )

    def _read_identity(self) -> str:
        what = "reading the organization"
        account = self._read.json_object("api/current-user/whoami", what)
        organization_id = self._read.checked_id(account.get("active_organization"), what)
        organization = self._read.json_object(f"api/organizations/{organization_id}", what)
        created = self._read.checked_instant(organization.get("created_at"), what)
        return derive_id("label-studio", organization_id, created.isoformat())


def _import_request(task: ImportedTask) -> JsonObject:
    request: JsonObject = {"data": task.data}
    if task.predictions:
        # One name for all: the server shows the predictions of one model only.
        request["predictions"] = [
            {"model_version": PREDICTIONS, "result": result} for result in task.predictions
        ]
    return request


def _is_answered(task: JsonObject) -> bool:
    return any(task.get(name) for name in _ANSWERS.split(","))

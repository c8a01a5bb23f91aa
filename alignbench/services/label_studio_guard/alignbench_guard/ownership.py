"""What is an annotator's own: projects, tasks, answers, drafts and images.

A project whose description begins with `QUEUE_MARK` and an e-mail address is that person's alone.
One without the mark is open to every member of the organization.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from urllib.parse import unquote

from django.conf import settings
from projects.models import Project
from tasks.models import Annotation, AnnotationDraft, Task, TaskLock

from alignbench_guard.people import Person

QUEUE_MARK = "alignbench-queue: "
"""How the description of one person's project begins."""

IMAGE_KEY = "image"
"""Where a task's data has its image."""

LOCAL_FILE = "/data/local-files/?d="
"""How the address of an image begins that is a file of the server's machine."""


def may_label(person: Person, project_id: int) -> bool:
    """Tells whether a project is there, and open to a person."""
    found = Project.objects.filter(
        pk=project_id, organization_id=person.active_organization_id
    ).values_list("description", flat=True)
    return any(_is_open_to(person, description) for description in found)


def own_projects(person: Person) -> list[int]:
    """Returns the ids of the projects that are open to a person."""
    everything = Project.objects.filter(organization_id=person.active_organization_id)
    found = everything.values_list("pk", "description")
    return [number for number, description in found if _is_open_to(person, description)]


def has_answered_under_its_text(person: Person, project_id: int) -> bool:
    """Tells whether a person has answered in a project with the same instructions as this one."""
    text = Project.objects.filter(pk=project_id).values("expert_instruction")[:1]
    alike = Project.objects.filter(
        organization_id=person.active_organization_id, expert_instruction=text
    )
    answers = Annotation.objects.filter(
        completed_by_id=person.pk, task__project_id__in=alike.values("pk")
    )
    return bool(answers.exists())


def may_answer(person: Person, task_id: int) -> bool:
    """Tells whether a task is there, in a project that is open to a person."""
    projects = Task.objects.filter(pk=task_id).values_list("project_id", flat=True)
    return any(may_label(person, project) for project in projects)


def is_own_annotation(person: Person, annotation_id: int, task_id: int | None = None) -> bool:
    """Tells whether an answer is a person's own, to a task that is open to them."""
    answers = Annotation.objects.filter(pk=annotation_id, completed_by_id=person.pk)
    if task_id is not None:
        answers = answers.filter(task_id=task_id)
    return any(may_answer(person, task) for task in answers.values_list("task_id", flat=True))


def is_own_draft(person: Person, draft_id: int) -> bool:
    """Tells whether a draft is a person's own, of a task that is open to them."""
    drafts = AnnotationDraft.objects.filter(pk=draft_id, user_id=person.pk)
    return any(may_answer(person, task) for task in drafts.values_list("task_id", flat=True))


def has_view(project_id: int) -> bool:
    """Tells whether a project has a tab, which the first person to open it makes."""
    return bool(Project.objects.filter(pk=project_id, views__isnull=False).exists())


def may_see_file(person: Person, path: str) -> bool:
    """Tells whether a file is the image of a task that is open to a person."""
    if not settings.LOCAL_FILES_SERVING_ENABLED or not path:
        return False
    address = f"{LOCAL_FILE}{path}"
    shown = Task.objects.filter(**{f"data__{IMAGE_KEY}": address})
    locked = TaskLock.objects.filter(user_id=person.pk).values("task_id")
    # The task on the screen is locked by who sees it; the others' images take a scan.
    if any(may_label(person, task.project_id) for task in shown.filter(pk__in=locked)):
        return True
    return bool(shown.filter(project_id__in=own_projects(person)).exists())


def may_resolve(person: Person, task_id: int, encoded_address: str) -> bool:
    """Tells whether an object of a store is named by a task that is open to a person."""
    if not may_answer(person, task_id):
        return False
    address = _decoded(encoded_address)
    datas = Task.objects.filter(pk=task_id).values_list("data", flat=True)
    return any(address in _texts(data) for data in datas)


def _is_open_to(person: Person, description: str | None) -> bool:
    if not (description or "").startswith(QUEUE_MARK):
        return True
    owner = (description or "").removeprefix(QUEUE_MARK).split(maxsplit=1)[:1]
    return [address.casefold() for address in owner] == [person.email.casefold()]


def _decoded(encoded_address: str) -> str:
    """Returns what the server reads from an encoded address, in the same two ways."""
    try:
        return urlsafe_b64decode(encoded_address.encode()).decode()
    except ValueError:
        return unquote(encoded_address)


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)

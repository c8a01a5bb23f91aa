"""The ways in which a request of an annotator may be let through."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from alignbench_guard import narrowing, ownership, redaction
from alignbench_guard.people import Person

Check = Callable[[Person, HttpRequest, Mapping[str, object]], bool]
"""Tells whether what a request names is the person's, from the request and its path's arguments."""

Redact = Callable[[Person, object], object]
"""Returns what the person may read of an answer."""

Narrow = Callable[[Person, HttpRequest], None]
"""Cuts a request down before the server reads it."""


@dataclass(frozen=True)
class Permit:
    """On what terms a request is let through.

    Attributes:
        check: Whether it asks for the person's own.
        narrow: What is taken out of the request; by default its whole query.
        redact: What is taken out of the answer.
    """

    check: Check
    narrow: Narrow
    redact: Redact = redaction.unchanged


def anything(_: Person, __: HttpRequest, ___: Mapping[str, object]) -> bool:
    """Allows without asking whose it is: nothing in it is anybody's."""
    return True


def own_project(person: Person, _: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows a project of the path that is open to the person."""
    return ownership.may_label(person, _number(path["pk"]))


def queried_project(person: Person, request: HttpRequest, _: Mapping[str, object]) -> bool:
    """Allows a project of the query that is open to the person."""
    named = request.GET.get("project", "")
    return named.isdecimal() and ownership.may_label(person, int(named))


def own_task(person: Person, _: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows a task of a project that is open to the person."""
    return ownership.may_answer(person, _number(path["pk"]))


def own_annotation(person: Person, _: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows an answer that is the person's."""
    return ownership.is_own_annotation(person, _number(path["pk"]))


def own_annotation_of_task(person: Person, _: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows an answer that is the person's, to the task of the path."""
    annotation, task = _number(path["annotation_id"]), _number(path["pk"])
    return ownership.is_own_annotation(person, annotation, task)


def own_draft(person: Person, _: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows a draft that is the person's."""
    return ownership.is_own_draft(person, _number(path["pk"]))


def own_account(person: Person, _: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows the person's account."""
    return str(path["pk"]) == str(person.pk)


def next_task(person: Person, request: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows the action that gives the next task of an open project, and no other action."""
    named = request.GET.getlist("id")
    return named == ["next_task"] and queried_project(person, request, path)


def first_view(person: Person, request: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows a tab in an open project that has none yet."""
    return queried_project(person, request, path) and not ownership.has_view(
        int(request.GET["project"])
    )


def own_file(person: Person, request: HttpRequest, _: Mapping[str, object]) -> bool:
    """Allows a file that is the image of a task that is open to the person."""
    return ownership.may_see_file(person, request.GET.get("d", ""))


def own_object(person: Person, request: HttpRequest, path: Mapping[str, object]) -> bool:
    """Allows an object of a store that a task names that is open to the person."""
    address = request.GET.get("fileuri", "")
    return ownership.may_resolve(person, _number(path["task_id"]), address)


def query(*names: str) -> Narrow:
    """Keeps of a query what is named."""

    def narrow(_: Person, request: HttpRequest) -> None:
        narrowing.keep_query(request, names)

    return narrow


def body(names: Collection[str], *query_names: str) -> Narrow:
    """Keeps of a body, and of a query, what is named."""

    def narrow(_: Person, request: HttpRequest) -> None:
        narrowing.keep_query(request, query_names)
        narrowing.keep_in_body(request, names)

    return narrow


def without_body(*query_names: str) -> Narrow:
    """Empties a body, and keeps of a query what is named."""

    def narrow(_: Person, request: HttpRequest) -> None:
        narrowing.keep_query(request, query_names)
        narrowing.set_body(request, {})

    return narrow


def as_it_is(_: Person, __: HttpRequest) -> None:
    """Takes nothing out of a request."""


def only_own_projects(person: Person, request: HttpRequest) -> None:
    """Asks for the projects that are open to the person, of those that are asked for."""
    narrowing.keep_query(request, ("include", "page", "page_size", "ids"))
    own = {str(number) for number in ownership.own_projects(person)}
    if "ids" in request.GET:
        own &= set(request.GET["ids"].split(","))
    # No project has number 0; without ids the server would list all.
    wanted = ",".join(sorted(own, key=int)) or "0"
    narrowing.set_query(request, {**request.GET.dict(), "ids": wanted})


def no_tasks(_: Person, request: HttpRequest) -> None:
    """Asks for the smallest page of tasks, of which nothing is passed on."""
    narrowing.set_query(request, {"project": request.GET["project"], "page": "1", "page_size": "1"})


def default_view(_: Person, request: HttpRequest) -> None:
    """Makes of a new tab an empty one."""
    project = request.GET["project"]
    narrowing.set_query(request, {"project": project})
    narrowing.set_body(request, {"project": int(project), "data": narrowing.NEW_VIEW})


def _number(value: object) -> int:
    """Returns an id of a path; none is 0."""
    text = str(value)
    return int(text) if text.isdecimal() else 0

"""Answers of Label Studio cut down to what labelling needs, before they are sent.

What is kept is named, so that a later version's new fields stay away until somebody has looked.
"""

from collections.abc import Mapping

from alignbench_guard.ownership import has_answered_under_its_text
from alignbench_guard.people import Person

_PROJECT = frozenset(
    {
        "color",
        "config_has_control_tags",
        "control_weights",
        "created_at",
        "enable_empty_annotation",
        "expert_instruction",
        "id",
        "is_draft",
        "is_published",
        "label_config",
        "organization",
        "parsed_label_config",
        "reveal_preannotations_interactively",
        "sampling",
        "show_annotation_history",
        "show_collab_predictions",
        "show_instruction",
        "show_skip_button",
        "skip_queue",
        "title",
    }
)
_TASK = frozenset(
    {
        "allow_postpone",
        "allow_skip",
        "annotations",
        "created_at",
        "data",
        "drafts",
        "id",
        "predictions",
        "project",
        "queue",
        "unique_lock_id",
    }
)
_RIGHTS = frozenset({"can_delete_tasks", "can_manage_annotations", "can_manage_tasks"})


def project(_: Person, data: object) -> object:
    """Leaves of a project what its page needs: no numbers, no people, no settings of others."""
    kept = _kept(data, _PROJECT)
    if isinstance(kept, dict) and isinstance(data, Mapping):
        kept |= {name: False for name in _RIGHTS if name in data}
    return kept


def opened_project(person: Person, data: object) -> object:
    """Does so, and has instructions come first only for who has not answered under them yet."""
    kept = project(person, data)
    if isinstance(kept, dict) and kept.get("show_instruction"):
        number = kept.get("id")
        has_read = isinstance(number, int) and has_answered_under_its_text(person, number)
        kept["show_instruction"] = not has_read
    return kept


def projects(person: Person, data: object) -> object:
    """Does so for each project of a page of them."""
    if isinstance(data, Mapping) and isinstance(data.get("results"), list):
        return {**data, "results": [project(person, one) for one in data["results"]]}
    return []


def columns(_: Person, data: object) -> object:
    """Leaves of a project's columns their names: a column's schema may list people."""
    if not isinstance(data, Mapping) or not isinstance(data.get("columns"), list):
        return {"columns": []}
    return {"columns": [_without_schema(column) for column in data["columns"]]}


def task(person: Person, data: object) -> object:
    """Leaves of a task what is shown, and of its answers and drafts one's own."""
    kept = _kept(data, _TASK)
    if isinstance(kept, dict):
        for name in {"annotations", "drafts"} & set(kept):
            kept[name] = own_answers(person, kept[name])
    return kept


def own_answers(person: Person, data: object) -> object:
    """Leaves of a list of answers or drafts a person's own."""
    return [one for one in data if _is_by(person, one)] if isinstance(data, list) else []


def own_account(person: Person, data: object) -> object:
    """Leaves of a list of accounts a person's own."""
    if not isinstance(data, list):
        return []
    return [one for one in data if isinstance(one, Mapping) and one.get("id") == person.pk]


def nothing(_: Person, data: object) -> object:
    """Leaves an empty list of a list, and of a page of tasks none."""
    if isinstance(data, list):
        return []
    return {"tasks": [], "total": 0, "total_annotations": 0, "total_predictions": 0}


def unchanged(_: Person, data: object) -> object:
    """Leaves everything."""
    return data


def _without_schema(column: object) -> object:
    if not isinstance(column, Mapping):
        return {}
    return {name: value for name, value in column.items() if name != "schema"}


def _kept(data: object, names: frozenset[str]) -> object:
    if not isinstance(data, Mapping):
        return {}
    return {name: value for name, value in data.items() if name in names}


def _is_by(person: Person, answer: object) -> bool:
    if not isinstance(answer, Mapping):
        return False
    author = answer.get("completed_by", answer.get("user"))
    if isinstance(author, Mapping):
        author = author.get("id")
    # A draft names its author by address, and by number in the older lists.
    return author in {person.pk, person.email, str(person.pk)}

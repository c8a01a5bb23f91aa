"""What an annotator may ask of Label Studio: every view and method of this list, and no other.

A view is named as Django names it, since that is what a path leads to, however it is written.
"""

from collections.abc import Mapping

from alignbench_guard import permits, redaction
from alignbench_guard.narrowing import ANSWER_KEYS, DRAFT_KEYS
from alignbench_guard.permits import Permit, body, query, without_body

TRIED_VERSION = "1.23.2"
"""The version of Label Studio whose views, and whose page's requests, the list was made from."""

PUBLIC_ROUTES = frozenset(
    {
        r"^favicon\.ico$",
        "^label-studio-frontend/(?P<path>.*)$",
        "^dm/(?P<path>.*)$",
        "^react-app/(?P<path>.*)$",
        "^static/(?P<path>.*)$",
        "^static/fonts/roboto/roboto.css$",
        r"^sw-fallback\.js$",
        r"^sw\.js$",
    }
)
"""Files of the page itself; their views have no names."""

PUBLIC = frozenset(
    {
        "api-version",
        "collect_metrics",
        "health",
        "jwt_auth:token_refresh",
        "logout",
        "main",
        "user-login",
        "user-signup",
        "version",
    }
)
"""Views that anybody may ask for: they show a form, or nothing of anybody's."""

LABELLING_PAGE = "data_manager:project-data"
"""The page of a project: with `labeling=1` its next task, else a list of its tasks."""

PAGES = frozenset(
    {LABELLING_PAGE, "projects:project-index", "user-account", "user-account-anything"}
)
"""Views that send whoever is not logged in to the form."""

_PAGE = Permit(permits.anything, permits.as_it_is)
_NEXT_TASK = without_body("id", "project")

ALLOWED: Mapping[str, Mapping[str, Permit]] = {
    # Pages.
    "projects:project-index": {"GET": _PAGE},
    "user-account": {"GET": _PAGE},
    "user-account-anything": {"GET": _PAGE},
    LABELLING_PAGE: {"GET": Permit(permits.own_project, permits.as_it_is)},
    # One's own account.
    "current-user-whoami": {"GET": Permit(permits.anything, query())},
    "current-user-token": {"GET": Permit(permits.anything, query())},
    "current-user-hotkeys": {
        "GET": Permit(permits.anything, query()),
        "PATCH": Permit(permits.anything, body({"custom_hotkeys"})),
    },
    "product-tour": {
        "GET": Permit(permits.anything, query("name")),
        "PATCH": Permit(permits.anything, permits.as_it_is),
    },
    "jwt_auth:api-jwt-settings": {"GET": Permit(permits.anything, query())},
    "user-detail": {"GET": Permit(permits.own_account, query())},
    "user-list": {"GET": Permit(permits.anything, query(), redaction.own_account)},
    # The project, and what its page asks for before it shows a task.
    "projects:api:project-list": {
        "GET": Permit(permits.anything, permits.only_own_projects, redaction.projects)
    },
    "projects:api:project-detail": {
        "GET": Permit(permits.own_project, query("include"), redaction.opened_project)
    },
    "projects:api:label-stream-history": {"GET": Permit(permits.own_project, query())},
    "data_manager:dm-project": {
        "GET": Permit(permits.queried_project, query("project", "include"), redaction.project)
    },
    "data_manager:dm-columns": {
        "GET": Permit(permits.queried_project, query("project"), redaction.columns)
    },
    "data_manager:api:view-list": {
        "GET": Permit(permits.queried_project, query("project")),
        "POST": Permit(permits.first_view, permits.default_view),
    },
    "labels_manager:api-labels:label_link-list": {
        "GET": Permit(permits.queried_project, query("project", "expand"))
    },
    # The page asks for these too, and stops when it is refused: it is told that there are none.
    "ml:api:ml-list": {"GET": Permit(permits.queried_project, query("project"), redaction.nothing)},
    "tasks:api:task-list": {
        "GET": Permit(permits.queried_project, permits.no_tasks, redaction.nothing)
    },
    # Tasks and answers.
    "data_manager:dm-actions": {"POST": Permit(permits.next_task, _NEXT_TASK, redaction.task)},
    "projects:api:project-next": {
        "GET": Permit(permits.own_project, without_body(), redaction.task)
    },
    "tasks:api:task-detail": {
        "GET": Permit(permits.own_task, query("resolve_uri"), redaction.task)
    },
    "tasks:api:task-annotations": {
        "GET": Permit(permits.own_task, query(), redaction.own_answers),
        "POST": Permit(permits.own_task, body(ANSWER_KEYS, "was_cancelled")),
    },
    "tasks:api-annotations:annotation-detail": {
        "GET": Permit(permits.own_annotation, query()),
        "PATCH": Permit(permits.own_annotation, body(ANSWER_KEYS)),
        "PUT": Permit(permits.own_annotation, body(ANSWER_KEYS)),
        "DELETE": Permit(permits.own_annotation, query()),
    },
    "tasks:api-annotations:annotation-convert-to-draft": {
        "POST": Permit(permits.own_annotation, without_body())
    },
    "tasks:api:task-drafts": {
        "GET": Permit(permits.own_task, query(), redaction.own_answers),
        "POST": Permit(permits.own_task, body(DRAFT_KEYS)),
    },
    "tasks:api:task-annotations-drafts": {
        "GET": Permit(permits.own_annotation_of_task, query(), redaction.own_answers),
        "POST": Permit(permits.own_annotation_of_task, body(DRAFT_KEYS)),
    },
    "tasks:api-drafts:draft-detail": {
        "GET": Permit(permits.own_draft, query()),
        "PATCH": Permit(permits.own_draft, body(DRAFT_KEYS)),
        "DELETE": Permit(permits.own_draft, query()),
    },
    # Images.
    "storages:localfiles_data": {"GET": Permit(permits.own_file, query("d"))},
    "storages:task-storage-data-resolve": {"GET": Permit(permits.own_object, query("fileuri"))},
    "storages:task-storage-data-presign": {"GET": Permit(permits.own_object, query("fileuri"))},
}

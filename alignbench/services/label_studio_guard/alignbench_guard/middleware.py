"""The guard: operators may do all, everybody else what labelling needs, and nothing else."""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

import label_studio
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from alignbench_guard.allowed import (
    ALLOWED,
    LABELLING_PAGE,
    PAGES,
    PUBLIC,
    PUBLIC_ROUTES,
    TRIED_VERSION,
)
from alignbench_guard.narrowing import UnreadableBodyError
from alignbench_guard.page_script import add_script
from alignbench_guard.people import Person, asking, is_operator
from alignbench_guard.permits import Permit

CODE = "AB-guard"
"""What a refusal has as its code."""

HEADER = "X-AlignBench-Guard"
"""The header of every answer that tells that the guard is on, and on which version."""

_KEPT = "alignbench_permission"
_METHODS = {"HEAD": "GET"}

logger = logging.getLogger(__name__)


class _Permission(NamedTuple):
    """On whose behalf, and on what terms, a request was let through."""

    person: Person
    permit: Permit


class Guard:
    """A Django middleware, to stand last: views behind it are reached through it only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._state = f"on; label-studio={label_studio.__version__}; tried={TRIED_VERSION}"
        if label_studio.__version__ != TRIED_VERSION:
            logger.warning(
                "%s: this is Label Studio %s, and the guard was made for %s. What it does not know "
                "it refuses, so annotators may be unable to work. `alignbench doctor` says so too.",
                CODE,
                label_studio.__version__,
                TRIED_VERSION,
            )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers a request, says that the guard is on, and gives pages their script."""
        response = self._get_response(request)
        add_script(request, response)
        response[HEADER] = self._state
        return response

    def process_view(
        self,
        request: HttpRequest,
        view: object,  # noqa: ARG002 – Django's signature
        positional: object,  # noqa: ARG002
        path: Mapping[str, object],
    ) -> HttpResponse | None:
        """Refuses a request, or lets Django go on with what is left of it."""
        name = request.resolver_match.view_name
        method = _METHODS.get(request.method, request.method)
        if name in PUBLIC or request.resolver_match.route in PUBLIC_ROUTES:
            return None
        people, complaint = asking(request)
        if not people:
            if name in PAGES and method == "GET":
                return None
            return _refusal(401, complaint or "Nobody is logged in.")
        restricted = [person for person in people if not is_operator(person)]
        if not restricted:
            return None
        if len(people) > 1:
            return self._refused(request, people[0], "It names two accounts at once.")
        [person] = restricted
        permit = ALLOWED.get(name, {}).get(method)
        if permit is None:
            return self._refused(request, person, "Annotators have no use for this.")
        if not permit.check(person, request, path):
            return self._refused(request, person, "This is not there, or not yours.")
        if name == LABELLING_PAGE and request.GET.get("labeling") != "1":
            # The list of tasks is not theirs to read, and would be empty.
            return HttpResponseRedirect(f"{request.path}?labeling=1")
        try:
            permit.narrow(person, request)
        except UnreadableBodyError as error:
            return self._refused(request, person, f"This cannot be read: {error}.")
        setattr(request, _KEPT, _Permission(person, permit))
        return None

    def process_template_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Takes out of an answer what is not the person's to read, before it is written out."""
        permission: _Permission | None = getattr(request, _KEPT, None)
        if permission is not None and response.status_code < 300 and hasattr(response, "data"):
            response.data = permission.permit.redact(permission.person, response.data)
        return response

    def _refused(self, request: HttpRequest, person: Person, reason: str) -> HttpResponse:
        # The view's name, not the path: a path or query may hold a secret.
        logger.warning(
            "%s: refused %s %s to account %s: %s",
            CODE,
            request.method,
            request.resolver_match.view_name,
            person.pk,
            reason,
        )
        # Never 404: Label Studio would answer it by trying the path again with a slash.
        return _refusal(403, reason)


def _refusal(status: int, reason: str) -> HttpResponse:
    advice = "If you need it to label, ask whoever runs this server."
    return JsonResponse({"code": CODE, "detail": f"{reason} {advice}"}, status=status)

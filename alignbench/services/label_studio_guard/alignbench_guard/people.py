"""Who asks, and who may do everything."""

from typing import NamedTuple, Protocol, cast

from django.http import HttpRequest
from organizations.models import Organization
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.settings import api_settings


class Person(Protocol):
    """What the guard needs to know of a Label Studio account."""

    pk: int
    email: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    active_organization_id: int | None


class Asking(NamedTuple):
    """Whom a request names.

    Attributes:
        people: Everybody whose credentials it carries: session, JWT and API token may differ.
        complaint: What is wrong with a token that was not accepted.
    """

    people: tuple[Person, ...]
    complaint: str | None


def asking(request: HttpRequest) -> Asking:
    """Returns whom a request names, by all the ways in which a view may find out."""
    found: dict[int, Person] = {}
    complaint = None
    if request.user.is_authenticated:
        found[request.user.pk] = cast(Person, request.user)
    for authentication in api_settings.DEFAULT_AUTHENTICATION_CLASSES:
        # The session's account stands on the request already.
        if issubclass(authentication, SessionAuthentication):
            continue
        try:
            answer = authentication().authenticate(request)
        except APIException as error:
            complaint = str(error.detail)
            continue
        if answer is not None:
            found[answer[0].pk] = cast(Person, answer[0])
    return Asking(tuple(found.values()), complaint)


def is_operator(person: Person) -> bool:
    """Tells whether a person runs the server or owns the organization."""
    if not person.is_active:
        return False
    if person.is_superuser or person.is_staff:
        return True
    mine = Organization.objects.filter(pk=person.active_organization_id, created_by_id=person.pk)
    return bool(mine.exists())

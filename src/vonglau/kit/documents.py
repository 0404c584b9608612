"""Problem documents (RFC 9457) as plain data: what pages, the API and the door say of an error. Knows no Django: the door loads it."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from vonglau.core.errors import Unavailable, VongLauError

MEDIA_TYPE = "application/problem+json"
REFERENCE = "/api/docs"
"""The page that explains each type of problem."""


def slug(error: type[VongLauError]) -> str:
    """StepNotPossible → step-not-possible: the problem's anchor on the reference page."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower()


def kinds() -> Iterator[type[VongLauError]]:
    """Every kind of problem there is, the general before the special."""

    def below(error: type[VongLauError]) -> Iterator[type[VongLauError]]:
        yield error
        for child in error.__subclasses__():
            yield from below(child)

    return below(VongLauError)


def document(
    status: int, detail: str, *, title: str = "", kind: str = "about:blank", members: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The problem as plain data. Without a kind the title is the status' own phrase, as RFC 9457 asks."""
    phrase = HTTPStatus(status).phrase
    return {
        "type": kind,
        "title": title if title and kind != "about:blank" else phrase,
        "status": status,
        "detail": detail,
        **(members or {}),
    }


def of(error: VongLauError, status: int | None = None) -> dict[str, object]:
    """A VongLauError as plain data."""
    return document(
        status or error.status,
        error.message,
        title=error.title,
        kind=f"{REFERENCE}#{slug(type(error))}",
        members=error.extra,
    )


def headers(error: VongLauError) -> dict[str, str]:
    """Retry-After (seconds) where trying again helps; the challenge where a token is missing (RFC 9110, 11.6.1)."""
    told = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
    return {**told, "WWW-Authenticate": "Bearer"} if error.status == 401 else told

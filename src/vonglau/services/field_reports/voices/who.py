"""Telling one browser from another without an account, as far as a count needs it. What is kept are digests under the house's key.

Two marks: a cookie that is set when somebody joins, and the network address with the kind of device. One phone that loses its cookie is
known by the second; two phones of one kind behind one mobile address are taken for one. A count that is a little low is better than one
that anybody can push up: of what a browser says of itself only three kinds are believed to differ.
"""

import re
import secrets
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from vonglau.core import lookup
from vonglau.core.people.attempts import subscriber

COOKIE = "vl_me"
KEPT = 180 * 86_400
"""Seconds."""
PATH = "/field_reports/"
_MARK = re.compile(r"\A[A-Za-z0-9_-]{24}\Z")
DEVICE, NETWORK = "field_reports.voice.device", "field_reports.voice.network"


@dataclass(frozen=True, slots=True)
class Who:
    """A browser. `mark` is its cookie, new where it had none."""

    mark: str
    origin: str
    """Network address and kind of device."""

    @property
    def device(self) -> str:
        return lookup.digest(self.mark, DEVICE)

    @property
    def network(self) -> str:
        return lookup.digest(self.origin, NETWORK)

    def devices(self) -> list[str]:
        return lookup.candidates(self.mark, DEVICE)

    def networks(self) -> list[str]:
        return lookup.candidates(self.origin, NETWORK)


def of(request: HttpRequest) -> Who:
    said = request.COOKIES.get(COOKIE, "")
    mark = said if _MARK.match(said) else secrets.token_urlsafe(18)
    address = subscriber(request.META.get("REMOTE_ADDR") or "")
    return Who(mark, f"{address}\n{_kind(request.headers.get('User-Agent', ''))}")


def _kind(agent: str) -> str:
    if "Android" in agent:
        return "android"
    return "ios" if "iPhone" in agent or "iPad" in agent else "other"


def remember(request: HttpRequest, answer: HttpResponse, who: Who) -> None:
    """The browser knows itself again: for nothing but counting once."""
    answer.set_cookie(
        COOKIE, who.mark, max_age=KEPT, path=PATH, samesite="Lax", httponly=True, secure=request.is_secure()
    )

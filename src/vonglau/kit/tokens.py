"""Bearer tokens: from what a programme sends to who acts.

Only digests are stored and compared. A verified token is remembered for a moment, so that a thousand requests a second
do not ask the database a thousand times; a revoked one therefore works for `REMEMBERED` seconds more, and no longer.
"""

import hashlib
import secrets
import time
from collections.abc import Sequence

from django.http import HttpRequest

from vonglau.core.errors import BadInput
from vonglau.core.people.models import ApiToken
from vonglau.core.people.policy import SCOPES, Actor

PREFIX = "vl_"
REMEMBERED = 2.0
"""Seconds."""
MOST = 4096
"""Entries remembered at most; unknown tokens are remembered too, or guessing would load the database."""

_remembered: dict[str, tuple[float, Actor | None]] = {}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def issue(name: str, scopes: Sequence[str], world: str) -> str:
    """Create a token and return its text: the only time that it can be seen. Raises BadInput for an unknown scope."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise BadInput(f"Unknown scope {', '.join(unknown) or '(none)'}; use some of {', '.join(SCOPES)}.")
    text = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(name=name, digest=digest(text), scopes=sorted(set(scopes)), world=world)
    return text


def actor_of_text(text: str) -> Actor | None:
    """Who a token's text stands for; None when it is unknown or revoked."""
    key, now = digest(text), time.monotonic()
    known = _remembered.get(key)
    if known is not None and known[0] > now:
        return known[1]
    token = ApiToken.objects.filter(digest=key, revoked_at=None).first() if text.startswith(PREFIX) else None
    actor = Actor.of_token(token) if token is not None else None
    if len(_remembered) >= MOST:
        _remembered.clear()
    _remembered[key] = (now + REMEMBERED, actor)
    return actor


def forget() -> None:
    """Ask the database again for every token, at once (after revoking; between tests)."""
    _remembered.clear()


def bearer(header: str | None) -> str | None:
    """The token's text in an Authorization header, None where there is none of that scheme."""
    scheme, _, text = (header or "").partition(" ")
    return text.strip() or None if scheme.lower() == "bearer" else None


def actor_of(request: HttpRequest) -> Actor | None:
    """Who the request's Authorization header stands for."""
    text = bearer(request.headers.get("Authorization"))
    return actor_of_text(text) if text else None

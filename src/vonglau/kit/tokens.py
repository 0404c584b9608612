"""Bearer tokens: made once, shown once, stored as their SHA-256. One programme, one token, one world.

A token that was looked up is remembered for a moment, so that many requests a second do not ask the database as often; a
revoked one therefore works for `REMEMBERED` seconds more, and no longer.
"""

import hashlib
import secrets
import time

from vonglau.core.errors import BadInput
from vonglau.core.people.models import ApiToken
from vonglau.core.people.policy import SCOPES, Actor

PREFIX = "vl_"
REMEMBERED = 2.0
"""Seconds."""
MOST = 4096
"""Entries remembered at most; unknown tokens are remembered too, or guessing would load the database."""

_remembered: dict[str, tuple[float, ApiToken | None]] = {}


def digest(token: str) -> str:
    """What is stored. The token has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def mint(name: str, scopes: list[str], world: str) -> tuple[str, ApiToken]:
    """A new token and its row; the text is nowhere else and cannot be shown again. BadInput for an unknown scope."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise BadInput(f"Unknown scope {', '.join(unknown) or '(none)'}; use some of {', '.join(SCOPES)}.")
    text = PREFIX + secrets.token_urlsafe(32)
    return text, ApiToken.objects.create(name=name, digest=digest(text), scopes=scopes, world=world)


def bearer(header: str | bytes | None) -> str | None:
    """The token of an `Authorization: Bearer …` header, None when there is none of that kind."""
    if not header:
        return None
    text = header.decode("latin-1") if isinstance(header, bytes) else header
    scheme, _, token = text.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def find(token: str) -> ApiToken | None:
    """The token's row, unless it was revoked or never was."""
    key, now = digest(token), time.monotonic()
    known = _remembered.get(key)
    if known is not None and known[0] > now:
        return known[1]
    found = ApiToken.objects.filter(digest=key, revoked_at=None).first() if token.startswith(PREFIX) else None
    if len(_remembered) >= MOST:
        _remembered.clear()
    _remembered[key] = (now + REMEMBERED, found)
    return found


def actor_of(token: str) -> Actor | None:
    """Whom a token's text stands for."""
    found = find(token)
    return Actor.of_token(found) if found is not None else None


def forget() -> None:
    """Ask the database again for every token, at once: after revoking one here."""
    _remembered.clear()

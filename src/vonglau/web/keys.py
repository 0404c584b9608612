"""Whom the door lets in: the tokens of the state database, kept in memory, and the internal one of this installation's processes."""

import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q
from django.utils import timezone

from vonglau.core import keyfiles, outages
from vonglau.core.people.models import ApiToken
from vonglau.gateways.events.door import Grant
from vonglau.kit import asgi, tokens
from vonglau.kit.asgi import Scope
from vonglau.web.rereading import Rereading

REFRESH_SECONDS = 2.0
"""A revoked token is refused after this time at the latest."""
MISS_SECONDS = 0.25
"""An unknown token makes the table be read again, once in this time: guessing must stay cheap for us."""
USED_SECONDS = 60.0
"""How often it is written down which tokens were used."""
USED_AGAIN = timedelta(minutes=5)
"""A use is written down again only after this time."""

INTERNAL = "internal"
EVERYTHING = Grant(INTERNAL, frozenset({"events:write", "quarantine:write"}))
"""What our own processes may: any world."""


def internal_token(data: Path) -> str:
    """The token by which web and worker reach the door: made at the first start, readable by its owner only."""
    return keyfiles.read_or_make(
        Path(settings.VONGLAU_SECRETS) / keyfiles.DOOR_TOKEN,
        lambda: tokens.PREFIX + secrets.token_urlsafe(32),
        formerly=data / keyfiles.DOOR_TOKEN,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A token as the door keeps it."""

    id: int
    grant: Grant
    networks: tuple[str, ...] = ()
    per_second: int | None = None
    expires: float | None = None
    """Seconds since 1970."""


class Keyring:
    """Threads may share it. `find` answers from memory; `refresh` and `write` touch the tables and belong in a thread."""

    def __init__(self, data: Path) -> None:
        self._internal = internal_token(data).encode()
        self._held: dict[str, Held] = {}
        self._seen: dict[str, Held] = {}
        """By text, of the tokens that were used since the last look: no digest is made for each request."""
        self._read_at = 0.0
        self._written_at = time.monotonic()
        self._used: set[int] = set()
        self._lock = threading.Lock()
        self._rereading = Rereading(self.refresh, MISS_SECONDS)

    def find(self, token: str) -> Grant | None:
        held = self.held(token)
        if held is not None:
            return held.grant
        return EVERYTHING if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._internal) else None

    def held(self, token: str) -> Held | None:
        """A token of the table that works now."""
        held = self._seen.get(token)
        if held is None:
            held = self._held.get(tokens.digest(token))
            if held is None:
                return None
            self._seen[token] = held
        return None if held.expires is not None and held.expires <= time.time() else held

    def note(self, held: Held) -> None:
        """It was used."""
        self._used.add(held.id)

    async def meet(self, scope: Scope) -> None:
        """Look again for a token that is not known yet, so that a new one works at once. Raises `Unavailable` when nobody can tell."""
        token = tokens.bearer(asgi.header(scope, b"authorization"))
        if token and self.find(token) is None:
            await self._rereading.again()

    def stale(self) -> bool:
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    def refresh(self) -> None:
        """Raises `Unavailable` when the table cannot be read; the tokens that were known stay valid."""
        with self._lock, outages.translated():
            close_old_connections()
            self._held, self._seen = {row.digest: _held(row) for row in ApiToken.objects.filter(revoked_at=None)}, {}
            if self._used and time.monotonic() - self._written_at > USED_SECONDS:
                self._write()
            self._read_at = time.monotonic()

    def _write(self) -> None:
        """Which tokens were used, roughly when: enough to see which are forgotten."""
        used, self._used = self._used, set()
        self._written_at, now = time.monotonic(), timezone.now()
        long_ago = Q(used_at=None) | Q(used_at__lt=now - USED_AGAIN)
        ApiToken.objects.filter(long_ago, pk__in=used).update(used_at=now)


def _held(row: ApiToken) -> Held:
    return Held(
        row.pk,
        Grant(row.name, frozenset(row.scopes), row.worlds, tuple(row.sources)),
        tuple(row.addresses),
        row.per_second,
        row.expires_at.timestamp() if row.expires_at else None,
    )

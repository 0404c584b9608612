"""Whom the door lets in: the tokens of the state database, kept in memory, and the internal one of this installation's processes."""

import asyncio
import hmac
import logging
import secrets
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from vonglau.core import keyfiles
from vonglau.core.people.models import ApiToken
from vonglau.gateways.events.door import Grant
from vonglau.kit import asgi, tokens
from vonglau.kit.asgi import Scope

REFRESH_SECONDS = 2.0
"""A revoked token is refused after this time at the latest."""
MISS_SECONDS = 0.25
"""An unknown token makes the table be read again, but not more often than this: guessing must stay cheap for us."""

INTERNAL = "internal"
EVERYTHING = Grant(INTERNAL, frozenset({"events:write", "quarantine:write"}))
"""What our own processes may: any world."""

log = logging.getLogger("vonglau.keys")


def internal_token(data: Path) -> str:
    """The token by which web and worker reach the door: made at the first start, readable by its owner only."""
    return keyfiles.read_or_make(
        Path(settings.VONGLAU_SECRETS) / keyfiles.DOOR_TOKEN,
        lambda: tokens.PREFIX + secrets.token_urlsafe(32),
        formerly=data / keyfiles.DOOR_TOKEN,
    )


class Keyring:
    """Threads may share it. `find` answers from memory; `refresh` reads the table and belongs in a thread."""

    def __init__(self, data: Path) -> None:
        self._internal = internal_token(data).encode()
        self._grants: dict[str, Grant] = {}
        self._read_at = 0.0
        self._lock = threading.Lock()

    def find(self, token: str) -> Grant | None:
        if hmac.compare_digest(token.encode(), self._internal):
            return EVERYTHING
        return self._grants.get(tokens.digest(token))

    async def meet(self, scope: Scope) -> None:
        """Look again for a token that is not known yet, so that a new one works at once."""
        token = tokens.bearer(asgi.header(scope, b"authorization"))
        if token and self.find(token) is None and time.monotonic() - self._read_at > MISS_SECONDS:
            await asyncio.to_thread(self.refresh)

    def stale(self) -> bool:
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    def refresh(self) -> None:
        with self._lock:
            close_old_connections()
            rows = ApiToken.objects.filter(revoked_at=None).values_list("digest", "name", "scopes", "world")
            try:
                self._grants = {
                    digest: Grant(name, frozenset(scopes), frozenset({world})) for digest, name, scopes, world in rows
                }
            except DatabaseError:
                log.warning("tokens cannot be read just now; those known stay valid")
            self._read_at = time.monotonic()

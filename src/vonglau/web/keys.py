"""Whom the door lets in: the tokens of the state database, kept in memory, and the internal one of this installation's processes."""

import hmac
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, close_old_connections

from vonglau.core.people.models import ApiToken
from vonglau.kit import tokens

REFRESH_SECONDS = 2.0
"""A revoked token is refused after this time at the latest."""
MISS_SECONDS = 0.25
"""An unknown token makes the table be read again, but not more often than this: guessing must stay cheap for us."""

INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Key:
    """What a token may: `world` None means any (the internal token)."""

    name: str
    scopes: frozenset[str]
    world: str | None


def internal_token(data: Path) -> str:
    """The token by which web and worker reach the door: made at the first start, readable by its owner only."""
    path = data / "door.token"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        text = tokens.PREFIX + secrets.token_urlsafe(32)
        file.write(text)
    return text


class Keyring:
    """Threads may share it. `find` answers from memory; `refresh` reads the table and belongs in a thread."""

    def __init__(self, data: Path) -> None:
        self._internal = internal_token(data)
        self._keys: dict[str, Key] = {}
        self._read_at = 0.0
        self._lock = threading.Lock()

    def find(self, token: str) -> Key | None:
        if hmac.compare_digest(token.encode(), self._internal.encode()):
            return Key(INTERNAL, frozenset({"events:write", "quarantine:write", INTERNAL}), None)
        return self._keys.get(tokens.digest(token))

    def stale(self, *, missed: bool = False) -> bool:
        return time.monotonic() - self._read_at > (MISS_SECONDS if missed else REFRESH_SECONDS)

    def refresh(self) -> None:
        with self._lock:
            close_old_connections()
            rows = ApiToken.objects.filter(revoked_at=None).values_list("digest", "name", "scopes", "world")
            try:
                self._keys = {digest: Key(name, frozenset(scopes), world) for digest, name, scopes, world in rows}
            except DatabaseError:
                if not self._keys:
                    raise
            self._read_at = time.monotonic()

"""Retention on this log: `history.Keeper` over its manifest, and no sealing at the same time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vonglau.core.errors import Unavailable
from vonglau.engines.history import SealedFile, files, writing
from vonglau.engines.history.retention import Tombstone
from vonglau.engines.postgresql import insertion, manifest
from vonglau.engines.postgresql.connection import translated

if TYPE_CHECKING:
    from vonglau.engines.postgresql.writer import PostgresqlLog


class PostgresqlKeeper:
    """Each step takes the writer's session for one short transaction."""

    def __init__(self, log: "PostgresqlLog") -> None:
        self._log = log
        self.folder = log.folder

    def candidates(self) -> list[SealedFile]:
        with self._log.lock, translated():
            self._log.ready()
            return manifest.candidates(self._log.db)

    def replace(self, old: SealedFile, new: SealedFile, tombstones: Sequence[Tombstone]) -> None:
        with self._log.lock, translated():
            self._log.ready()
            with self._log.db.transaction():
                files.require(self.folder, new)
                manifest.replace(self._log.db, old, new, tombstones)
                insertion.beat(self._log.db)

    def go_on(self) -> None:
        if self._log.closing:
            raise Unavailable(writing.CLOSING)


@contextmanager
def keeping(log: "PostgresqlLog") -> Iterator[PostgresqlKeeper]:
    """Waits for a sealing that is under way."""
    with log.sealing:
        yield PostgresqlKeeper(log)

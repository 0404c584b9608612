"""Retention on this log: `history.Keeper` over its manifest, and no sealing at the same time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vonglau.core.errors import Unavailable
from vonglau.engines import history
from vonglau.engines.embedded import manifest
from vonglau.engines.embedded.sqlite import immediate, translated
from vonglau.engines.history import SealedFile, files, writing
from vonglau.engines.history.retention import Tombstone

if TYPE_CHECKING:
    from vonglau.engines.embedded.writer import EmbeddedLog


class EmbeddedKeeper:
    """Each step takes the log's lock for one short transaction."""

    def __init__(self, log: "EmbeddedLog") -> None:
        self._log = log
        self.folder = history.folder(log.data_dir)

    def candidates(self) -> list[SealedFile]:
        with self._log.lock, translated():
            return manifest.candidates(self._log.db)

    def replace(self, old: SealedFile, new: SealedFile, tombstones: Sequence[Tombstone]) -> None:
        with self._log.lock, immediate(self._log.db):
            files.require(self.folder, new)
            manifest.replace(self._log.db, old, new, tombstones)

    def go_on(self) -> None:
        if self._log.closing:
            raise Unavailable(writing.CLOSING)


@contextmanager
def keeping(log: "EmbeddedLog") -> Iterator[EmbeddedKeeper]:
    """Waits for a sealing that is under way."""
    with log.sealing:
        yield EmbeddedKeeper(log)

"""`engines.inspection.Inspection` on the log's SQLite file."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vonglau.engines.embedded import schema
from vonglau.engines.embedded.manifest import EmbeddedManifest
from vonglau.engines.embedded.sqlite import connect
from vonglau.engines.history import SealedFile


class EmbeddedInspection:
    """Opened at once; the snapshot begins with `begin`."""

    engine = "sqlite"

    def __init__(self, data_dir: Path) -> None:
        self._db = connect(schema.path(data_dir), readonly=True)

    def begin(self) -> None:
        self._db.execute("BEGIN")
        self._db.execute("SELECT max(pos) FROM event").fetchone()

    def ask(self, query: str, arguments: Sequence[Any] = ()) -> Iterable[Any]:
        return self._db.execute(query, arguments)

    def one(self, query: str, arguments: Sequence[Any] = ()) -> Any:
        return self._db.execute(query, arguments).fetchone()

    def sealed(self) -> list[SealedFile]:
        return EmbeddedManifest(self._db).files()

    def damage(self, *, thorough: bool = False) -> Iterator[str]:
        pragma = "PRAGMA integrity_check" if thorough else "PRAGMA quick_check"
        try:
            yield from (str(row[0]) for row in self._db.execute(pragma) if row[0] != "ok")
        except sqlite3.DatabaseError as damaged:
            yield str(damaged)

    def close(self) -> None:
        self._db.close()

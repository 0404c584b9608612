"""Where the databases are copied from: two SQLite files, or one PostgreSQL database.

Both give a copy of the state, then one of the log that is not older, and answer the same questions about the copies.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from vonglau.core.errors import NotFound, Unavailable
from vonglau.engines import database_of
from vonglau.engines.database import Database
from vonglau.engines.embedded import copying, layouts, schema
from vonglau.engines.embedded.sqlite import connect, translated
from vonglau.web.backups import parts
from vonglau.web.backups.store import Store, readable

if TYPE_CHECKING:
    from vonglau.engines.postgresql.connection import Connection

SQLITE, POSTGRESQL = "sqlite", "postgresql"
STATE_DUMP, LOG_DUMP = "state.dump", "log.dump"

Ask = Callable[[str], list[tuple[Any, ...]]]
"""A question to a copy, in SQL that both engines read."""
Keep = Callable[[IO[bytes], str], None]
"""Put a file into the store under a path."""
Told = Callable[[str, int, int], None]
Copy = AbstractContextManager[tuple[Ask, datetime]]
"""What to ask of the copy, and the moment it holds; the copy is in the store when the block has ended."""


class Source(Protocol):
    engine: str

    def installation(self) -> str:
        """Digest of the log's own secret: the same through upgrades and restores."""

    def layout(self) -> str:
        """Of the log."""

    def sizes(self) -> list[int]:
        """Bytes of each database, and with it of the scratch copy that it needs."""

    def state(self, store: Store, keep: Keep, told: Told) -> Copy: ...

    def log(self, store: Store, keep: Keep, told: Told) -> Copy:
        """May be called again: a later copy, of a later instant, is as good."""


@contextmanager
def source_of(data: Path) -> Iterator[Source]:
    """The databases of an installation. Raises `NotFound` where there is none, `Unavailable` when it cannot be reached."""
    database = database_of(data)
    if database is None:
        yield Files(data)
        return
    with _exported(database) as found:
        yield Server(data, *found)


def digest(secret: bytes) -> str:
    return sha256(b"vonglau installation\n" + secret).hexdigest()[:32]


class Files:
    """Two SQLite files."""

    engine = SQLITE

    def __init__(self, data: Path) -> None:
        self.data = data
        path = schema.path(data)
        if not path.exists():
            raise NotFound(f"There is no event log in {data}: it holds no installation, or a part of one.")
        db = connect(path, readonly=True)
        try:
            with translated():
                self._layout = layouts.found(db)
                layouts.refuse_newer(self._layout)
                (self._secret,) = db.execute("SELECT value FROM setting WHERE name = 'secret'").fetchone()
        finally:
            db.close()

    def installation(self) -> str:
        return digest(bytes(self._secret))

    def layout(self) -> str:
        return str(self._layout)

    def sizes(self) -> list[int]:
        return [(self.data / name).stat().st_size for name in (parts.STATE, parts.LOG) if (self.data / name).exists()]

    def state(self, store: Store, keep: Keep, told: Told) -> Copy:
        return self._copied(parts.STATE, store, keep, told)

    def log(self, store: Store, keep: Keep, told: Told) -> Copy:
        return self._copied(parts.LOG, store, keep, told)

    @contextmanager
    def _copied(self, name: str, store: Store, keep: Keep, told: Told) -> Iterator[tuple[Ask, datetime]]:
        path, scratch = self.data / name, store.tmp / name
        if not path.exists():
            raise NotFound(f"{path} is missing: this is no whole installation. `vonglau check` says more.")
        at = datetime.now(UTC)
        scratch.unlink(missing_ok=True)
        copying.copy(path, scratch, lambda done, total: told(name, done, total))
        db = sqlite3.connect(f"{scratch.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        try:
            with translated():
                yield lambda query: db.execute(query).fetchall(), at
        finally:
            db.close()
        with readable("the backup"), scratch.open("rb") as file:
            keep(file, name)
        scratch.unlink()


class Server:
    """A PostgreSQL database: both schemas in one exported snapshot, so state and log are of the same instant.

    Only a log that is copied again is of a later one: what retention ended meanwhile, the first would name for ever.
    """

    engine = POSTGRESQL

    def __init__(self, data: Path, database: Database, db: "Connection", snapshot: str, at: datetime) -> None:
        self.data, self.database, self._db, self._snapshot, self._at = data, database, db, snapshot, at
        self._files = None if self._has_log() else Files(data)
        self._log_copied = False

    def _has_log(self) -> bool:
        row = self._db.execute("SELECT to_regclass(%s)", (f"{self.database.log_schema}.setting",)).fetchone()
        return row is not None and row[0] is not None

    def _ask(self, of: str, session: "Connection | None" = None) -> Ask:
        db = session or self._db

        def ask(query: str) -> list[tuple[Any, ...]]:
            from vonglau.engines.postgresql.connection import translated as pg

            with pg():
                db.execute("SELECT set_config('search_path', %s, true)", (of,))
                return db.execute(query).fetchall()

        return ask

    def installation(self) -> str:
        if self._files is not None:
            return self._files.installation()
        ((secret,),) = self._ask(self.database.log_schema)("SELECT bytes FROM setting WHERE name = 'secret'")
        return digest(bytes(secret))

    def layout(self) -> str:
        if self._files is not None:
            return self._files.layout()
        ((version,),) = self._ask(self.database.log_schema)("SELECT number FROM setting WHERE name = 'version'")
        return str(version)

    def sizes(self) -> list[int]:
        ((size,),) = self._ask("pg_catalog")("SELECT pg_database_size(current_database())")
        return [int(size), *(self._files.sizes() if self._files is not None else [])]

    @contextmanager
    def state(self, store: Store, keep: Keep, told: Told) -> Iterator[tuple[Ask, datetime]]:
        yield self._ask(self.database.state_schema), self._at
        self._dump(self.database.state_schema, STATE_DUMP, keep, self._snapshot)

    @contextmanager
    def log(self, store: Store, keep: Keep, told: Told) -> Iterator[tuple[Ask, datetime]]:
        if self._files is not None:
            with self._files.log(store, keep, told) as found:
                yield found
            return
        with ExitStack() as later:
            db, snapshot, at = self._db, self._snapshot, self._at
            if self._log_copied:
                _, db, snapshot, at = later.enter_context(_exported(self.database))
            self._log_copied = True
            yield self._ask(self.database.log_schema, db), at
            self._dump(self.database.log_schema, LOG_DUMP, keep, snapshot)

    def _dump(self, of: str, path: str, keep: Keep, snapshot: str) -> None:
        """`pg_dump` in its own format, uncompressed: the store compresses, and keeps what is the same only once."""
        command = [tool("pg_dump"), "--format=custom", "--compress=0", f"--snapshot={snapshot}", f"--schema={of}"]
        with subprocess.Popen(
            [*command, "--no-owner", "--no-privileges"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self.database),
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                keep(process.stdout, path)
            except BaseException:
                process.kill()
                raise
            complaint = process.stderr.read().decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise Unavailable(f"pg_dump could not copy {of}: {complaint[-500:]} No snapshot was made.")


@contextmanager
def _exported(database: Database) -> Iterator[tuple[Database, "Connection", str, datetime]]:
    """One instant of the whole database, that other connections can look at too while this block lasts."""
    from vonglau.engines.postgresql.connection import connect as connected
    from vonglau.engines.postgresql.connection import translated as pg

    with connected(database, "vonglau backup", readonly=True) as db:
        with pg():
            db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            at = datetime.now(UTC)
            row = db.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
        yield database, db, str(row[0]), at
        db.execute("ROLLBACK")


def tool(name: str) -> str:
    """A client program of PostgreSQL's. Raises `NotFound` with what to install."""
    found = shutil.which(name)
    if found is None:
        raise NotFound(
            f"{name} is not installed here: install the client programs of your server's version or newer (Debian: apt-get install "
            "postgresql-client), or run this on a host that has them."
        )
    return found


_WORDS = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "service": "PGSERVICE",
    "passfile": "PGPASSFILE",
}


def environment(database: Database) -> dict[str, str]:
    """How libpq's programs find the database: by their environment, because a command line is everybody's to read."""
    found = database.parameters()
    return {**os.environ, **{variable: found[word] for word, variable in _WORDS.items() if word in found}}

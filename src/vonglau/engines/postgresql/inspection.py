"""`engines.inspection.Inspection` on the log's schema, and how any schema's tables are read through once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from vonglau.engines.database import Database
from vonglau.engines.history import SealedFile
from vonglau.engines.postgresql.connection import Connection, connect, translated
from vonglau.engines.postgresql.manifest import PostgresqlManifest
from vonglau.engines.postgresql.reader import BEGIN

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r' ORDER BY relname"
_INVALID = """
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = %s::regnamespace AND NOT (i.indisvalid AND i.indisready)
"""
_UNPROVED = "SELECT conname FROM pg_constraint WHERE connamespace = %s::regnamespace AND NOT convalidated"


def damage_of(db: Connection, schema: str) -> Iterator[str]:
    """Tables that cannot be read to the end (the server compares its page checksums where the cluster has them), indexes that
    are not valid, constraints that were never proved."""
    for (table,) in db.execute(_TABLES, (schema,)).fetchall():
        try:
            with db.transaction():
                whole = sql.SQL("SELECT sum(octet_length(t::text)) FROM {} t").format(sql.Identifier(schema, table))
                db.execute(whole)
        except (psycopg.DataError, psycopg.InternalError, psycopg.OperationalError) as error:
            yield f"table {table}: {str(error).splitlines()[0]}"
    for query, words in ((_INVALID, "index {} is not valid"), (_UNPROVED, "constraint {} was never proved")):
        yield from (words.format(name) for (name,) in db.execute(query, (schema,)).fetchall())


class PostgresqlInspection:
    """Opened at once; the snapshot begins with `begin`."""

    engine = "postgresql"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._db = connect(database, "vonglau check", readonly=True)

    def begin(self) -> None:
        with translated():
            self._db.execute(BEGIN)
            self._db.execute("SELECT max(pos) FROM event").fetchone()

    def ask(self, query: str, arguments: Sequence[Any] = ()) -> Iterable[Any]:
        return self._db.execute(query.replace("?", "%s"), arguments).fetchall()

    def one(self, query: str, arguments: Sequence[Any] = ()) -> Any:
        return self._db.execute(query.replace("?", "%s"), arguments).fetchone()

    def sealed(self) -> list[SealedFile]:
        return PostgresqlManifest(self._db).files()

    def damage(self, *, thorough: bool = False) -> Iterator[str]:
        yield from damage_of(self._db, self._database.log_schema)

    def close(self) -> None:
        self._db.close()

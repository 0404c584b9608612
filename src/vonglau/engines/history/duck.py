"""DuckDB over one snapshot: a connection that sees `events` and nothing else, within limits.

DuckDB is imported when somebody asks; a worker or a web process that is not asked never loads it.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from vonglau.core.errors import BadInput, Overloaded, Unavailable
from vonglau.engines.history import damage, layout
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.guard import VIEW
from vonglau.engines.history.reading import looked_again
from vonglau.engines.history.snapshot import Asked, HistoryReader, Snapshot

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES = {
    "pos": "BIGINT",
    "recorded": "TIMESTAMPTZ",
    "time": "TIMESTAMPTZ",
    "local_day": "DATE",
    "local_hour": "TINYINT",
    "lon": "DOUBLE",
    "lat": "DOUBLE",
    "value": "DOUBLE",
}
"""All others are VARCHAR."""

_HOUR_US = 3_600_000_000
_MISSING = {1: {"local_hour": f"(epoch_us(time) // {_HOUR_US} + 7) % 24"}}
"""Of older layouts: how a column that their files lack is computed; NULL where it is not, until the file is rewritten."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question may take."""

    rows: int = 10_000
    """Of the answer; 0: all."""
    memory_mb: int = 512
    threads: int = 2
    seconds: float = 60.0


def parser() -> "duckdb.DuckDBPyConnection":
    """A connection for reading SQL, with no data."""
    import duckdb

    con = duckdb.connect()
    for setting in (
        "enable_external_access = false",
        "python_enable_replacements = false",
        "lock_configuration = true",
    ):
        con.execute(f"SET {setting}")
    return con


@looked_again
def opened(
    reader: HistoryReader, derive: Derive, asked: Asked, limits: Limits, *, zone: str = "UTC", lock: bool = True
) -> "tuple[duckdb.DuckDBPyConnection, Snapshot]":
    """A snapshot and a connection that sees it. Raises `Broken` naming the file where one in the frame is damaged."""
    found = reader.history(asked, derive)
    return connect(found, limits, zone=zone, lock=lock), found


def connect(found: Snapshot, limits: Limits, *, zone: str = "UTC", lock: bool = True) -> "duckdb.DuckDBPyConnection":
    """A connection that sees the view `events`, no file but the snapshot's, no network, no extension, and no way to change that.

    `lock=False` leaves the configuration open, for a library that sets its own; never for SQL of people.
    """
    import duckdb

    damage.refuse_cut(found.folder, found.files)
    con = duckdb.connect(config={"threads": limits.threads, "memory_limit": f"{limits.memory_mb}MB"})
    paths = [str(found.folder / file.name) for file in found.files]
    con.execute("SET temp_directory = ''")
    con.execute(f"SET TimeZone = {_text(zone)}")
    con.execute(f"SET allowed_paths = {_list(paths)}")
    con.execute("SET enable_external_access = false")
    con.execute("SET python_enable_replacements = false")
    con.execute("SET preserve_insertion_order = false")
    con.register("tail", found.tail)
    with translated(found):
        con.execute(f"CREATE VIEW {VIEW} AS {_view(found)}")
    if lock:
        con.execute("SET lock_configuration = true")
    return con


def _view(found: Snapshot) -> str:
    """Files that lie inside the frame as a whole are read without looking at their rows; the others through it."""
    asked, parts = found.asked, []
    for whole in (True, False):
        for number in range(1, layout.LAYOUT + 1):
            names = [
                str(found.folder / file.name)
                for file in found.files
                if file.layout == number and asked.holds_all(file) is whole
            ]
            if names:
                parts.append(
                    _select(asked.wanted, number, f"read_parquet({_list(names)})", "" if whole else _where(asked))
                )
    if len(found.tail) or not parts:
        parts.append(_select(asked.wanted, layout.LAYOUT, "tail", ""))
    return " UNION ALL ".join(parts)


def _select(wanted: list[str], number: int, source: str, where: str) -> str:
    """Today's columns out of files of this layout."""
    there = {*layout.EVENT_COLUMNS, "local_day"} if number == 1 else set(layout.COLUMNS)
    columns = ", ".join(
        f"CAST({name if name in there else _MISSING[number].get(name, 'NULL')} AS {_type(name)}) AS {name}"
        for name in wanted
    )
    return f"SELECT {columns} FROM {source}{where}"  # noqa: S608 - our own names; values are quoted by `_text`


def _type(name: str) -> str:
    return _SQL_TYPES.get(name, "VARCHAR")


def _where(asked: Asked) -> str:
    parts = []
    if asked.world is not None:
        parts.append(f"world = {_text(asked.world)}")
    if asked.start_us is not None:
        parts.append(f"time >= make_timestamptz({asked.start_us:d})")
    if asked.end_us is not None:
        parts.append(f"time < make_timestamptz({asked.end_us:d})")
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


@contextmanager
def translated(found: Snapshot, seconds: float = 0.0) -> Iterator[None]:
    """DuckDB's errors as ours, chained. Raises `Broken` where a damaged file of the snapshot is the cause."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException as error:
        raise Overloaded(
            f"The question was stopped after {seconds:g} s. Narrow it (--from, --to, --world), or allow more --seconds."
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise Overloaded(
            "The answer needs more memory than the question may take. Narrow it, group it coarser, or allow more --memory."
        ) from error
    except duckdb.Error as error:
        if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException, duckdb.InternalException)):
            damage.refuse_changed(found.folder, found.files, str(error))
        if isinstance(error, duckdb.IOException):
            said = f"A sealed file cannot be read just now ({error}); ask again, then run `vonglau check`."
            raise Unavailable(said) from error
        raise BadInput(f"The question cannot be answered: {error}") from error


T = TypeVar("T")
LOOK_S = 0.2


def within(con: "duckdb.DuckDBPyConnection", found: Snapshot, seconds: float, work: Callable[[], T]) -> T:
    """Work on the connection in a thread of its own, interrupted after so many seconds, and when Python is (Ctrl-C).

    A thread, because DuckDB does not look at signals while it computes.
    """
    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(1, thread_name_prefix="question") as pool:
        done = pool.submit(work)
        try:
            while wait([done], timeout=LOOK_S).not_done:
                if time.monotonic() >= deadline:
                    con.interrupt()
            with translated(found, seconds):
                return done.result()
        finally:
            while wait([done], timeout=0).not_done:
                con.interrupt()
                time.sleep(0.01)


def ask(con: "duckdb.DuckDBPyConnection", found: Snapshot, sql: str, limits: Limits) -> tuple[pa.Table, bool]:
    """The answer, and whether rows beyond the limit were left out."""

    def work() -> tuple[pa.Table, bool]:
        batches: list[pa.RecordBatch] = []
        rows, most = 0, limits.rows
        reader = con.execute(sql).to_arrow_reader(min(most + 1, 100_000) if most else 100_000)
        for batch in reader:
            batches.append(batch)
            rows += len(batch)
            if most and rows > most:
                break
        table = pa.Table.from_batches(batches, schema=reader.schema)
        return (table.slice(0, most), True) if most and rows > most else (table, False)

    return within(con, found, limits.seconds, work)

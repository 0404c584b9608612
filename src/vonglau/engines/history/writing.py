"""Writes one sealed file, complete and durable under its final name; large ones in a process of their own."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.engines.history import layout
from vonglau.engines.history.derive import Derive, derive
from vonglau.engines.history.files import SealedFile, system_errors
from vonglau.engines.history.reading import GROUP_ROWS
from vonglau.engines.rows import Row

Rows = Callable[[int, int], Sequence[Row]]
"""rows(first, last): the events at these positions, in order (see `engines.rows.recorded` for the columns)."""

CLOSING = "The log is being closed; sealing goes on when it is opened again."
_LOOK_S = 0.2


def write(folder: Path, first: int, last: int, rows: Rows) -> SealedFile:
    """Positions `first` to `last` as one durable file under its final name. Raises StorageFull, Unavailable, Broken."""
    return write_tables(folder, (first, last), _groups(rows, first, last, derive()))


def _groups(rows: Rows, first: int, last: int, derive: Derive) -> Iterator[pa.Table]:
    for start in range(first, last + 1, GROUP_ROWS):
        end = min(start + GROUP_ROWS - 1, last)
        group = rows(start, end)
        if len(group) != end - start + 1:
            raise Broken(f"The event log has {len(group)} of the positions {start} to {end}: run `vonglau check`.")
        yield layout.table(group, derive)


def write_tables(folder: Path, span: tuple[int, int], tables: Iterable[pa.Table], *, revision: int = 0) -> SealedFile:
    """Tables of today's layout, in order of position, as the file for the positions `span`; `revision` counts its rewritings.

    write, fsync, rename, fsync of the folder: what is returned may be recorded in the manifest.
    """
    first, last = span
    name = f"events-{first:012d}-{last:012d}{f'-r{revision}' if revision else ''}.parquet"
    partial = folder / f"{name}.{os.getpid()}.partial.parquet"
    try:
        with system_errors():
            statistics = _write_groups(partial, tables)
            digest = _synced_digest(partial)
            size = partial.stat().st_size
            partial.rename(folder / name)
            _sync(folder)
    finally:
        partial.unlink(missing_ok=True)
    rows, oldest, latest, recorded_us, world = statistics
    return SealedFile(first, last, rows, name, size, digest, oldest, latest, recorded_us, world, layout.LAYOUT)


def write_elsewhere(
    command: Sequence[str], closing: Callable[[], bool], environment: Mapping[str, str] | None = None
) -> SealedFile:
    """The same by a process that ends with `report`; it is killed when the log is being closed, and ends by itself when we do."""
    pipe = subprocess.PIPE
    life, ours = os.pipe()
    try:
        with subprocess.Popen(command, stdin=life, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
            while True:
                try:
                    said, complaint = process.communicate(timeout=_LOOK_S)
                    break
                except subprocess.TimeoutExpired:
                    if closing():
                        process.kill()
    finally:
        os.close(life)
        os.close(ours)
    if closing():
        raise Unavailable(CLOSING)
    if process.returncode == errno.ENOSPC:
        raise StorageFull
    if process.returncode != 0:
        raise Unavailable(f"Sealing could not write its file: {complaint.strip()[-500:]}")
    return SealedFile(**json.loads(said))


def report(written: Callable[[], SealedFile]) -> int:
    """All of a process that writes a file: its manifest row as JSON, or exit code 28 (ENOSPC) when the disk is full.

    Its standard input is a pipe that only the process holds which wants the file: whatever ends that one ends this one too, or it would
    hold a core that the next door needs, and write a file nobody asked for any more.
    """
    threading.Thread(target=_follow, args=(sys.stdin.fileno(),), name="life", daemon=True).start()
    try:
        print(json.dumps(asdict(written())))
    except StorageFull:
        return errno.ENOSPC
    return 0


def _follow(descriptor: int) -> None:
    """End, in the middle of anything, when the other side of this pipe is closed."""
    while os.read(descriptor, 1):
        pass
    os._exit(errno.EPIPE)


def _write_groups(path: Path, tables: Iterable[pa.Table]) -> tuple[int, int, int, int, str]:
    """(rows, oldest time, latest time, last recorded, the only world or ""): what the manifest keeps, times in µs."""
    rows, oldest, latest, recorded_us = 0, 2**63 - 1, -(2**63), 0
    worlds: set[str] = set()
    with pq.ParquetWriter(
        path,
        layout.SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=layout.DICTIONARY,
        column_encoding=layout.ENCODING,
        write_statistics=True,
        write_page_checksum=True,
        store_schema=True,
    ) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=GROUP_ROWS)
            times = pc.min_max(table["time"].cast(pa.int64())).as_py()
            oldest, latest = min(oldest, times["min"]), max(latest, times["max"])
            recorded_us = table["recorded"].cast(pa.int64())[-1].as_py()
            worlds |= set(pc.unique(table["world"]).to_pylist())
            rows += len(table)
    return rows, oldest, latest, recorded_us, worlds.pop() if len(worlds) == 1 else ""


def _synced_digest(path: Path) -> str:
    """fsync, and SHA-256 of what is now on the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)

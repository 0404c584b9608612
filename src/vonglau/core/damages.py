"""What was found damaged in an installation's own files, for a person to look at: a note each in `damaged/`, some with a copy beside it.

    damaged/log.db-wal.damaged-20261125T053012Z        the file as it was, before anything opened it
    damaged/log.db-wal.damaged-20261125T053012Z.json   what was found

`vonglau check` and the health page name every note until a person deletes it. Bounded: the newest few of each kind stay.
"""

import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger("vonglau.damages")

FOLDER = "damaged"
KEPT = 5
"""Notes, and copies, of each kind; older ones go when a newer one comes."""
COPY_BYTES = 256 * 1024 * 1024
"""What is larger is not copied, nor is what would leave the disk less room than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """`of`: which file. `said`: a sentence in English. `mark` tells the same find, seen twice. `kept`: name of the copy, or empty."""

    of: str
    at: str
    said: str
    mark: str = ""
    kept: str = ""
    settled: bool = True
    """False while something is still to be done about it by the program, at its next start."""

    @property
    def name(self) -> str:
        return f"{self.of}.damaged-{self.at}"


def notes(data: Path, of: str | None = None) -> list[Note]:
    """Oldest first. What is no note is passed over: people may put things there."""
    found = []
    for path in sorted((data / FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            note = Note(**json.loads(path.read_text(encoding="utf-8")))
            if path.stem == note.name and of in (None, note.of):
                found.append(note)
    return sorted(found, key=lambda note: note.at)


def put(data: Path, of: str, said: str, *, copy: Path | None = None, settled: bool = True) -> Note:
    """Note a find, in the messages too, and keep a copy of the file. The same file, unchanged, is noted once.

    Where the disk takes no note the messages alone have it: what is damaged already must not also keep the city from starting.
    """
    mark = _mark(copy)
    for known in notes(data, of) if mark else ():
        if known.mark == mark:
            return known
    note = Note(of=of, at=f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}", said=said, mark=mark, settled=settled)
    try:
        (data / FOLDER).mkdir(exist_ok=True)
        if copy is not None and _room(data, copy.stat().st_size):
            _copy(copy, data / FOLDER / note.name)
            note = replace(note, kept=note.name)
        _write(data, note)
        _forget(data, of)
    except OSError as error:
        log.warning("what was found damaged cannot be kept: %s", error)
    log.error("found damaged: %s: %s%s", of, said, f" Kept as {FOLDER}/{note.kept}." if note.kept else "")
    return note


def settle(data: Path, note: Note) -> None:
    """The program has done what was to be done; the note stays for people."""
    with suppress(OSError):
        _write(data, replace(note, settled=True))


def _mark(copy: Path | None) -> str:
    if copy is None:
        return ""
    found = copy.stat()
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"


def _room(data: Path, size: int) -> bool:
    return size <= COPY_BYTES and shutil.disk_usage(data).free - size > COPY_BYTES


def _copy(source: Path, target: Path) -> None:
    fresh = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, fresh)
    _durable(fresh)
    fresh.replace(target)


def _write(data: Path, note: Note) -> None:
    fresh = data / FOLDER / f"{note.name}.part"
    fresh.write_text(json.dumps(asdict(note), ensure_ascii=False), encoding="utf-8")
    _durable(fresh)
    fresh.replace(data / FOLDER / f"{note.name}.json")


def _durable(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _forget(data: Path, of: str) -> None:
    for note in notes(data, of)[:-KEPT]:
        for name in (f"{note.name}.json", note.name):
            (data / FOLDER / name).unlink(missing_ok=True)

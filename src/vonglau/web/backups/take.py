"""Makes a snapshot beside a running server.

The order is the contract (contract 3: state before log). State refers to the log (cursors, evidence, what was published), never the other
way round, so a log that is copied later holds all that the state speaks of. What is written once is copied before the databases, so that
their copies are close together, and again after them, for what they name and was not there before.
"""

import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from vonglau import __version__
from vonglau.core.errors import BadInput, StorageFull, Unavailable
from vonglau.web.backups import manifest, parts, strongbox
from vonglau.web.backups.manifest import Piece, Positions, Snapshot
from vonglau.web.backups.sources import Ask, Source, source_of
from vonglau.web.backups.store import Store, readable
from vonglau.web.options import OPTIONS

SPARE = 16 * 1024 * 1024
"""Bytes that must stay free beside what the backup is expected to need."""
TRIES = 3
"""The log is copied again when a sealed file ended between its copy and its manifest's."""
COUNTED = ("core_incident", "core_alert", "core_evidence", "core_auditrow", "core_user")
_SILENT = {"VONGLAU_SMTP", "VONGLAU_DATABASE", "VONGLAU_DOOR"}
"""Settings whose values may hold a password, or belong to one process."""

Told = Callable[[str, int, int], None]
"""(what, done, in all) while it goes on."""


@dataclass(slots=True)
class _Taking:
    """One backup under way."""

    data: Path
    store: Store
    told: Told
    known: dict[str, Piece]
    """Of the snapshot before: a file with the same path, size and time is not read again."""
    files: dict[str, Piece] = field(default_factory=dict)

    def keep_files(self) -> None:
        """Copy what is written once and is not in the store yet."""
        waiting = list(parts.kept(self.data))
        for done, (path, source) in enumerate(waiting, start=1):
            if path not in self.files and (piece := self._kept(path, source)) is not None:
                self.files[path] = piece
            self.told("files", done, len(waiting))

    def _kept(self, path: str, source: Path) -> Piece | None:
        """None for a file that was there when the folder was listed and is not any more."""
        try:
            about = source.stat()
            before = self.known.get(path)
            if (
                before is not None
                and (before.size, before.mtime_ns) == (about.st_size, about.st_mtime_ns)
                and self.store.has(before.sha256)
            ):
                return before
            return self.store.add_file(source, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"{source} cannot be read ({error.strerror}): no snapshot was made.") from error

    def keep(self, file: IO[bytes], path: str) -> None:
        self.files[path] = self.store.add_chunked(file, path)

    def missing(self, log: Ask) -> list[str]:
        """Sealed files that the log's copy names and the backup does not hold. Of what retention took whole there is no file."""
        names = [name for (name,) in log("SELECT name FROM sealed WHERE rows > 0 ORDER BY first_pos")]
        return [name for name in names if f"{parts.SEALED}/{name}" not in self.files]


def take(
    data: Path,
    store: Store,
    *,
    secrets: Path,
    passphrase: str | None = None,
    told: Told = lambda what, done, total: None,
) -> Snapshot:
    """Make a snapshot of `data` in `store`. Nobody is held up; a failure leaves no snapshot, and those made before whole.

    `secrets` is the folder of keys: copied only when a passphrase is given. Raises `StorageFull`, `Unavailable`, `BadInput`, `NotFound`
    or `Broken`.
    """
    if store.folder.is_relative_to(data):
        raise BadInput(f"{store.folder} lies inside the data folder: a backup belongs on another disk.")
    began = datetime.now(UTC)
    with store.writing(), source_of(data) as source:
        store.make(source.installation())
        before = store.newest()
        need_room(data, store, before, source.sizes())
        taking = _Taking(data, store, told, {piece.path: piece for piece in before.files} if before else {})
        taking.keep_files()
        with source.state(store, taking.keep, told) as (ask, state_at):
            said = _state(ask)
        taking.keep_files()
        log_at, log_said = _copy_log(taking, source)
        _checkpoints(taking, said["checkpoint"])
        if passphrase is not None:
            texts = {name: path.read_text() for name, path in parts.secrets(data, secrets).items()}
            digest = store.add_bytes(box := strongbox.seal(texts, passphrase))
            taking.files[strongbox.PATH] = Piece(strongbox.PATH, len(box), digest)
        now = datetime.now(UTC)
        store.sync()
        snapshot = Snapshot(
            id=manifest.id_of(state_at),
            installation=source.installation(),
            tool=__version__,
            engine=source.engine,
            began_at=began,
            state_at=state_at,
            log_at=log_at,
            ended_at=now,
            layouts={"log": source.layout(), **said["layouts"]},
            positions=Positions(
                **log_said, checkpoint=said["checkpoint"], change=said["change"], readers=said["readers"]
            ),
            counts=said["counts"],
            files=sorted(taking.files.values(), key=lambda piece: piece.path),
            settings=_settings(),
            secrets=passphrase is not None,
            left_out=parts.unknown(data),
            new_bytes=store.new_bytes,
        )
        store.commit(snapshot)
    return snapshot


def need_room(data: Path, store: Store, before: Snapshot | None, databases: list[int]) -> None:
    """Raise `StorageFull` before anything is written when the backup would not fit.

    Needed: a scratch copy of the larger database; what was not kept before; of the databases all that changed (the first time
    everything, then as much again as last time, twice over).
    """
    known = {piece.path: piece.size for piece in before.files} if before else {}
    new = sum(path.stat().st_size for name, path in parts.kept(data) if name not in known)
    changed = 2 * before.new_bytes if before else sum(databases)
    need = max(databases, default=0) + min(changed, sum(databases)) + new + SPARE
    with readable("the backup folder"):
        free = shutil.disk_usage(store.folder).free
    if free < need:
        raise StorageFull(
            f"{store.folder} has {free / 1e6:,.0f} MB free and this backup may need {need / 1e6:,.0f} MB: no snapshot was made. "
            "Free space there, prune old snapshots, or use a larger disk."
        )


def _copy_log(taking: _Taking, source: Source) -> tuple[datetime, dict[str, int]]:
    """The log and every sealed file it names; when, and where it stood."""
    for _try in range(TRIES):
        with source.log(taking.store, taking.keep, taking.told) as (ask, at):
            said = _log(ask)
            taking.keep_files()
            lost = taking.missing(ask)
        if not lost:
            return at, said
    raise Unavailable(
        f"sealed/{lost[0]} is named by the log and is not there: no snapshot was made. Run `vonglau check`; "
        "if retention was just ending files, try again."
    )


def _most(ask: Ask, query: str) -> int:
    ((found,),) = ask(query)
    return int(found or 0)


def _log(ask: Ask) -> dict[str, int]:
    tail, border = _most(ask, "SELECT max(pos) FROM event"), _most(ask, "SELECT max(last_pos) FROM sealed")
    return {
        "log_head": max(tail, border),
        "sealed_through": border,
        "quarantine": _most(ask, "SELECT max(id) FROM quarantine"),
    }


def _state(ask: Ask) -> dict[str, Any]:
    """Read from the copy with plain SQL: it may be of an earlier release than this program."""
    return {
        "checkpoint": _most(ask, "SELECT max(n) FROM core_checkpoint"),
        "change": _most(ask, "SELECT max(id) FROM core_change"),
        "readers": dict(ask("SELECT reader, position FROM core_cursor")),
        "layouts": dict(ask("SELECT app, max(name) FROM django_migrations GROUP BY app")),
        "counts": {name.removeprefix("core_"): _most(ask, f"SELECT count(*) FROM {name}") for name in COUNTED},  # noqa: S608
    }


def _checkpoints(taking: _Taking, last: int) -> None:
    """The exported checkpoints up to the last one of the state's copy: the file may be ahead of it by a few."""
    from vonglau.core import audit_export

    path = taking.data / parts.CHECKPOINTS
    if not path.exists():
        return
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if audit_export.number(line) <= last]
    taking.files[parts.CHECKPOINTS] = taking.store.add_chunked(io.BytesIO(b"".join(lines)), parts.CHECKPOINTS)


def _settings() -> dict[str, str]:
    return {
        name: os.environ[name] if name not in _SILENT else "(set; not kept)" for name in OPTIONS if os.environ.get(name)
    }

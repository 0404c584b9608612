"""Makes a data folder of a snapshot: whole, checked, and only then under its name.

Everything happens in a folder beside the target, `.<name>.restoring`. What a killed restore left there is replaced by the next one.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vonglau.core import keyfiles
from vonglau.core.errors import BadInput, Broken, Locked, NotFound, StorageFull
from vonglau.engines.database import remember
from vonglau.web.backups import parts, strongbox
from vonglau.web.backups.loading import database_for, loaded
from vonglau.web.backups.manifest import Piece, Snapshot
from vonglau.web.backups.sources import LOG_DUMP
from vonglau.web.backups.store import Store, readable
from vonglau.web.backups.take import SPARE, Told
from vonglau.web.roles import served_by

SAME, NEWEST = "same", "newest"
_LOG_PARTS = (parts.LOG, f"{parts.SEALED}/", LOG_DUMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to restore."""

    at: datetime | None = None
    """The newest snapshot whose state is not younger; none: the newest."""
    snapshot: str = ""
    """This one, whatever its time."""
    events: str = SAME
    """`same`: the log of that snapshot. `newest`: the log of the newest one; state before log holds for it too."""
    keys: Path | None = None
    """A folder of keys to put in place."""
    passphrase: str | None = None
    """Of the keys in the snapshot."""
    erased: Path | None = None
    """A folder of notes of erasures made after the newest snapshot (`erased/` of the folder that is replaced)."""
    without_keys: bool = False
    """Go on although what was sealed cannot be read any more."""
    in_spite: bool = False
    """Put it in place although `check` finds errors."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What there is now."""

    state: Snapshot
    log: Snapshot
    reconciled: Any
    upgraded: tuple[str, ...]
    checked: dict[str, Any]
    lost_keys: list[str]
    """Fields whose content cannot be read without the keys that were not given."""
    erased: list[str]
    """Reports that people had erased before, and whose content this backup brought back for a moment."""


def choose(store: Store, wish: Wish) -> tuple[Snapshot, Snapshot]:
    """(of the state, of the log). Raises `NotFound` when there is none so old, `Broken` for a damaged manifest."""
    store.mark()
    names = store.names()
    if not names:
        raise NotFound(f"{store.folder} holds no snapshot yet.")
    if wish.snapshot:
        state = store.snapshot(wish.snapshot)
    elif wish.at is None:
        state = store.snapshot(names[-1])
    else:
        older = (one for one in map(store.snapshot, reversed(names)) if one.state_at <= wish.at)
        found = next(older, None)
        if found is None:
            first = store.snapshot(names[0])
            raise NotFound(
                f"There is no snapshot as old as {wish.at.isoformat()}: the first is of {first.state_at.isoformat(timespec='seconds')}."
            )
        state = found
    log = store.snapshot(names[-1]) if wish.events == NEWEST else state
    if log.log_at < state.log_at:
        raise BadInput("The newest snapshot's log is older than this state: restore it with its own events.")
    return state, log


def pieces(state: Snapshot, log: Snapshot, newest: Snapshot) -> list[Piece]:
    """Log and sealed files of one snapshot, notes of erasures of the newest there is, everything else of the first."""
    chosen = [piece for piece in log.files if piece.path.startswith(_LOG_PARTS)]
    notes = f"{parts.ERASED}/"
    chosen += [piece for piece in newest.files if piece.path.startswith(notes)]
    chosen += [piece for piece in state.files if not piece.path.startswith((*_LOG_PARTS, notes))]
    return [piece for piece in chosen if piece.path != strongbox.PATH]


def restore(
    store: Store, target: Path, wish: Wish, *, by: str, told: Told = lambda what, done, total: None
) -> Restored:
    """Put a snapshot into the new folder `target`. Needs a process in which Django was not set up before.

    Raises `BadInput` for a folder that is in use, `NotFound`, `StorageFull`, `Locked` when keys are missing, `Broken` when a piece is
    damaged or the result does not pass `check`; then `target` is as it was.
    """
    state, log = choose(store, wish)
    refuse_used(target)
    files = pieces(state, log, store.snapshot(store.names()[-1]))
    with _beside(target) as folder:
        _need_room(folder, sum(piece.size for piece in files))
        _write(store, files, folder, told)
        database = database_for(state, log, folder)
        _keys(store, state, folder, wish)
        if database is not None:
            remember(folder, database)  # never the address that the keys of the snapshot name
        with loaded(database, folder):
            restored = _made_consistent(folder, state, log, wish, by, told)
            if target.exists():
                target.rmdir()
            folder.rename(target)
    return restored


def refuse_used(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        who = served_by(target) if target.is_dir() else ""
        served = f" and is being served by {who}" if who else ""
        raise BadInput(
            f"{target} is not empty{served}: nothing is ever restored over something. Name a new folder, or move this one away first."
        )


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A private folder on the target's disk. Removed unless it was renamed away."""
    folder = target.parent / f".{target.name}.restoring"
    with readable("the folder to restore into"):
        target.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise BadInput(f"{target} is being restored by another process just now.") from taken
        shutil.rmtree(folder, ignore_errors=True)
        with readable("the folder to restore into"):
            folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(f"{folder}.lock").unlink(missing_ok=True)
        os.close(held)


def _need_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise StorageFull(
            f"{folder.parent} has {free / 1e6:,.0f} MB free and the snapshot needs {size / 1e6:,.0f} MB: restore to another disk."
        )


def _write(store: Store, files: list[Piece], folder: Path, told: Told) -> None:
    for done, piece in enumerate(files, start=1):
        target = (folder / piece.path).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise Broken(f"The snapshot names a file outside the data folder ({piece.path!r}): it was tampered with.")
        store.write_out(piece, target)
        told("files", done, len(files))


def _keys(store: Store, state: Snapshot, folder: Path, wish: Wish) -> None:
    """Put the keys in place: those of the snapshot, or of a folder."""
    texts: dict[str, str] = {}
    if wish.passphrase is not None:
        sealed = state.piece(strongbox.PATH)
        if sealed is None:
            raise BadInput(
                "This snapshot holds no keys (it was made without --with-secrets): give their folder with --keys."
            )
        texts = strongbox.open(store.read(sealed.sha256, sealed.path), wish.passphrase)
    elif wish.keys is not None:
        texts = {path.name: path.read_text() for path in wish.keys.iterdir() if path.is_file()}
    for name, text in texts.items():
        if Path(name).name != name:
            raise Broken(f"The keys of the snapshot name a file {name!r}: it was tampered with.")
        keyfiles.write(keyfiles.folder(folder) / name, text if text.endswith("\n") else text + "\n")


def _made_consistent(folder: Path, state: Snapshot, log: Snapshot, wish: Wish, by: str, told: Told) -> Restored:
    """Upgrade, reconcile, check: with Django on the new folder."""
    from vonglau.engines.history.files import SETTING
    from vonglau.web.commands.base import configure

    os.environ.pop(SETTING, None)  # sealed files are restored beside the rest; they may be moved afterwards
    configure(folder)
    from django.db import connections

    from vonglau.core import vault
    from vonglau.web.backups.reconcile import reconcile
    from vonglau.web.commands.checking import examine
    from vonglau.web.upgrades import bring_forward

    if wish.without_keys and not vault.ring().path.exists():
        vault.ring().begin()  # what it cannot open is named below
    try:
        upgraded = bring_forward(folder, told=lambda words: told(words, 0, 0))
        lost = locked_fields()
        if lost and not wish.without_keys:
            raise Locked(
                f"Sealed content ({', '.join(lost)}) needs keys that were not given: name their folder with --keys, give the passphrase "
                "of the keys in the snapshot, or go on with --without-keys, and then that content is lost."
            )
        erased = _erase_again(folder, wish)
        reconciled = reconcile(folder, state, log, by, told)
        checked = examine(folder, quiet=True)
        if not checked["ok"] and not wish.in_spite:
            first = next(one for one in checked["findings"] if one["severity"] == "error")
            raise Broken(
                f"What was restored does not pass `check` ({first['check']}: {first['examples'][0]}), so it was not put in place. "
                "Use another snapshot, or --in-spite-of-findings."
            )
    finally:
        connections.close_all()
    return Restored(state, log, reconciled, upgraded, checked, lost, erased)


def _erase_again(folder: Path, wish: Wish) -> list[str]:
    """What people had erased after this backup was made does not come back with it."""
    from vonglau.core.seams import services

    notes = [folder / parts.ERASED, *([wish.erased] if wish.erased is not None else [])]
    return [number for service in services() if service.erase_again for number in service.erase_again(notes)]


def locked_fields() -> list[str]:
    """Fields in which something was sealed with a key that is not in the ring."""
    from vonglau.core import vault

    ring = vault.ring()
    known = {key.id for key in ring.newest_first()} if ring.path.exists() else set()
    return sorted({one.field for one in vault.everything() if vault.key_of(one.text) not in known})

"""Whether backups can be used: every piece has the digest it is named by; then a restore in scratch, and `check` on it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from vonglau.core.errors import Broken
from vonglau.engines import database_of
from vonglau.web.backups.keeping import readable
from vonglau.web.backups.store import Store

MOST = 50
"""Damages that are spelled out."""


def pieces(store: Store, told: Callable[[str, int, int], None] = lambda *_: None) -> tuple[list[str], int]:
    """Read every piece of every snapshot once: (what is wrong, in sentences that name file and snapshot; bytes read)."""
    snapshots, damaged = readable(store)
    wrong, seen, size = list(damaged.values()), set[str](), 0
    for done, snapshot in enumerate(snapshots, start=1):
        for piece in snapshot.files:
            if piece.sha256 in seen:
                continue
            seen.add(piece.sha256)
            try:
                size += sum(map(len, store.blocks(piece)))
            except Broken as broken:
                wrong.append(f"Snapshot {snapshot.id}: {broken.message}")
        told("snapshots", done, len(snapshots))
    return wrong[:MOST], size


def tried(store: Store, *, by: str, told: Callable[[str, int, int], None]) -> str:
    """Restore the newest snapshot in a scratch folder (its databases in the empty database of the setting), check it, take it away.

    Gives the snapshot's name. Raises `Broken` when it is no city that passes `check`, else what `restore` raises: there is no place to try.
    """
    from vonglau.web.backups.loading import drop
    from vonglau.web.backups.restore import Wish, restore

    with tempfile.TemporaryDirectory(prefix="vonglau-verify-") as scratch:
        data = Path(scratch) / "data"
        name = restore(store, data, Wish(without_keys=True), by=by, told=told).state.id
        if (database := database_of(data)) is not None:
            drop(database)
    return name

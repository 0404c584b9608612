"""Which snapshots stay. What is forgotten here is forgotten for good, photos and erased personal data too."""

from datetime import UTC, datetime, timedelta

from vonglau.core.errors import Broken
from vonglau.web.backups.manifest import Snapshot
from vonglau.web.backups.store import Store

DENSE = timedelta(days=1)
"""Thinning leaves everything younger than this, and of older days the last snapshot of each."""


def chosen(
    snapshots: list[Snapshot], now: datetime, *, keep: int | None = None, days: int | None = None, thin: bool = False
) -> list[Snapshot]:
    """Those that may go, oldest first. Each rule may only send away; the newest always stays."""
    ordered = sorted(snapshots, key=lambda one: one.state_at)
    going: set[str] = set()
    if keep is not None:
        going |= {one.id for one in ordered[: max(0, len(ordered) - keep)]}
    if days is not None:
        going |= {one.id for one in ordered if one.state_at < now - timedelta(days=days)}
    if thin:
        old = [one for one in ordered if one.state_at < now - DENSE]
        last_of_day = {one.state_at.astimezone(UTC).date(): one.id for one in old}
        going |= {one.id for one in old if one.id not in last_of_day.values()}
    return [one for one in ordered[:-1] if one.id in going]


def prune(
    store: Store, *, keep: int | None = None, days: int | None = None, thin: bool = False
) -> tuple[list[str], int]:
    """Forget snapshots by these rules and the pieces that only they needed: (ids, bytes freed).

    Raises `Broken` when one that stays cannot be read: then nothing is removed, since what it needs is unknown.
    """
    with store.writing():
        snapshots = [store.snapshot(name) for name in store.names()]
        going = chosen(snapshots, datetime.now(UTC), keep=keep, days=days, thin=thin)
        for one in going:
            (store.snapshots / f"{one.id}.json").unlink()
        _count, freed = store.sweep()
    return [one.id for one in going], freed


def readable(store: Store) -> tuple[list[Snapshot], dict[str, str]]:
    """Every snapshot, and the damaged ones with what is wrong."""
    good, bad = [], {}
    for name in store.names():
        try:
            good.append(store.snapshot(name))
        except Broken as damaged:
            bad[name] = damaged.message
    return good, bad

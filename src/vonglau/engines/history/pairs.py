"""The same identity with another time, found late: at sealing, among what has been sealed before.

While an event is in the tail, the door sees such a contradiction at once. Afterwards only the bucket of its own time is looked
at, so a second event of that identity in another bucket gets in. Each sealed file therefore leaves its sorted hashes beside it
(16 bytes a row) until the horizon ends; sealing the next one compares them and reports pairs to quarantine. Both events stay:
the log is never rewritten.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vonglau.core.events import TIME_ASSUMED, Event, Fault, from_us
from vonglau.core.log import LogReader, Rejected
from vonglau.engines.rows import same_identity, structured

SUFFIX = ".hashes.npy"
MOST = 10_000
"""Pairs reported for one file: more of them is one mistake, not ten thousand."""

Table = NDArray[np.int64]
"""Two rows: hashes in ascending order, and the position of each."""


def path(folder: Path, name: str) -> Path:
    return folder / f"{name}{SUFFIX}"


def write(folder: Path, name: str, hashes: Iterable[int], positions: Iterable[int]) -> Table:
    """Keep the hashes of a sealed file. Advisory: a file that is lost in a crash only loses reports."""
    table = np.array([list(hashes), list(positions)], dtype=np.int64)
    table = table[:, np.argsort(table[0], kind="stable")]
    partial = folder / f"{name}{SUFFIX}.partial"
    with partial.open("wb") as file:
        np.save(file, table, allow_pickle=False)
    partial.rename(path(folder, name))
    return table


def common(folder: Path, table: Table, others: Iterable[str]) -> list[tuple[int, int]]:
    """(earlier position, later position) of rows whose hashes also occur in other files."""
    found: list[tuple[int, int]] = []
    for name in others:
        try:
            other: Table = np.load(path(folder, name), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):  # lost or half written in a crash
            continue
        if other.shape[1] == 0:
            continue
        at = np.minimum(other[0].searchsorted(table[0]), other.shape[1] - 1)
        hits = np.flatnonzero(other[0][at] == table[0])
        found += zip(other[1][at[hits]].tolist(), table[1][hits].tolist(), strict=True)
        if len(found) >= MOST:
            break
    return found[:MOST]


def contradictions(reader: LogReader, pairs: Sequence[tuple[int, int]]) -> list[Rejected]:
    """What goes to quarantine: the later event of each pair that is one identity indeed."""
    events = {one.pos: one.event for one in reader.get([pos for pair in pairs for pos in pair])}
    found = []
    for earlier, later in pairs:
        first, second = events.get(earlier), events.get(later)
        if first is not None and second is not None and same_identity(first, second):
            fault = Fault("/time", _reason(earlier, first, later, second))
            found.append(Rejected(structured(second), fault, second.world, second.id, second.source))
    return found


def _reason(earlier: int, first: Event, later: int, second: Event) -> str:
    if TIME_ASSUMED in first.extensions and TIME_ASSUMED in second.extensions:
        return (
            f"This event gives no time and was sent again after the first one (position {earlier}) had been sealed, "
            f"so it is stored twice (position {later}). Give events a `time`."
        )
    return (
        f"This id of this source is stored twice: at position {earlier} with time {from_us(first.time_us).isoformat()} "
        f"and at position {later} with another. Both stay in the log; mend the sender and discard this note."
    )


def remove_orphans(folder: Path, remembered: set[str]) -> None:
    """Hashes of files that are not sealed, or no longer remembered."""
    for file in folder.iterdir():
        if SUFFIX in file.name and file.name.removesuffix(SUFFIX) not in remembered:
            file.unlink()

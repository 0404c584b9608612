"""The tail's hashes as they are stored beside the rows, in long runs, so that opening a log need not read every row.

The rows are the truth and hold their hashes too. A run is written with the append that comes after its last position, in the same
transaction, and goes with the manifest row that seals its last position: whatever a crash or a restore leaves, runs and rows fit. What
is in no run (up to `RUN` events, or all of a log that an earlier release wrote) is read from the rows.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np

from vonglau.engines.identities import Hashes, TailIndex

RUN = 65_536
"""Positions in a run: half a megabyte, written in some milliseconds; as many rows are read in a tenth of a second."""

Run: TypeAlias = tuple[int, int, bytes]
"""First and last position, and the hash of each position between: 8 bytes, little-endian."""


def load(border: int, runs: Iterable[Run], rows: Callable[[int], Iterable[tuple[Hashes, Hashes]]]) -> TailIndex:
    """The index of every event beyond `border`. `runs` come in order of position; `rows(after)` gives (hashes, positions) of the rows
    beyond a position, many at a time."""
    after, found = border, list[Hashes]()
    for first, last, packed in runs:
        if last <= after:
            continue
        hashes = np.frombuffer(packed, dtype="<i8")
        if first > after + 1 or len(hashes) != last - first + 1:
            break  # the rows say it
        found.append(hashes[after + 1 - first :])
        after = last
    tail = TailIndex(kept=after)
    if found:
        hashes = np.concatenate(found).astype(np.int64, copy=False)
        tail.add_run(hashes, np.arange(border + 1, after + 1, dtype=np.int64))
    for hashes, positions in rows(after):
        tail.add_run(hashes, positions)
    return tail


def due(tail: TailIndex, newest: int) -> list[Run]:
    """Runs to store with the next append; `newest` is the last position of the log. `TailIndex.kept` says up to where that was done."""
    ends = range(tail.kept + RUN, newest + 1, RUN)
    return [(end - RUN + 1, end, tail.hashes(end - RUN + 1, end).astype("<i8", copy=False).tobytes()) for end in ends]

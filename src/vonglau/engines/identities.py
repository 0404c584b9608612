"""Who is already in the log: keyed hashes, and the log-structured set of the tail's hashes.

The tail's identities live in memory (16 bytes an event) and are rebuilt when the log is opened (`runs.py`): the rows themselves
are the truth. So an append writes one sequential table only, and the same identity with another time is seen whatever its
time bucket. Identities of sealed events move to the `identity` table, bucketed by the events' own time.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.int64]

_PENDING = 16_384
"""Hashes gathered in a plain table before they become a sorted run."""

_RUN = 1_000
"""Appends from this size on are a run of their own at once."""

_LARGEST = 8_000_000
"""Runs above this are not merged any more: merging would hold the writer for more than a second."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a log was created with: drawn once per installation and never changed."""

    secret: bytes
    """Key of the identity hash: senders are hostile and could collide 64 unkeyed bits on purpose."""
    bucket_us: int


class Hasher:
    """64-bit BLAKE2b of (world, source, id), keyed with the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = hashlib.blake2b(key=secret, digest_size=8)

    def __call__(self, identities: Iterable[tuple[str, str, str]]) -> Hashes:
        """Attributes hold no control characters, so joining them is unambiguous (and a hit is confirmed anyway)."""
        copy = self._keyed.copy
        digests = []
        for world, source, id_ in identities:
            hashed = copy()
            hashed.update(f"{world}\x1f{source}\x1f{id_}".encode())
            digests.append(hashed.digest())
        return np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64, copy=False)


class TailIndex:
    """hash → positions, for every event of the tail: sorted runs that are merged by size, and a small pending table."""

    def __init__(self, kept: int = 0) -> None:
        self.kept = kept
        """Up to this position the hashes are stored as runs, or sealed."""
        self._runs: list[tuple[Hashes, Hashes]] = []
        self._pending: dict[int, int] = {}
        self._collided: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return sum(len(hashes) for hashes, _ in self._runs) + len(self._pending) + len(self._collided)

    def add(self, hashes: Sequence[int], positions: Sequence[int]) -> None:
        """Remember events that were committed."""
        if len(hashes) >= _RUN:
            self.add_run(np.array(hashes, dtype=np.int64), np.array(positions, dtype=np.int64))
            return
        pending = self._pending
        if pending.keys().isdisjoint(hashes) and len(set(hashes)) == len(hashes):
            pending.update(zip(hashes, positions, strict=True))
        else:  # two identities with one hash: rare beyond words, and still right
            for hashed, pos in zip(hashes, positions, strict=True):
                if hashed in pending:
                    self._collided.append((hashed, pos))
                else:
                    pending[hashed] = pos
        if len(pending) >= _PENDING:
            self._flush()

    def add_run(self, hashes: Hashes, positions: Hashes) -> None:
        """Remember a large slice at once."""
        if len(hashes):
            order = np.argsort(hashes, kind="stable")
            self._runs.append((hashes[order], positions[order]))
            self._merge()

    def find(self, hashes: Hashes) -> dict[int, list[int]]:
        """Those of the hashes that are known, with the positions that have them, oldest first."""
        found: dict[int, list[int]] = {}
        wanted = np.sort(hashes)
        for run, positions in self._runs:
            at = np.minimum(run.searchsorted(wanted), len(run) - 1)
            hit = run[at] == wanted
            if hit.any():
                for hashed in np.unique(wanted[hit]).tolist():
                    left, right = run.searchsorted([hashed, hashed + 1] if hashed < 2**63 - 1 else [hashed, hashed])
                    right = right if hashed < 2**63 - 1 else len(run)
                    found.setdefault(hashed, []).extend(positions[left:right].tolist())
        pending = self._pending
        for hashed in [hashed for hashed in hashes.tolist() if hashed in pending]:
            found.setdefault(hashed, []).append(pending[hashed])
        if self._collided:
            asked = set(hashes.tolist())
            for hashed, pos in self._collided:
                if hashed in asked:
                    found.setdefault(hashed, []).append(pos)
        return {hashed: sorted(set(positions)) for hashed, positions in found.items()}

    def hashes(self, first: int, last: int) -> Hashes:
        """The hash of each of these positions, in order. All of them must be in the tail."""
        found = np.zeros(last - first + 1, dtype=np.int64)
        for hashes, positions in (*self._runs, self._loose()):
            inside = (positions >= first) & (positions <= last)
            found[positions[inside] - first] = hashes[inside]
        return found

    def drop(self, through: int) -> None:
        """Forget positions up to and including this one: they have been sealed."""
        self.kept = max(self.kept, through)
        kept = []
        for hashes, positions in self._runs:
            alive = positions > through
            if alive.all():
                kept.append((hashes, positions))
            elif alive.any():
                kept.append((hashes[alive], positions[alive]))
        self._runs = kept
        self._pending = {hashed: pos for hashed, pos in self._pending.items() if pos > through}
        self._collided = [(hashed, pos) for hashed, pos in self._collided if pos > through]

    def _loose(self) -> tuple[Hashes, Hashes]:
        """What is in no run yet."""
        loose = np.array([*self._pending.items(), *self._collided], dtype=np.int64).reshape(-1, 2)
        return loose[:, 0], loose[:, 1]

    def _flush(self) -> None:
        hashes, positions = self._loose()
        self._pending, self._collided = {}, []
        self.add_run(hashes, positions)

    def _merge(self) -> None:
        runs = self._runs
        while len(runs) > 1:
            (older, older_at), (newer, newer_at) = runs[-2:]
            if len(older) >= 2 * len(newer) or len(older) + len(newer) > _LARGEST:
                return
            hashes, positions = np.concatenate([older, newer]), np.concatenate([older_at, newer_at])
            order = np.argsort(hashes, kind="stable")
            runs[-2:] = [(hashes[order], positions[order])]

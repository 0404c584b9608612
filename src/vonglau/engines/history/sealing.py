"""The order of sealing, the same for every engine: write, fsync, rename, record in the manifest, only then delete.

A crash between any two steps loses and doubles nothing: a file without a manifest row is removed when the log is next
opened; rows at or below the manifest's border are invisible, and deleted by the next sealing.

A long tail is sealed in parts, each with its own row of the manifest: what a crash interrupts costs the part under way, never the ones
before it. The first part after the log was opened is small and each that comes through doubles the next, so that a log that is
killed again and again still gets shorter, and one that runs for days has large files.
"""

from dataclasses import dataclass, field
from typing import Protocol

from vonglau.engines.history.files import SealedFile

FILE_ROWS = 1_000_000
"""Most rows of one file: large ones are asked faster."""

FIRST_ROWS = 20_000
"""Rows of the first part after the log was opened: less than a second's work."""


@dataclass(slots=True)
class Pace:
    """How much is risked at a time. One for each log that is open."""

    rows: int = field(default_factory=lambda: min(FIRST_ROWS, FILE_ROWS))

    def came_through(self) -> None:
        self.rows = min(2 * self.rows, FILE_ROWS)


class Steps(Protocol):
    """What an engine does at each step, in short transactions with pauses between them, so that the door goes on accepting.

    Each raises `Unavailable` when the log is being closed: the sealing is given up and done again another time.
    """

    def bounds(self) -> tuple[int, int]:
        """(border, head): the last sealed position, and the last one of all."""

    def write(self, first: int, last: int) -> SealedFile:
        """The file, complete and durable under its final name, not yet in the manifest (see `writing.py`)."""

    def record(self, file: SealedFile) -> None:
        """Keep the identities of the rows, then the manifest row: from that commit on readers take these positions from the file."""

    def delete(self, through: int) -> None:
        """Remove sealed rows from the tail, oldest first."""

    def forget(self) -> None:
        """Drop identities whose horizon has ended."""


def seal(steps: Steps, pace: Pace, *, keep: int, through: int) -> int:
    """See `core.log.Log.seal`: the number of rows sealed. One at a time; the caller sees to that."""
    border, head = steps.bounds()
    steps.delete(border)  # what a crash left
    first, last = border + 1, min(head - keep, through)
    while first <= last:
        end = min(first + pace.rows - 1, last)
        file = steps.write(first, end)
        steps.record(file)
        steps.delete(file.last_pos)
        pace.came_through()
        first = end + 1
    steps.forget()
    return max(last - border, 0)

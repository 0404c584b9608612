"""How an older log becomes today's, the same for every engine: ordered steps, all of them in one transaction, so that a failure leaves
the old log as it was.

To change an engine's tables: write them in its `schema.py` as a new log gets them, and add a `Step` to its `layouts.py` that takes an
existing log there. `newest` follows from the number of steps. A test of each engine holds a log brought forward against a new one: same
tables, same columns. A step is plain SQL on the writer's connection; it may not commit. Prefer adding tables and columns to rewriting
rows: what is rewritten needs its room twice until the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vonglau.core.errors import Broken

FIRST = 1
"""The layout from which the steps count."""

Db = TypeVar("Db")


@dataclass(frozen=True, slots=True)
class Step(Generic[Db]):
    """From one layout to the next."""

    what: str
    """What it changes and for whom, one sentence: printed while it runs."""
    run: Callable[[Db], None]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What was done."""

    before: int
    after: int
    steps: tuple[str, ...]


def newest(steps: "Sequence[Step[Any]]") -> int:
    """The layout a program with these steps writes. The n-th step leads from FIRST + n to the next; released ones are never changed."""
    return FIRST + len(steps)


def due(layout: int, steps: "Sequence[Step[Db]]") -> "Sequence[Step[Db]]":
    """What an older log lacks. Raises `Broken` for a newer one."""
    refuse_newer(layout, newest(steps))
    return steps[layout - FIRST :]


def refuse_other(layout: int, newest: int) -> None:
    """Raise `Broken` unless the log is of the layout this program writes; the message says which of the two is behind."""
    if layout < newest:
        raise Broken(
            f"This event log has layout {layout}, this program writes {newest}: run `vonglau upgrade`, "
            "which makes a backup first."
        )
    refuse_newer(layout, newest)


def refuse_newer(layout: int, newest: int) -> None:
    """Raise `Broken` for a log of a later program: nothing goes back a layout."""
    if layout > newest:
        raise Broken(
            f"This event log has layout {layout}, this program knows up to {newest}: "
            "use the newer program that wrote it, or restore a backup made before its upgrade."
        )

"""Integrity checks: each a small function that says what it looks for, how grave it is, how to find the rows and what to do.

`vonglau check` runs all of them, offline or beside a running server: the state is read in one snapshot, before the log, so that
whatever the state refers to is in the log by then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from django.db import connection

from vonglau.core.log import LogReader
from vonglau.core.snapshot import one_moment
from vonglau.engines.inspection import Inspection

ERROR, WARNING = "error", "warning"
SHOWN = 20
"""Findings of one check that are spelled out; all are counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: the data folder, the log's reader and its own tables."""

    data: Path
    reader: LogReader
    log: Inspection
    thorough: bool = False
    """Take the time to compare every index with its table."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check as data."""

    name: str
    severity: str
    what: str
    find: str
    """How to see the rows oneself."""
    do: str
    run: Callable[[Place], Iterator[str]]


CHECKS: list[Check] = []


Run = Callable[[Place], Iterator[str]]
"""Yields one sentence for each thing that is wrong."""


def check(name: str, *, severity: str = ERROR, find: str, do: str) -> Callable[[Run], Run]:
    """Register a check; its docstring says what it looks for."""

    def register(run: Run) -> Run:
        CHECKS.append(Check(name, severity, " ".join((run.__doc__ or "").split()), find, do, run))
        return run

    return register


def all_checks() -> list[Check]:
    """Every check, in the order in which they should be read."""
    rooms = [f"vonglau.web.checks.{room}" for room in ("stores", "audits", "incidents", "reports", "logs")]
    for room in rooms:
        import_module(room)
    return sorted(CHECKS, key=lambda one: rooms.index(one.run.__module__))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found."""

    check: Check
    count: int
    examples: list[str]


@contextmanager
def snapshot(log: Inspection) -> Iterator[None]:
    """One consistent look at the state, then at the log, without holding up who writes (deferred read transactions)."""
    with one_moment():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM django_migrations")  # the state's moment is that of its first question
        log.begin()
        yield


def _findings(one: Check, place: Place) -> Iterator[str]:
    """A supervisor: damaged rows may break a check in any way; that is a finding too, and the other checks still run."""
    try:
        yield from one.run(place)
    except Exception as problem:  # noqa: BLE001 - the finding carries it
        yield f"the check itself could not go on: {type(problem).__name__}: {problem}"


def run_all(place: Place, told: Callable[[Check], None] = lambda check: None) -> list[Outcome]:
    """All checks within one snapshot of the state."""
    outcomes = []
    with snapshot(place.log):
        for one in all_checks():
            told(one)
            count = 0
            examples: list[str] = []
            for finding in _findings(one, place):
                count += 1
                if len(examples) < SHOWN:
                    examples.append(finding)
            outcomes.append(Outcome(one, count, examples))
    return outcomes

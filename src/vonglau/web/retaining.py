"""Retention of this installation: the policy of today, what is still needed, the log's files, and the audit row that says what went."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from django.db import transaction
from django.utils import timezone

from vonglau.core import audit, retention
from vonglau.core.retention import Cutoffs
from vonglau.engines.history.derive import derive
from vonglau.engines.history.retention import Keeper, Tombstone, enforce, modernise

STREAM = "retention"


@runtime_checkable
class Keeping(Protocol):
    """A log that lets its sealed files be changed."""

    def keeping(self) -> AbstractContextManager[Keeper]: ...


def cutoffs() -> Cutoffs:
    """The policy that holds today, now. Raises BadFile for rules that cannot be used."""
    return Cutoffs(retention.policy(timezone.localdate()), datetime.now(UTC))


def run(log: Keeping, by: str) -> tuple[list[Tombstone], int]:
    """Take what has expired and bring older layouts up to date: what was taken, and how many files were rewritten for their layout.

    Each file has an audit row of its own, as soon as it is done: a later one may fail, and the process may end.
    """
    today, needs, makes = cutoffs(), retention.needs(), derive()

    def account(taken: list[Tombstone]) -> None:
        between = [taken[0].first_pos, taken[0].last_pos]
        body = {"what": "events removed", "by": by, "positions": between, "removed": summed(taken)}
        with transaction.atomic():
            audit.record(STREAM, body)

    with log.keeping() as keeper:
        taken = enforce(keeper, today, needs, makes, account)
        renewed = modernise(keeper, makes)
    return taken, renewed


def summed(tombstones: Sequence[Tombstone]) -> list[dict[str, object]]:
    """By rule, world and type: how many, before when."""
    rows: dict[tuple[str, str, str, int], int] = {}
    for one in tombstones:
        key = (one.rule, one.world, one.type, one.before_us)
        rows[key] = rows.get(key, 0) + one.rows
    return [
        {"rule": rule, "world": world, "type": type_, "before_us": before_us, "events": count}
        for (rule, world, type_, before_us), count in sorted(rows.items())
    ]

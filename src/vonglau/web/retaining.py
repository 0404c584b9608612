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
    """Take what has expired and bring older layouts up to date: what was taken, and how many files were rewritten for their layout."""
    today, needs, makes = cutoffs(), retention.needs(), derive()
    with log.keeping() as keeper:
        taken = enforce(keeper, today, needs, makes)
        renewed = modernise(keeper, makes)
    if taken:
        with transaction.atomic():
            audit.record(STREAM, {"what": "events removed", "by": by, "removed": summed(taken)})
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

"""What a restored city needs before anybody is let in: it forgot some minutes that the world outside remembers.

Runs with Django set up for the restored folder, nothing else using it. In this order:

1. notices that waited are held: they may have gone out already, and an old notice twice is harm (`vonglau held` releases them);
2. numbers skip ahead: references given after the snapshot are in citizens' hands and are not given again;
3. sessions end, and the change stream jumps, so that an open page reloads instead of going on from a past that is gone;
4. detectors fold the log to its end, from the cursors of the state: same alerts, same identities; what this queues is held too;
5. the restore is written into the audit, and a checkpoint vouches for it.

Publications that had not reached the log stay due: the worker sends them under their stable ids, and the log stores each once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from vonglau.core import audit, changes, holding, lost, seams
from vonglau.core.changes import Change
from vonglau.core.errors import Broken
from vonglau.core.incidents.models import IncidentCounter
from vonglau.core.log import LogReader
from vonglau.core.models import Publication
from vonglau.core.people.access_models import Session
from vonglau.core.runner import Progress, Runner
from vonglau.core.worlds import World, WorldKind
from vonglau.engines import open_reader
from vonglau.web.backups.manifest import Snapshot

SKIP = 1_000
"""Numbers left out per day since the snapshot, in each world: more than a city of ours has incidents in one."""
JUMP = 1_000_000
"""Positions of the change stream left out."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was done, for the report."""

    held: int
    folded: int
    alerts: int
    publications: int
    """Still to be sent to the log."""
    stopped: dict[str, str]
    """Detectors that could not go on, and why."""


def reconcile(
    data: Path, state: Snapshot, log: Snapshot, by: str, told: Callable[[str, int, int], None] = lambda *_: None
) -> Reconciled:
    """`state` and `log` are the snapshots that the two databases came from. Raises `Broken` when they do not belong together."""
    reader = open_reader(data)
    try:
        head = reader.head()
        if (gap := lost.beyond(head)) is not None:
            raise Broken(
                f"{gap.knows} stands at {gap.last}, the log ends at {head}: this log is older than this state."
            )
        held = holding.hold()
        with transaction.atomic():
            leave_out(state.state_at)
        progress = fold(reader, data, lambda done, of: told("detectors", done, of))
        held += holding.hold()
        with transaction.atomic():
            audit.record(audit.INSTALLATION, _entry(state, log, head, by))
        audit.checkpoint(export=data / "checkpoints.jsonl")
        return Reconciled(
            held=held,
            folded=progress.events,
            alerts=progress.alerts,
            publications=Publication.objects.filter(sent_at=None).count(),
            stopped={f"{name} in {world}": why for (name, world), why in progress.stopped.items()},
        )
    finally:
        reader.close()


def leave_out(since: datetime) -> None:
    """What may have been given to people and programmes since then is not given again; who is signed in signs in anew.

    Inside a transaction.
    """
    skip_numbers(since, datetime.now(UTC))
    Session.objects.all().delete()
    _jump()


def fold(reader: LogReader, data: Path, told: Callable[[int, int], None] = lambda *_: None) -> Progress:
    """Detectors up to the log's end, from the cursors of the state."""
    runner, head = Runner(reader, seams.detectors(), locator(data)), reader.head()
    start = runner.progress.position
    while runner.step():
        told(runner.progress.position - start, head - start)
    runner.save()
    return runner.progress


def _entry(state: Snapshot, log: Snapshot, head: int, by: str) -> dict[str, object]:
    return {
        "at": timezone.now().isoformat(timespec="microseconds"),
        "who": by,
        "role": "administrator",
        "step": "restore",
        "snapshot": state.id,
        "state_at": state.state_at.isoformat(timespec="seconds"),
        "log": log.id,
        "log_head": head,
        "made_by": state.tool,
    }


def skip_numbers(since: datetime, now: datetime) -> None:
    """Leave out the references that may have been given between `since` and `now`."""
    skip = SKIP * max(1, (now - since).days + 1)
    for world in World.objects.filter(ended_at=None):
        counters = IncidentCounter.objects.filter(world=world.pk).order_by("-month")
        if world.kind == WorldKind.LIVE:
            for month in _months(since, now):
                counter, _made = IncidentCounter.objects.get_or_create(world=world.pk, month=month)
                counter.last += skip
                counter.save(update_fields=["last"])
        elif (latest := counters.first()) is not None:
            latest.last += skip
            latest.save(update_fields=["last"])


def _months(since: datetime, now: datetime) -> list[str]:
    """As references name them, in the city's own time."""
    at, end = timezone.localtime(since), timezone.localtime(now)
    found = [at.strftime("%y%m")]
    while (at.year, at.month) < (end.year, end.month):
        at = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1, day=1)
        found.append(at.strftime("%y%m"))
    return found


def _jump() -> None:
    """Positions that were given since the snapshot are unknown here: followers of them are told to reload."""
    Change.objects.all().delete()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = 'core_change'", [JUMP])
        else:
            cursor.execute(
                "SELECT setval(s, nextval(s) + %s) FROM pg_get_serial_sequence('core_change', 'id') AS s", [JUMP]
            )
    changes.announce("live", "world", "live", restored=True)


def locator(data: Path) -> Callable[[float, float], tuple[str, bool]]:
    from vonglau.web.worker import locator as of

    return of(frozenset(World.objects.values_list("locality", flat=True)), data / "cache")

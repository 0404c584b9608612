"""The state went back to an earlier moment, because a damaged page of its write-ahead file hid the commits behind it.

The log, receivers of notices and people remember what it forgot. So before anybody is let in, as after a restore:

1. numbers and positions of the change stream skip ahead, and sessions end: an account may have been shut in what was forgotten;
2. the log is folded again from the state's cursors: same alerts, same identities, notices under the same keys;
3. every notice that waits then is marked: it may have been sent before; it is sent again under its key;
4. exported checkpoints of the audit that the state does not know any more leave the file (a copy is kept), and the audit says so.

What people did in those minutes is not known to anybody here; the note in `damaged/` says since when.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vonglau.core import damages
from vonglau.engines.database import database_of
from vonglau.engines.embedded import aside
from vonglau.web.roles import hold, served_by

if TYPE_CHECKING:
    from vonglau.core.log import LogReader
    from vonglau.web.roles import Plan


STATE = "state.db"
CHECKPOINTS = "checkpoints.jsonl"


def look(data: Path) -> None:
    """Before Django opens the state; nothing is done while somebody serves the folder, or where the state is no file."""
    if database_of(data) is None and not served_by(data):
        aside.look(data / STATE)


def settle(plan: "Plan", told: Callable[[str], None] = lambda words: None) -> bool:
    """Do the above where a find says so, holding the plan's roles meanwhile. Says whether there was one.

    Raises `Broken` when what is left of the file is no database, `Unavailable` when somebody else serves the folder.
    """
    from django.db import connection

    found = aside.unsettled(plan.data / STATE)
    if not found:
        return False
    held = hold(plan)
    try:
        told("The state lost its last commits to a damaged file: making it agree with the log …")
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            aside.refuse_mixed(plan.data / STATE, connection.connection)
        reconcile(plan.data)
        for note in found:
            damages.settle(plan.data, note)
    finally:
        for one in held:
            os.close(one)
    return True


def reconcile(data: Path) -> None:
    """With Django set up, nobody else using the folder. Done again after a crash it does no harm."""
    from django.db import transaction
    from django.db.models import Max

    from vonglau.core import audit, audit_export
    from vonglau.core.models import Change, Checkpoint
    from vonglau.core.notify import outbox
    from vonglau.engines import open_reader
    from vonglau.web.backups.reconcile import leave_out

    now = datetime.now(UTC)
    since = Change.objects.aggregate(at=Max("at"))["at"] or now
    last = Checkpoint.objects.aggregate(n=Max("n"))["n"] or 0
    known, gone = _exported(data / CHECKPOINTS, lambda line: audit_export.number(line) <= last)
    entry = {"at": now.isoformat(timespec="microseconds"), "who": "system", "role": "system", "step": "fell back",
             "since": since.isoformat(timespec="seconds"), "checkpoints": [json.loads(line) for line in gone]}  # fmt: skip
    reader = open_reader(data)
    try:
        with transaction.atomic():
            leave_out(since)
            audit.record(audit.INSTALLATION, entry)
        if gone:
            _cut(data, known, len(gone))
        alerts = catch_up(reader, data)
    finally:
        reader.close()
    doubted = outbox.doubt()
    audit.checkpoint(export=data / CHECKPOINTS)
    said = (
        f"the state knows nothing of what people did here between about {since:%Y-%m-%d %H:%M:%S} UTC and its end. Everybody signs in "
        f"anew, {doubted} notices that wait are marked as perhaps sent, {alerts} alerts were found in the log again."
    )
    damages.put(data, "state", said)


def catch_up(reader: "LogReader", data: Path) -> int:
    """All that the worker would do with the log and the clock, up to now: what it queues is to be marked. Returns the alerts found."""
    from vonglau.core import seams
    from vonglau.core.incidents import escalation
    from vonglau.core.notify import fan_out
    from vonglau.core.projector import Projector
    from vonglau.core.worlds import World
    from vonglau.web.backups.reconcile import fold, locator

    progress = fold(reader, data)
    for projection in seams.projections():
        Projector(reader, projection, locator(data)).follow()
    while fan_out.follow(reader):
        pass
    for world in World.objects.filter(ended_at=None):
        escalation.run(world, world.now())
    return progress.alerts


def _exported(path: Path, is_known: Callable[[bytes], bool]) -> tuple[list[bytes], list[bytes]]:
    """The file's lines, those that the state knows apart from those that it does not."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if is_known(line)], [line for line in lines if not is_known(line)]


def _cut(data: Path, known: list[bytes], gone: int) -> None:
    path = data / CHECKPOINTS
    damages.put(data, path.name, f"its last {gone} checkpoints are of rows that the state lost.", copy=path)
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.writelines(known)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

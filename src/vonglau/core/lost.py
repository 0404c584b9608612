"""Positions that somebody knows of and the log does not have: its last commits were lost with a damaged file.

What stood there was acknowledged and cannot be brought back. But readers have passed those positions, alerts name them as evidence,
webhooks carried them: an event that were given one of them would never be folded, and be shown as another's evidence. So each gets a
marker, an event of ours, and new events come behind. Where one database keeps log and state, both lose the same, and nothing is missing.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from django.db import models, transaction
from django.utils import timezone

from vonglau.core import audit, damages
from vonglau.core.alert_models import Cursor, DetectorSkip, DetectorState, DetectorStop
from vonglau.core.changes import Change
from vonglau.core.errors import Broken
from vonglau.core.events import LOST_TYPE, Event, to_us
from vonglau.core.log import Log

SOURCE = "/vonglau/log"
MOST = 100_000
"""Markers written at most: some times what a write-ahead file holds. Beyond, this is another log, not a damaged one."""
CHANGES = 5_000
"""Newest changes looked at for the evidence of alerts: cursors are saved every few seconds, alerts at once."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`first` to `last` are missing at the log's end; `knows` is who stands at the last."""

    first: int
    last: int
    knows: str

    def __len__(self) -> int:
        return self.last - self.first + 1


def known() -> Iterator[tuple[str, int]]:
    """(who, position) of everything in the state that keeps one: the furthest of each kind, every reader."""
    yield from Cursor.objects.order_by("reader").values_list("reader", "position")
    for what, furthest in (
        ("a detector's state", DetectorState.objects.aggregate(n=models.Max("position"))),
        ("a detector's stop", DetectorStop.objects.aggregate(n=models.Max("last"))),
        ("a detector's skip", DetectorSkip.objects.aggregate(n=models.Max("position"))),
    ):
        yield what, furthest["n"] or 0
    newest = Change.objects.order_by("-pk").values_list("kind", "body")[:CHANGES]
    yield (
        "an alert",
        max((at for kind, body in newest if kind == "alert" for at in body.get("evidence", ())), default=0),
    )


def beyond(head: int) -> Gap | None:
    """What is missing behind the log's last position."""
    who, position = max(known(), key=lambda one: one[1], default=("", 0))
    return Gap(head + 1, position, who) if position > head else None


def fill(writer: Log, data: Path) -> Gap | None:
    """Mark what is missing, in one transaction, and say so in the messages, the audit and `damaged/`.

    Raises `Broken` for more than `MOST`, and has changed nothing then.
    """
    gap = beyond(writer.head())
    if gap is None:
        return None
    if len(gap) > MOST:
        raise Broken(
            f"{gap.knows} stands at position {gap.last}, and the log ends at {gap.first - 1}: {len(gap)} positions are missing, more than "
            "a damaged file explains. This log is older than this state: restore both from one backup: `vonglau restore DIR NEW`."
        )
    with transaction.atomic():  # first, so that a crash in between says it twice and never not at all
        audit.record(audit.INSTALLATION, {**_entry(gap), "at": timezone.now().isoformat(timespec="microseconds")})
    receipts = writer.append(_markers(gap), by=None)
    if [receipt.pos for receipt in receipts] != list(range(gap.first, gap.last + 1)):
        raise Broken(
            f"Positions {gap.first} to {gap.last} could not be marked as lost: report this, with the messages."
        )
    said = (
        f"the events at {_range(gap)} were acknowledged and are lost ({gap.knows} had been there). Their positions are marked and not "
        "given again; let senders send again what they sent last."
    )
    damages.put(data, "log", said)
    return gap


def _range(gap: Gap) -> str:
    return f"position {gap.first}" if len(gap) == 1 else f"positions {gap.first} to {gap.last}"


def _entry(gap: Gap) -> dict[str, object]:
    return {"who": "system", "role": "system", "step": "lost", "first": gap.first, "last": gap.last, "known": gap.knows}


def _markers(gap: Gap) -> list[Event]:
    """An event each. Their identity holds a number that nobody could know before: none can be in the log already."""
    now, turn = to_us(datetime.now(UTC)), secrets.token_hex(8)
    data = msgspec.json.encode({"first": gap.first, "last": gap.last})
    return [
        Event(id=f"{position}-{turn}", source=SOURCE, type=LOST_TYPE, time_us=now, data=data)
        for position in range(gap.first, gap.last + 1)
    ]

"""Why an incident exists: its alerts in their own words, the events under them, or what its service says about a report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from vonglau.core import alerts as words
from vonglau.core.alert_models import Alert
from vonglau.core.errors import Unavailable
from vonglau.core.events import from_us
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.phrases import join_words
from vonglau.core.log import LogReader
from vonglau.core.seams import alert_kinds, event_types, services, upgrades
from vonglau.engines import open_reader

SERIES = ("seen", "expected", "low", "high")

SHOWN_EVENTS = 12
"""Events listed under one alert; the alert's own page lists all it rests on."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of the log, for people."""

    pos: int
    time: datetime
    title: str
    subject: str
    source: str
    values: tuple[tuple[str, str], ...]
    """Its payload's plain members, as sent: hostile until escaped."""


@dataclass(frozen=True, slots=True)
class Reason:
    """An alert under an incident."""

    alert: Alert
    headline: str
    explanation: str
    joined: str
    events: tuple[EventLine, ...] = ()


@lru_cache(maxsize=4)
def _reader(data: Path) -> LogReader:
    reader: LogReader = open_reader(data)
    return reader


def log() -> LogReader | None:
    """The log, or None where none was created yet: pages then leave the events out."""
    try:
        return _reader(Path(settings.VONGLAU_DATA))
    except Unavailable:
        return None


def _members(data: bytes) -> tuple[tuple[str, str], ...]:
    """Numbers and short texts of a flat JSON object, in its own order."""
    try:
        plain: Any = msgspec.json.decode(data) if data else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    if not isinstance(plain, dict):
        return ()
    flat = ((str(key)[:40], value) for key, value in plain.items() if isinstance(value, str | int | float | bool))
    return tuple((key, str(value)[:60]) for key, value in list(flat)[:6])


def events_at(positions: Sequence[int]) -> dict[int, EventLine]:
    """The events at these positions that are still kept."""
    reader = log()
    if reader is None or not positions:
        return {}
    try:
        kept = reader.get(sorted(set(positions)))
    except Unavailable:
        return {}  # the alert's own words and chart stand without them
    found = {}
    for recorded in kept:
        event = recorded.event
        kind = event_types().get(upgrades().name(event.type))
        found[recorded.pos] = EventLine(
            pos=recorded.pos,
            time=from_us(event.time_us),
            title=str(kind.title) if kind else event.type[:80],
            subject=(event.subject or "")[:120],
            source=event.source[:120],
            values=_members(event.data),
        )
    return found


def reasons(incident: Incident) -> list[Reason]:
    """Every alert of the incident, the one that opened it first; events of all of them in one read."""
    found = list(incident.alerts.order_by("onset", "id"))
    found.sort(key=lambda alert: (alert.joined or {}).get("by") != "opened")
    lines = events_at([pos for alert in found for pos in alert.evidence[-SHOWN_EVENTS:]])
    return [reason(alert, lines) for alert in found]


def reason(alert: Alert, lines: dict[int, EventLine], limit: int = SHOWN_EVENTS) -> Reason:
    shown = [lines[pos] for pos in alert.evidence[-limit:] if pos in lines]
    return Reason(
        alert=alert,
        headline=words.headline(alert),
        explanation=words.explanation(alert),
        joined=join_words(alert.joined),
        events=tuple(sorted(shown, key=lambda line: line.time, reverse=True)),
    )


def about(incident: Incident) -> list[tuple[str, str]]:
    """What the incident's own service adds: rows of label and text."""
    service = next((one for one in services() if one.name == incident.service), None)
    if service is None or service.about is None:
        return []
    return [(str(label), text) for label, text in service.about(incident)]


def chart(alert: Alert) -> dict[str, Any]:
    """The alert's series for the evidence chart; a gap where nothing finite was measured or expected."""

    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    kind = alert_kinds().get(alert.kind)
    quantity, unit = kind.measures({**alert.facts, "subject": alert.subject}) if kind and kind.measures else ("", "")
    return {
        "unit": unit,
        "quantity": quantity,
        "points": [
            {"t": from_us(t).isoformat(), **dict(zip(SERIES, map(finite, values), strict=True))}
            for t, *values in alert.series
        ],
        "onset": alert.onset.isoformat(),
        "ended": alert.ended.isoformat() if alert.ended else None,
    }

"""The two clocks of an incident: *receive* until it is verified or refused, *handle* until it is resolved.

Both run on the level's working calendar. Waiting for the citizen pauses the second, visibly; what is left of it runs on afterwards.
"""

from datetime import datetime
from typing import Literal

from django.utils import timezone

from vonglau.core.calendars import Calendar, calendar
from vonglau.core.errors import BadInput
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.core.levels import Level, levels


def level(code: str) -> Level:
    known = levels()
    if code not in known:
        raise BadInput(f"There is no level {code!r}; use one of {', '.join(known)}.")
    return known[code]


def calendar_of(code: str) -> Calendar:
    return calendar(level(code).calendar)


def deadline(level_code: str, clock: Literal["receive", "handle", "objection"], begins: datetime) -> datetime:
    """When a clock that begins then runs out: the limit in force on that day, counted on the level's calendar."""
    rule = level(level_code)
    limit = rule.limit(clock, timezone.localdate(begins))
    return calendar(rule.calendar).add_working(begins, limit.duration)


def start(incident: Incident) -> None:
    """Set the receive clock from the moment of receipt."""
    incident.receive_due = deadline(incident.level, "receive", incident.received_at)
    show(incident)


def begin_handling(incident: Incident, at: datetime) -> None:
    """Set the handle clock: at verification, and anew when the incident is reopened."""
    incident.handle_due = deadline(incident.level, "handle", at)


def relevel(incident: Incident) -> None:
    """Recompute both deadlines from their own beginnings after a change of level."""
    incident.receive_due = deadline(incident.level, "receive", incident.received_at)
    if incident.verified_at is not None:
        begin_handling(incident, incident.verified_at)


def pause(incident: Incident, at: datetime) -> None:
    incident.paused_at = at


def resume(incident: Incident, at: datetime) -> None:
    """What was left when it paused runs on from now; a deadline already missed stays missed by as much."""
    days = calendar_of(incident.level)
    if incident.paused_at is not None and incident.handle_due is not None:
        if incident.handle_due >= incident.paused_at:
            left = days.working_between(incident.paused_at, incident.handle_due)
            incident.handle_due = days.add_working(at, left)
        else:
            incident.handle_due += at - incident.paused_at
    incident.paused_at = None


def show(incident: Incident) -> None:
    """`due_at`: the deadline of the clock that runs now; null while paused and when none runs."""
    if incident.paused_at is not None:
        incident.due_at = None
    elif incident.state == State.RECEIVED:
        incident.due_at = incident.receive_due
    elif incident.is_open:
        incident.due_at = incident.handle_due
    else:
        incident.due_at = None


def objection_ends(incident: Incident) -> datetime | None:
    """Until when a result may be objected to: what `closed` waits for, and the last moment to reopen."""
    if incident.resolved_at is None:
        return None
    return deadline(incident.level, "objection", incident.resolved_at)

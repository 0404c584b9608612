"""The two clocks of an incident: *receive* until it is verified or refused, *handle* until it is resolved.

Both run on the level's working calendar. Waiting for the citizen pauses the second, visibly; what is left of it runs on afterwards.
"""

from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from vonglau.core.calendars import Calendar, calendar
from vonglau.core.errors import BadInput
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.core.levels import Level, levels

NOTHING = timedelta(0)


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
    incident.escalated = 0
    show(incident)


def begin_handling(incident: Incident, at: datetime) -> None:
    """Set the handle clock: at verification, and anew when the incident is reopened."""
    incident.handle_due = deadline(incident.level, "handle", at)
    incident.escalated = 0


def relevel(incident: Incident, level_before: str, at: datetime) -> None:
    """Recompute both deadlines after a change of level: the time that was paused, or began anew when it was reopened, stays won.

    Of a level before that is no more nothing is known but the deadline it gave: on the new level's calendar it is not shortened.
    """
    if level_before not in levels():
        level_before = incident.level
    incident.receive_due = deadline(incident.level, "receive", incident.received_at)
    if incident.verified_at is not None and incident.handle_due is not None:
        begins, rule = incident.verified_at, level(incident.level)
        spent = calendar_of(level_before).working_between(begins, incident.handle_due)
        beyond = max(NOTHING, spent - _limit(level_before, "handle", begins))
        incident.handle_due = calendar(rule.calendar).add_working(begins, _limit(rule.code, "handle", begins) + beyond)
    show(incident)
    reached = [step.at for step in level(incident.level).escalation if escalation(incident, step.at) <= at]
    incident.escalated = min(incident.escalated, max(reached, default=0))


def _limit(code: str, clock: Literal["receive", "handle"], begins: datetime) -> timedelta:
    return level(code).limit(clock, timezone.localdate(begins)).duration


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
    """`due_at`: the deadline of the clock that runs now; null while paused and when none runs. Likewise `escalates_at`."""
    if incident.paused_at is not None:
        incident.due_at = None
    elif incident.state == State.RECEIVED:
        incident.due_at = incident.receive_due
    elif incident.is_open:
        incident.due_at = incident.handle_due
    else:
        incident.due_at = None
    known = levels().get(incident.level) if incident.due_at is not None else None
    steps = known.escalation if known else ()
    left = (step.at for step in steps if step.at > incident.escalated)
    incident.escalates_at = next((escalation(incident, at) for at in left), None)


def escalation(incident: Incident, percent: int) -> datetime:
    """When so many per cent of the limit of the running clock have run, counted back from its deadline: pauses do not count."""
    clock: Literal["receive", "handle"] = "receive" if incident.clock == "receive" else "handle"
    due = incident.receive_due if clock == "receive" else incident.handle_due
    assert due is not None
    if percent >= 100:
        return due
    begins = incident.received_at if clock == "receive" else incident.verified_at or incident.received_at
    days, limit = calendar_of(incident.level), _limit(incident.level, clock, begins)
    ran = days.working_between(begins, due) - limit * (100 - percent) / 100
    return days.add_working(begins, max(NOTHING, ran))


def objection_ends(incident: Incident) -> datetime | None:
    """Until when a result may be objected to: what `closed` waits for, and the last moment to reopen."""
    if incident.resolved_at is None:
        return None
    return deadline(incident.level, "objection", incident.resolved_at)

"""Escalation before a deadline passes: at the per cents that a level names, those are told who can still do something.

What was told stands in the incident (`escalated`) and in its chain, written with the notices in one transaction: after a crash or a restart
nothing is told twice. Time is the world's: a drill escalates at its own pace, a recording not at all.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from vonglau.core import audit
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.incidents import clocks, desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN
from vonglau.core.levels import TOLD, Escalation, levels
from vonglau.core.notify import rules
from vonglau.core.people.policy import SYSTEM
from vonglau.core.worlds import World, WorldKind

log = logging.getLogger("vonglau.escalation")

STEP = "escalate"
"""Its name in the chain and in the change stream. No step of the table: nothing of the work changes, and no version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A step of the running clock: when it is reached, whom it tells, and whether they were told."""

    percent: int
    at: datetime
    whom: Sequence[str]
    told: bool


def run(world: World, now: datetime, limit: int = 500) -> int:
    """Tell what is to be told in a world, at most `limit` incidents at a time; of how many. `now` is the world's clock."""
    if world.kind == WorldKind.RECORDING:
        return 0
    reached = Incident.objects.filter(world=world.pk, escalates_at__lte=now).order_by("escalates_at")
    return sum(_or_leave(pk, now) for pk in list(reached.values_list("pk", flat=True)[:limit]))


def _or_leave(pk: int, now: datetime) -> bool:
    """One whose level or calendar is no more is left alone until somebody changes its level: it must not keep all others silent."""
    try:
        return _escalate(pk, now)
    except BadFile:
        raise  # the levels cannot be read at all: that is no fault of this one
    except BadInput as problem:
        Incident.objects.filter(pk=pk).update(escalates_at=None)
        log.error("incident %d escalates no more: %s", pk, problem.message)
        return False


@transaction.atomic
def _escalate(pk: int, now: datetime) -> bool:
    """What is behind already counts too (a worker stood still, a level became stricter): told once, by the last step that was reached."""
    incident = Incident.objects.select_for_update().filter(pk=pk, state__in=OPEN, escalates_at__lte=now).first()
    if incident is None:
        return False  # somebody acted meanwhile
    passed = [step for step in _left(incident) if clocks.escalation(incident, step.at) <= now]
    if passed:
        incident.escalated = passed[-1].at
    clocks.show(incident)
    incident.save(update_fields=["escalated", "escalates_at"])
    if not passed:
        return False
    named = {one for step in passed for one in step.whom(incident.clock)}
    whom = [one for one in TOLD if one in named]
    body = {
        "at": now.isoformat(timespec="microseconds"),
        "who": SYSTEM.name,
        "role": SYSTEM.role,
        "step": STEP,
        "clock": incident.clock,
        "percent": incident.escalated,
        "told": whom,
    }
    audit.record(incident.stream, body)
    desk.tell(incident, STEP, SYSTEM.name)
    rules.escalated(incident, incident.escalated, whom)
    return True


def _left(incident: Incident) -> list[Escalation]:
    return [step for step in clocks.level(incident.level).escalation if step.at > incident.escalated]


def plan(incident: Incident) -> list[Planned]:
    """Every step of the clock that runs now; none while it is paused, nor of a level that is no more."""
    if incident.due_at is None or incident.level not in levels():
        return []
    return [
        Planned(
            percent=step.at,
            at=clocks.escalation(incident, step.at),
            whom=step.whom(incident.clock),
            told=step.at <= incident.escalated,
        )
        for step in clocks.level(incident.level).escalation
    ]

"""The demonstration's other staff: they handle about half of what comes in, so that the day moves, and leave the rest to whoever watches.

Results are confirmed by the demonstration's supervisor whoever brought them.

They go through the same commands as people, under the same policy, with the world's clock.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from vonglau.core.errors import VongLauError
from vonglau.core.incidents import desk, files, proof
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.files import Where
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State, Step
from vonglau.core.people.directory import suggested
from vonglau.core.people.policy import Actor
from vonglau.core.seams import incident_kinds
from vonglau.core.worlds import World
from vonglau.web.demo_photo import Drawn

OPERATOR = Actor("demo.truc-ban", "operator")
SUPERVISOR = Actor("demo.truong-ca", "supervisor")

WORDS = {
    "fixed": "Đã cử tổ công tác đến hiện trường và khắc phục xong.",
    "explained": "Đã kiểm tra tại chỗ, hiện trạng nằm trong giới hạn cho phép.",
    "planned": "Đã đưa vào kế hoạch sửa chữa của quý.",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one incident takes at each step, in the world's time; derived from its reference, so it repeats."""

    verify: timedelta
    assign: timedelta
    start: timedelta
    resolve: timedelta
    close: timedelta
    theirs: bool
    refuse: bool
    outcome: str


def pace(incident: Incident) -> Pace:
    rng = random.Random(f"{incident.world}{incident.ref}")

    def minutes(low: int, high: int) -> timedelta:
        return timedelta(minutes=rng.randint(low, high))

    slow = 3 if rng.random() < 0.12 else 1
    return Pace(
        verify=minutes(12, 45),
        assign=minutes(3, 15),
        start=minutes(10, 50) * slow,
        resolve=minutes(45, 200) * slow,
        close=minutes(8, 20),
        theirs=rng.random() < 0.5,
        refuse=rng.random() < 0.06,
        outcome=rng.choices(["fixed", "explained", "planned"], [0.8, 0.12, 0.08])[0],
    )


KEPT = 2
"""Alert-born incidents that wait for the visitor when the demonstration opens, whatever the day's chance would give the staff."""


def kept(world: str) -> frozenset[int]:
    """The newest alert-born incidents from before the opening: the tour begins with one of them."""
    opened = World.objects.values_list("clock_start", flat=True).get(pk=world)
    found = Incident.objects.filter(world=world, origin="alert")
    if opened is not None:
        found = found.filter(received_at__lte=opened)
    return frozenset(found.order_by("-received_at", "-pk").values_list("pk", flat=True)[:KEPT])


def work(world: str, now: datetime, *, everything: bool = False, limit: int = 400) -> int:
    """Take every step that is due by the staff's pace, each at the moment it was due. `everything`: also what is left for the visitor."""
    taken, left = 0, kept(world)
    waiting = Incident.objects.filter(world=world).exclude(state__in=(State.CLOSED, State.REFUSED, State.MERGED))
    for incident in waiting.select_related("agency").order_by("id")[:limit]:
        plan = pace(incident)
        theirs = plan.theirs and incident.pk not in left
        if not (theirs or everything or incident.state == State.RESOLVED):
            continue
        moved: Incident | None = incident
        while moved is not None and (moved := _next(moved, plan, now)) is not None:
            taken += 1
    return taken


def _next(incident: Incident, plan: Pace, now: datetime) -> Incident | None:
    step = _due(incident, plan)
    if step is None:
        return None
    name, actor, details, at = step
    if at > now:
        return None
    try:
        if name == Step.RESOLVE and proof.needed(incident.kind, details.outcome):
            where = Where(lon=incident.lon, lat=incident.lat, place=incident.place)
            files.attach(incident, actor, Drawn(incident.ref), where=where, at=at)
        return desk.take(incident.world, incident.ref, name, actor, details, version=incident.version, at=at)
    except VongLauError:
        return None  # the visitor was quicker


def _due(incident: Incident, plan: Pace) -> tuple[str, Actor, Details, datetime] | None:
    agency = incident.agency
    agent = Actor(f"demo.{agency.code}", "agency", agency.pk, agency.code) if agency else None
    if incident.state == State.RECEIVED:
        at = incident.received_at + plan.verify
        if plan.refuse and incident.origin == "report":
            return (
                "refuse",
                OPERATOR,
                Details(
                    outcome="unfounded", why="Kiểm tra tại chỗ: không có hiện trạng như phản ánh.", reason="not_found"
                ),
                at,
            )
        return "verify", OPERATOR, Details(), at
    if incident.state == State.VERIFIED and incident.verified_at is not None:
        known = incident_kinds().get(incident.kind)
        first = suggested(
            incident.verified_at.date(),
            category=incident.category,
            ward=incident.ward,
            usual=known[1].agency if known else "",
        )
        return (
            ("assign", OPERATOR, Details(agency=first[0].code), incident.verified_at + plan.assign) if first else None
        )
    if incident.state == State.ASSIGNED and agent is not None and incident.assigned_at is not None:
        return "start", agent, Details(), incident.assigned_at + plan.start
    if incident.state == State.IN_PROGRESS and agent is not None and incident.started_at is not None:
        at = incident.started_at + plan.resolve
        later = (at + timedelta(days=60)).date() if plan.outcome == "planned" else None
        return "resolve", agent, Details(outcome=plan.outcome, why=WORDS[plan.outcome], planned_for=later), at
    if incident.state == State.RESOLVED and incident.resolved_at is not None:
        return "close", SUPERVISOR, Details(why="Đã xác nhận kết quả."), incident.resolved_at + plan.close
    return None

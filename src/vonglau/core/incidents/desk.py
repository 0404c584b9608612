"""What may be done to an incident: each command is one transaction that checks the table, sets clocks, writes the audit row.

Nothing else writes incidents (loading history aside). Every command returns the incident as it stands afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from vonglau.core import audit, changes
from vonglau.core.errors import BadInput, Conflict, NotAllowed, NotFound, StepNotPossible
from vonglau.core.incidents import clocks, proof, wording
from vonglau.core.incidents.models import Incident, IncidentCounter
from vonglau.core.incidents.states import ENDED, OPEN, REFUSING, RESOLVING, Outcome, State, Step, find
from vonglau.core.levels import levels
from vonglau.core.notify import fan_out, rules
from vonglau.core.people import directory, policy
from vonglau.core.people.models import Agency
from vonglau.core.people.policy import SYSTEM, Actor
from vonglau.core.places.models import Ward
from vonglau.core.seams import stepped
from vonglau.core.worlds import World, world


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a new incident is made of. `title` must not hold personal data."""

    world: str
    kind: str
    service: str
    title: str
    origin: str
    level: str = "normal"
    rank: int = 0
    category: str = ""
    lon: float | None = None
    lat: float | None = None
    ward: str = ""
    near_border: bool = False
    place: str = ""
    at: datetime | None = None
    because: dict[str, Any] = field(default_factory=dict)
    """Why it exists, for the timeline: {"alert": identity, …} or {"report": reference}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a step may carry; the table says which fields it must."""

    why: str = ""
    outcome: str = ""
    agency: str = ""
    keeper: str = ""
    level: str = ""
    title: str = ""
    planned_for: date | None = None
    reason: str = ""
    """Of a refusal: a code of the kind's wording, where it has one."""
    target: str = ""
    """Of a redirection: whom it leads to, a code of the same file."""


def _next_ref(in_world: World, at: datetime) -> str:
    month = timezone.localtime(at).strftime("%y%m")
    counter, _ = IncidentCounter.objects.select_for_update().get_or_create(world=in_world.pk, month=month)
    counter.last += 1
    counter.save(update_fields=["last"])
    return f"SV-{month}-{counter.last:04d}"


@transaction.atomic
def open_incident(opening: Opening, actor: Actor = SYSTEM, in_world: World | None = None) -> Incident:
    """A new incident in `received`, its receive clock running. `in_world`: the opening's, where it is at hand."""
    in_world = in_world or world(opening.world)
    at = opening.at or in_world.now()
    incident = Incident(
        world=in_world.pk,
        ref=_next_ref(in_world, at),
        kind=opening.kind,
        service=opening.service,
        title=opening.title[:200],
        origin=opening.origin,
        category=opening.category,
        level=opening.level,
        rank=opening.rank,
        lon=opening.lon,
        lat=opening.lat,
        ward=opening.ward,
        near_border=opening.near_border,
        place=opening.place[:200] or _ward_name(opening.ward),
        received_at=at,
    )
    clocks.start(incident)
    incident.save()
    _write(incident, actor, "receive", "", at, {"because": opening.because})
    return incident


def _ward_name(code: str) -> str:
    found = Ward.objects.filter(code=code, valid_to=None).values_list("name_vi", flat=True).first() if code else None
    return found or ""


def _write(incident: Incident, actor: Actor, step: str, before: str, at: datetime, more: dict[str, Any]) -> None:
    """The audit row and the change, in the transaction of the step."""
    body = {
        "at": at.isoformat(timespec="microseconds"),
        "who": actor.name,
        "role": actor.role,
        "step": step,
        "from": before,
        "to": incident.state,
        "level": incident.level,
        "agency": incident.agency.code if incident.agency else "",
        "receive_due": incident.receive_due.isoformat() if incident.receive_due else None,
        "handle_due": incident.handle_due.isoformat() if incident.handle_due else None,
        **{key: value for key, value in more.items() if value not in ("", None, {}, [])},
    }
    audit.record(incident.stream, body)
    tell(incident, step, actor.name)


def tell(incident: Incident, step: str, by: str) -> None:
    """Announce the incident as it stands now: to services, to pages and programmes, and to the people whom it concerns."""
    change = changes.announce(
        incident.world,
        "incident",
        incident.ref,
        agency=incident.agency.code if incident.agency else "",
        step=step,
        state=incident.state,
        rank=incident.rank,
        ward=incident.ward,
        due=incident.due_at.isoformat() if incident.due_at else None,
        version=incident.version,
        by=by,
    )
    stepped(incident, step)
    rules.happened(incident, step, by)
    fan_out.incident_changed(incident, step, by, change.pk)


def get(world_id: str, ref: str) -> Incident:
    try:
        return Incident.objects.select_related("agency", "unit", "keeper", "parent").get(world=world_id, ref=ref)
    except Incident.DoesNotExist as missing:
        raise NotFound(f"There is no incident {ref!r} in world {world_id!r}.") from missing


Effect = Callable[[Incident, Details, datetime], dict[str, Any]]


def _verify(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    incident.verified_at = at
    clocks.begin_handling(incident, at)
    return {}


def _refuse(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    if details.outcome not in REFUSING:
        raise BadInput(f"A refusal carries one of the outcomes {', '.join(REFUSING)}.", pointer="/outcome")
    _worded(incident, details, refusing=True)
    incident.outcome, incident.closed_at = details.outcome, at
    chosen = wording.of(incident.kind) is not None
    redirected = chosen and details.outcome == Outcome.REDIRECTED
    return {
        "outcome": details.outcome,
        "reason": details.reason if chosen else "",
        "target": details.target if redirected else "",
    }


def _worded(incident: Incident, details: Details, *, refusing: bool) -> None:
    wording.check(
        incident.kind,
        why=details.why,
        outcome=details.outcome,
        reason=details.reason,
        target=details.target,
        refusing=refusing,
    )


def _merge(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    keeper = get(incident.world, details.keeper)
    if keeper.pk == incident.pk or keeper.state in (State.MERGED, State.REFUSED):
        raise BadInput("Merge into another incident that is neither merged nor refused itself.", pointer="/keeper")
    if Incident.objects.filter(keeper=incident).exists():
        raise Conflict("Other incidents were merged into this one; merge them into the keeper first.")
    incident.keeper, incident.closed_at = keeper, at
    audit.record(keeper.stream, {"at": at.isoformat(), "step": "keeps", "merged": incident.ref})
    return {"keeper": keeper.ref}


def _assign(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    incident.agency = directory.agency(details.agency, at.date())
    incident.unit = None
    incident.assigned_at = at
    return {}


def _return(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    returned_by = incident.agency.code if incident.agency else ""
    incident.agency, incident.unit, incident.started_at = None, None, None
    return {"returned_by": returned_by}


def _transfer(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    """From one agency straight to another. What was returned to the desk is the desk's to assign."""
    if incident.agency is None:
        raise StepNotPossible("It was returned to the desk: assign it to an agency.")
    before, to = incident.agency.code, directory.agency(details.agency, at.date())
    if to.code == before:
        raise BadInput("It is in the hands of that agency already; name another.", pointer="/agency")
    incident.agency, incident.unit, incident.started_at, incident.assigned_at = to, None, None, at
    return {"agency_before": before}


def _start(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    if incident.agency is None:
        raise StepNotPossible("It was returned to the desk: assign it to an agency first.")
    incident.started_at = at
    return {}


def _pause(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    clocks.pause(incident, at)
    return {}


def _resume(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    clocks.resume(incident, at)
    return {}


def _resolve(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    if details.outcome not in RESOLVING:
        raise BadInput(f"A result carries one of the outcomes {', '.join(RESOLVING)}.", pointer="/outcome")
    if details.outcome == "planned" and details.planned_for is None:
        raise BadInput("“Planned” needs the date it is planned for.", pointer="/planned_for")
    _worded(incident, details, refusing=False)
    proof.check(incident, details.outcome)
    if incident.paused_at is not None:
        clocks.resume(incident, at)
    incident.outcome, incident.planned_for, incident.resolved_at = details.outcome, details.planned_for, at
    files = list(incident.evidence.values_list("sha256", flat=True))
    return {"outcome": details.outcome, "planned_for": details.planned_for, "evidence": files}


def _close(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    incident.closed_at = at
    return {}


def _reopen(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    ends = clocks.objection_ends(incident)
    if incident.state == State.CLOSED and (ends is None or at > ends):
        raise StepNotPossible("The time to object has ended; open a new incident that names this one.")
    was = incident.outcome
    if incident.resolved_at and incident.handle_due and incident.resolved_at > incident.handle_due:
        incident.late_before += 1
    if (
        incident.agency is not None
    ):  # its name may have changed since; one that is no more gives the work back to the desk
        incident.agency = directory.successor(incident.agency)
    incident.outcome, incident.planned_for = "", None
    incident.resolved_at = incident.closed_at = incident.started_at = None
    incident.reopened += 1
    clocks.begin_handling(incident, at)
    return {"withdrawn": was}


def _level(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    clocks.level(details.level)
    before, incident.level = incident.level, details.level
    clocks.relevel(incident, before, at)
    return {"level_before": before}


def _split(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    """The part starts verified, received when the whole was: splitting must not win time."""
    part = Incident.objects.get(pk=incident.pk)
    part.pk, part.parent = None, incident
    part._state.adding = True
    part.ref, part.title, part.version = _next_ref(world(incident.world), at), details.title[:200], 1
    part.state, part.agency, part.unit = State.VERIFIED, None, None
    part.assigned_at = part.started_at = part.paused_at = None
    clocks.show(part)
    part.save()
    _write(part, SYSTEM, "receive", "", at, {"because": {"split_from": incident.ref}})
    return {"part": part.ref}


def _nothing(incident: Incident, details: Details, at: datetime) -> dict[str, Any]:
    return {}


EFFECTS: dict[str, Effect] = {
    Step.VERIFY: _verify,
    Step.REFUSE: _refuse,
    Step.MERGE: _merge,
    Step.SPLIT: _split,
    Step.ASSIGN: _assign,
    Step.RETURN: _return,
    Step.TRANSFER: _transfer,
    Step.START: _start,
    Step.PAUSE: _pause,
    Step.RESUME: _resume,
    Step.RESOLVE: _resolve,
    Step.CLOSE: _close,
    Step.REOPEN: _reopen,
    Step.LEVEL: _level,
    Step.NOTE: _nothing,
}


@transaction.atomic
def take(
    world_id: str,
    ref: str,
    step: str,
    actor: Actor,
    details: Details | None = None,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> Incident:
    """Make one step. Raises NotFound, NotAllowed, StepNotPossible, Conflict (another `version`), BadInput (a field is missing)."""
    details = details or Details()
    Incident.objects.select_for_update().filter(world=world_id, ref=ref).first()
    incident = get(world_id, ref)
    if not policy.may_see(actor, incident) and actor.role not in ("system", "reporter"):
        raise NotFound(f"There is no incident {ref!r} in world {world_id!r}.")
    if version is not None and version != incident.version:
        raise Conflict(
            f"The incident is at version {incident.version}, not {version}: reload and look again.",
            state=incident.state,
        )
    rule = find(incident.state, step)
    if rule is None:
        raise StepNotPossible(f"From {incident.state!r} there is no step {step!r}.", state=incident.state)
    verdict = policy.may_step(actor, incident, step)
    if not verdict:
        raise NotAllowed(verdict.reason)
    for needed in sorted(rule.needs):
        if getattr(details, needed) in ("", None):
            raise BadInput(f"The step {step!r} needs {needed!r}.", pointer=f"/{needed}")
    at = at or world(world_id).now()
    before = incident.state
    more = EFFECTS[step](incident, details, at)
    if rule.to is not None:
        incident.state = rule.to
    clocks.show(incident)
    incident.version += 1
    incident.save()
    if details.why:
        more["why"] = audit.note(incident.stream, details.why)
    _write(incident, actor, step, before, at, more)
    return incident


@transaction.atomic
def hand_over(incident: Incident, to: Agency, by: str) -> None:
    """Its agency was merged into another, which goes on with it: no step, and yet everybody concerned is to know."""
    before = incident.agency.code if incident.agency else ""
    incident.agency, incident.unit = to, None
    incident.version += 1
    incident.save()
    at = world(incident.world).now()
    _write(incident, Actor(by, "administrator"), "handed_over", incident.state, at, {"agency_before": before})


def close_silent(world_id: str, at: datetime, limit: int = 200) -> int:
    """Close what was resolved and to which nobody objected in time. A supervisor closes what an alert opened, or whose level is no more."""
    closed = 0
    resolved = Incident.objects.filter(world=world_id, state=State.RESOLVED, level__in=list(levels()))
    waiting = resolved.exclude(origin="alert").order_by("resolved_at")
    for incident in waiting[:limit]:
        ends = clocks.objection_ends(incident)
        if ends is not None and at > ends:
            take(world_id, incident.ref, Step.CLOSE, SYSTEM, at=at)
            closed += 1
    return closed


def fate(incident: Incident) -> Incident:
    """A merged incident follows its keeper: this is the one whose state counts for it."""
    seen = {incident.pk}
    while incident.state == State.MERGED and incident.keeper is not None and incident.keeper.pk not in seen:
        incident = incident.keeper
        seen.add(incident.pk)
    return incident


__all__ = ["ENDED", "OPEN", "Details", "Opening", "close_silent", "fate", "get", "open_incident", "take", "tell"]

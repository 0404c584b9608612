"""Changes to the rules that practice suggests, counted from what the desk assigned; an administrator accepts or dismisses each.

Nothing changes by itself: what is counted is where incidents of a category in a ward ended, against what the rule names today.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import Conflict, NotAllowed, NotFound
from vonglau.core.incidents.models import Incident
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.routing.models import RoutingDecision
from vonglau.core.routing.rules import Rules, in_force
from vonglau.core.worlds import World

LOOKED_BACK = timedelta(days=180)
LEAST, SHARE = 10, 0.6
"""A suggestion rests on at least so many assigned incidents, of which at least this share went to one other agency."""
AGAIN = 2
"""Dismissed, it comes back when it rests on so many times as many."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`counted` of `total` incidents of a category in a ward went to `agency`, while the rule names `usual` ("": nobody)."""

    category: str
    ward: str
    usual: str
    agency: str
    counted: int
    total: int


def stream(world: str) -> str:
    """The audit stream of a world's routing."""
    return f"routing/{world}"


def suggestions(world: World, now: datetime) -> list[Suggestion]:
    """The best founded first."""
    rules = Rules(world.pk, timezone.localdate(now))
    rested: dict[tuple[str, str, str], int] = {}
    for told in RoutingDecision.objects.filter(world=world.pk, accepted=False).order_by("at", "id"):
        rested[told.category, told.ward, told.agency] = told.total
    found = []
    for (category, ward), counts in _held(world, now).items():
        agency, counted = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
        total = sum(counts.values())
        enough = total >= LEAST and counted >= SHARE * total
        if not enough or agency not in rules.there or agency == rules.usual(category, ward):
            continue
        if total < AGAIN * rested.get((category, ward, agency), 0):
            continue
        found.append(Suggestion(category, ward, rules.usual(category, ward), agency, counted, total))
    return sorted(found, key=lambda one: (-one.counted, one.category, one.ward))


def _held(world: World, now: datetime) -> dict[tuple[str, str], dict[str, int]]:
    """(category, ward) → agency → how many it was given last, of what was assigned lately. What was merged counts with its keeper."""
    rows = (
        Incident.objects.filter(world=world.pk, assigned_at__gte=now - LOOKED_BACK, agency__isnull=False)
        .exclude(category="")
        .exclude(ward="")
        .values("category", "ward", code=F("agency__code"))
        .annotate(held=Count("pk"))
        .order_by()
    )
    held: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        held.setdefault((row["category"], row["ward"]), {})[row["code"]] = row["held"]
    return held


@transaction.atomic
def decide(world: World, category: str, ward: str, agency: str, actor: Actor, *, accept: bool) -> RoutingDecision:
    """Accept or dismiss a suggestion as it stands now. Raises NotAllowed, Conflict when it does not stand any more."""
    if not policy.may_administer(actor):
        raise NotAllowed("Routing is decided by administrators.")
    now = world.now()
    asked = (category, ward, agency)
    found = next((one for one in suggestions(world, now) if (one.category, one.ward, one.agency) == asked), None)
    if found is None:
        raise Conflict("This suggestion does not stand any more: look at the list again.")
    today = timezone.localdate(now)
    if accept:
        _end(world.pk, category, ward, now)
    made = RoutingDecision.objects.create(
        world=world.pk, category=category, ward=ward, agency=agency, accepted=accept, counted=found.counted,
        total=found.total, by=actor.name, at=now, valid_from=today,
    )  # fmt: skip
    _tell(made, actor, "accept" if accept else "dismiss", now, {"usual": found.usual})
    return made


@transaction.atomic
def withdraw(world: World, number: int, actor: Actor) -> RoutingDecision:
    """End an accepted rule from today on: what the facts say holds again. Raises NotAllowed, NotFound."""
    if not policy.may_administer(actor):
        raise NotAllowed("Routing is decided by administrators.")
    now = world.now()
    rule = next((one for one in in_force(world.pk, timezone.localdate(now)) if one.pk == number), None)
    if rule is None:
        raise NotFound("There is no such rule in force.")
    _end(world.pk, rule.category, rule.ward, now)
    _tell(rule, actor, "withdraw", now, {})
    return rule


def _end(world: str, category: str, ward: str, now: datetime) -> None:
    standing = RoutingDecision.objects.filter(world=world, category=category, ward=ward, accepted=True, valid_to=None)
    standing.update(valid_to=timezone.localdate(now))


def _tell(rule: RoutingDecision, actor: Actor, step: str, now: datetime, more: dict[str, str]) -> None:
    body = {
        "at": now.isoformat(timespec="microseconds"), "who": actor.name, "role": actor.role, "step": step,
        "category": rule.category, "ward": rule.ward, "agency": rule.agency, "counted": rule.counted,
        "total": rule.total, **more,
    }  # fmt: skip
    audit.record(stream(rule.world), body)

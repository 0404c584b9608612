"""The rule: category × ward × day → agency. An accepted decision, else the category's agency, else the ward's People's Committee."""

from datetime import date

from django.db.models import Q

from vonglau.core.facts import WARD_AGENCY, categories
from vonglau.core.people import directory
from vonglau.core.routing.models import RoutingDecision


def usual(world: str, category: str, ward: str, on: date) -> str:
    """Code of who usually handles it, "" when nobody is named or who is named does not exist on that day. Told to people, who decide."""
    return Rules(world, on).usual(category, ward)


class Rules:
    """The rules of one day, read once for many questions."""

    def __init__(self, world: str, on: date) -> None:
        existing = list(directory.agencies(on))
        self.there = {agency.code for agency in existing}
        self.at_home = {ward: agency.code for agency in existing if agency.kind == "ward" for ward in agency.wards}
        self.decided = {(rule.category, rule.ward): rule.agency for rule in in_force(world, on)}

    def usual(self, category: str, ward: str) -> str:
        decided = self.decided.get((category, ward))
        if decided in self.there:
            return decided
        fact = categories().get(category)
        if fact is None:
            return ""
        if fact.agency == WARD_AGENCY:
            return self.at_home.get(ward, "")
        return fact.agency if fact.agency in self.there else ""


def in_force(world: str, on: date) -> list[RoutingDecision]:
    """Accepted decisions that hold on a day; of several for one place the latest comes last."""
    valid = Q(valid_from__lte=on) & (Q(valid_to=None) | Q(valid_to__gt=on))
    return list(RoutingDecision.objects.filter(valid, world=world, accepted=True).order_by("at", "id"))

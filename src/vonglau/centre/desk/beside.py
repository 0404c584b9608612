"""What an incident may double, as its service proposes it, next to the incident itself: one key merges it into one of them."""

from dataclasses import dataclass

from vonglau.centre.desk.pictures import Picture, pictures_of
from vonglau.centre.names import readable
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import Step
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.seams import Alike, services


@dataclass(frozen=True, slots=True)
class Other:
    """One candidate, ready to show."""

    key: int
    """The digit that merges into it."""
    incident: Incident
    alike: Alike
    photos: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    words: str
    photos: tuple[Picture, ...]
    others: tuple[Other, ...]


def panel(actor: Actor, incident: Incident) -> Panel | None:
    """None for whoever may not merge it, and where the service proposes nothing."""
    if not policy.may_step(actor, incident, Step.MERGE):
        return None
    service = next((one for one in services() if one.name == incident.service), None)
    found = service.beside(incident) if service is not None and service.beside is not None else None
    if found is None:
        return None
    rows = Incident.objects.filter(world=incident.world, ref__in=[one.ref for one in found.alike])
    known = {row.ref: row for row in readable(rows.select_related("agency"))}
    shown = [(known[one.ref], one) for one in found.alike if one.ref in known]
    return Panel(
        words=found.words,
        photos=_two(actor, incident),
        others=tuple(Other(key, other, alike, _two(actor, other)) for key, (other, alike) in enumerate(shown, 1)),
    )


def _two(actor: Actor, incident: Incident) -> tuple[Picture, ...]:
    """The first two photos of an incident, as this actor may see them."""
    return tuple(pictures_of(actor, incident).shown(incident.evidence.filter(erased_at=None))[:2])

"""Which pictures of an incident its page may show to whoever looks: its service may cover some until they are asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.urls import reverse

from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.policy import Actor
from vonglau.core.seams import services


@dataclass(frozen=True, slots=True)
class Picture:
    """One that may be shown: the file, and where it and its small copy are."""

    evidence: Evidence
    href: str
    src: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of one incident for one actor. `covered` as the seam `Service.pictures` gives it."""

    ref: str
    covered: Mapping[int, str | None]

    def serves(self, evidence: Evidence) -> bool:
        """Whether the file itself may be sent."""
        return self.covered.get(evidence.pk) is None

    def shown(self, found: Iterable[Evidence]) -> list[Picture]:
        """Each as it may be seen; those that may not are left out."""
        return [made for one in found if (made := self._one(one)) is not None]

    def own(self, found: Iterable[Evidence]) -> list[Picture]:
        """Those that the service does not show in a panel of its own."""
        return self.shown(one for one in found if one.pk not in self.covered)

    def _one(self, one: Evidence) -> Picture | None:
        instead = self.covered.get(one.pk)
        if instead is None:
            here = [reverse(f"centre:{name}", args=[self.ref, one.pk]) for name in ("photo", "thumbnail")]
            return Picture(one, *here)
        return Picture(one, instead, f"{instead}?small") if instead else None


def pictures_of(actor: Actor, incident: Incident) -> Pictures:
    service = next((one for one in services() if one.name == incident.service), None)
    covered = service.pictures(incident, actor) if service is not None and service.pictures is not None else {}
    return Pictures(incident.ref, covered)

"""What an export with personal data leaves out, because it belongs to other services: said and counted in the manifest, never silent."""

from collections.abc import Mapping

from django.db.models import Q, QuerySet

from vonglau.core.alert_models import Alert
from vonglau.core.incidents.models import Incident
from vonglau.services.field_reports.intake import KIND

LINKS = ("keeper_id", "parent_id")
"""From one incident to another."""
LINKED = "links from an incident to one of another service that is not here: they are empty"
MERGED = "incidents of other services that were merged into one that is here"
ALERTS = "alerts of incidents that are here"
PICTURES = "photos whose files are no longer kept"


def empty_links(incidents: "QuerySet[Incident]") -> Mapping[int, frozenset[str]]:
    """By incident of an export: its links that lead out of it. Only what has to do with another service can have any."""
    strange = ~Q(kind=KIND) | (Q(parent__isnull=False) & ~Q(parent__kind=KIND))
    found = {
        pk: dict(zip(LINKS, ends, strict=True)) for pk, *ends in incidents.filter(strange).values_list("pk", *LINKS)
    }
    wanted = {end for ends in found.values() for end in ends.values() if end is not None}
    lost = wanted - set(incidents.filter(pk__in=wanted).values_list("pk", flat=True))
    return {pk: frozenset(name for name, end in ends.items() if end in lost) for pk, ends in found.items()}


def counted(world: str, incidents: "QuerySet[Incident]", links: Mapping[int, frozenset[str]]) -> dict[str, int]:
    """In words, how many of each; nothing of which there is none."""
    other = list(incidents.exclude(kind=KIND).values_list("pk", flat=True))
    merged = Incident.objects.filter(Q(keeper__kind=KIND) | Q(keeper__in=other), world=world).exclude(kind=KIND)
    found = {
        LINKED: sum(map(len, links.values())),
        MERGED: merged.exclude(pk__in=other).count(),
        ALERTS: Alert.objects.filter(Q(incident__kind=KIND) | Q(incident__in=other), incident__world=world).count(),
    }
    return {words: count for words, count in found.items() if count}

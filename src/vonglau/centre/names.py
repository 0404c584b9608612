"""Names of places, kinds and agencies in the reader's language, fetched once for a page."""

from collections.abc import Iterable
from copy import copy

from vonglau.core import alerts
from vonglau.core.alert_models import Alert
from vonglau.core.errors import BadFile
from vonglau.core.facts import categories
from vonglau.core.incidents.models import Incident
from vonglau.core.places.models import Ward
from vonglau.core.seams import alert_kinds, incident_kinds
from vonglau.kit.wards import language, ward_names, wards_of

__all__ = ["kind_title", "language", "readable", "ward_names", "wards_of"]


def kind_title(code: str) -> str:
    """An incident kind's or an alert kind's title; its code where its service is gone."""
    if known := incident_kinds().get(code):
        return str(known[1].title)
    alert = alert_kinds().get(code)
    return str(alert.title) if alert else code


def readable(incidents: Iterable[Incident]) -> list[Incident]:
    """For showing, in the reader's language (copies, where that is another): titles and places are stored in Vietnamese.

    A title that came from an alert or a category is said anew from it; what a person wrote stays. Never save these.
    """
    if not language().startswith("en"):
        return list(incidents)
    rows = [copy(incident) for incident in incidents]
    opened = Alert.objects.filter(incident__in=[row.pk for row in rows if row.origin == "alert"]).order_by("-onset")
    first = {alert.incident_id: alert for alert in opened}
    wards = {ward.code: ward for ward in Ward.objects.filter(code__in={row.ward for row in rows}).current()}
    for row in rows:
        if row.pk in first:
            row.title = alerts.headline(first[row.pk])
        elif named := _category_title(row):
            row.title = named
        ward = wards.get(row.ward)
        if ward is not None and row.place == ward.name_vi:
            row.place = ward.name_en
    return rows


def _category_title(incident: Incident) -> str:
    """The category's name, where the title is nothing but that name in Vietnamese."""
    try:
        known = categories(incident.service).get(incident.category) if incident.category else None
    except BadFile:
        return ""
    return known.name["en"] if known is not None and known.name["vi"] == incident.title else ""

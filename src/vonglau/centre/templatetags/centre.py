"""The centre's own small words: `{% load centre %}`."""

from collections.abc import Iterable, Mapping

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from vonglau.centre import names
from vonglau.centre.desk import rows
from vonglau.centre.desk.pictures import Picture, Pictures
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.incidents.states import State
from vonglau.core.incidents.timeline import SEVERITIES, told_words
from vonglau.core.people.models import Agency
from vonglau.core.people.names import agency_name as name_of_agency
from vonglau.kit.templatetags.kit import world_now

register = template.Library()

ENTRY_ICONS = {
    "receive": "plus",
    "verify": "verify",
    "refuse": "refuse",
    "merge": "merge",
    "keeps": "merge",
    "split": "split",
    "assign": "assign",
    "return": "undo",
    "transfer": "arrow",
    "start": "play",
    "pause": "pause",
    "resume": "play",
    "resolve": "check",
    "close": "lock",
    "reopen": "reopen",
    "level": "clock",
    "note": "note",
    "joins": "sensor",
    "worsens": "warning",
    "ends": "sensor",
    "evidence": "photo",
    "load": "download",
    "escalate": "alert",
    "hide": "lock",
    "unhide": "eye",
    "look": "eye",
    "mask": "shield",
    "photo": "shield",
    "comment": "note",
}


@register.simple_tag(takes_context=True)
def incident_lines(
    context: Context, incidents: Iterable[Incident], steps_of: Mapping[int, str] | None = None, pick_words: str = ""
) -> SafeString:
    """The lines of a list: `{% incident_lines rows %}`; with `steps_of` they can be picked."""
    return rows.lines(incidents, world_now(context), steps_of or {}, pick_words)


@register.filter
def severity_of(rank: int) -> str:
    """CAP's word for a rank."""
    return SEVERITIES[rank] if 0 <= rank < len(SEVERITIES) else SEVERITIES[0]


@register.filter
def agency_name(agency: Agency | None) -> str:
    return name_of_agency(agency)


@register.filter
def told(whom: Iterable[str]) -> str:
    """Whom an escalation tells, in words."""
    return told_words(whom)


@register.filter
def kind_title(code: str) -> str:
    return names.kind_title(code)


@register.filter
def entry_icon(step: str) -> str:
    return ENTRY_ICONS.get(step, "more")


@register.filter
def waits_for_agency(incident: object) -> bool:
    """Returned to the desk: assigned by its state, in nobody's hands."""
    return getattr(incident, "state", "") == State.ASSIGNED and getattr(incident, "agency_id", None) is None


@register.filter
def degrees(value: float | None) -> str:
    """Coordinates as machines and map programs take them: a point, five decimals (about a metre)."""
    return "" if value is None else f"{value:.5f}"


@register.filter
def seen_as(photos: Iterable[Evidence], pictures: Pictures) -> list[Picture]:
    """Photos of an entry as this reader may see them."""
    return pictures.shown(photos)

"""Moments, distances, levels and reasons of joining as people say them, in the reader's language."""

from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, ngettext

from vonglau.core.errors import BadFile
from vonglau.core.levels import levels


def clock_words(moment: datetime | None) -> str:
    """14:30 12/10 – the year only where it isn't this moment's."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{local:%H:%M} {local.day}/{local.month}/{local.year}"


def day_words(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day}/{day.month}/{day.year}"


def distance_words(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 1000 else f"{number_format(round(metres / 1000, 1), 1)} km"


def join_words(joined: dict[str, Any] | None) -> str:
    """Why an alert joined this incident: how near it was in space and time, or what both belong to."""
    if not joined or joined.get("by") not in ("near", "same"):
        return ""
    minutes = round(float(joined.get("seconds", 0)) / 60)
    if joined["by"] == "same":
        named = {"what": joined.get("what", ""), "minutes": minutes}
        if minutes < 1:
            return gettext("vì cùng %(what)s, cùng lúc") % named
        alike = ngettext("vì cùng %(what)s, cách %(minutes)s phút", "vì cùng %(what)s, cách %(minutes)s phút", minutes)
        return alike % named
    if minutes < 1:
        return gettext("vì cách %(distance)s, cùng lúc") % {"distance": distance_words(float(joined.get("metres", 0)))}
    return ngettext("vì cách %(distance)s và %(minutes)s phút", "vì cách %(distance)s và %(minutes)s phút", minutes) % {
        "distance": distance_words(float(joined.get("metres", 0))),
        "minutes": minutes,
    }


def level_name(code: str) -> str:
    """The level's name in the reader's language; its code where the facts no longer know it."""
    try:
        level = levels().get(code)
    except BadFile:
        level = None
    return level.name[get_language() or "vi"] if level else code

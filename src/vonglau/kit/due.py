"""Deadlines and moments as people say them. The browser says the same words (frontend/src/lib/words.ts), from the same
table of examples (tests/words.json), so that a page does not change its wording when its script starts."""

from datetime import datetime, timedelta
from functools import lru_cache

from django.utils import timezone
from django.utils.translation import get_language, gettext

SOON = timedelta(minutes=30)
"""From here on a deadline is shown as near."""


def span(length: timedelta) -> str:
    """The two largest units: 2 ngày 3 giờ, 1 giờ 20 phút, 25 phút. Under a minute has words of its own."""
    return _span(int(abs(length).total_seconds()) // 60, get_language())


@lru_cache(maxsize=4096)
def _span(minutes: int, _language: str | None) -> str:
    """Made once for each language: a list shows the same lengths again and again."""
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        pair = [_days(days), _hours(hours) if hours else ""]
    elif hours:
        pair = [_hours(hours), _minutes(rest) if rest else ""]
    else:
        pair = [_minutes(rest) if rest else gettext("dưới 1 phút")]
    return " ".join(part for part in pair if part)


def due_words(due: datetime, now: datetime) -> str:
    left = due - now
    if left < timedelta(0):
        return gettext("quá hạn %(span)s") % {"span": span(left)}
    return gettext("còn %(span)s") % {"span": span(left)}


def due_state(due: datetime, now: datetime) -> str:
    """`over`, `soon` or `ahead`: what the style hangs on."""
    left = due - now
    if left < timedelta(0):
        return "over"
    return "soon" if left <= SOON else "ahead"


def met_words(due: datetime, met: datetime) -> str:
    """When the deadline was met, or by how much it was missed."""
    if met <= due:
        return gettext("đúng hạn")
    return gettext("trễ %(span)s") % {"span": span(met - due)}


def ago_words(moment: datetime, now: datetime) -> str:
    """vừa xong · 5 phút trước · 14:05 · hôm qua 14:05 · 12/10 14:05 · 12/10/2025."""
    passed = now - moment
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    if timedelta(0) <= passed < timedelta(minutes=1):
        return gettext("vừa xong")
    if timedelta(0) <= passed < timedelta(hours=1):
        return gettext("%(span)s trước") % {"span": span(passed)}
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return clock
    if local.date() == today - timedelta(days=1):
        return gettext("hôm qua %(clock)s") % {"clock": clock}
    if local.year == today.year:
        return f"{local.day}/{local.month} {clock}"
    return f"{local.day}/{local.month}/{local.year}"


def at_words(moment: datetime, now: datetime) -> str:
    """08:50 today, 11:25 13/10 on another day of this year, 11:25 13/10/2025 beyond it."""
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    year = "" if local.year == today.year else f"/{local.year}"
    return f"{local:%H:%M} {local.day}/{local.month}{year}"


def exact(moment: datetime) -> str:
    """The exact local time for a hover or a print: 14:05:09 12/10/2026."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M:%S} {local.day}/{local.month}/{local.year}"


def _days(n: int) -> str:
    return gettext("%(n)s ngày") % {"n": n}


def _hours(n: int) -> str:
    return gettext("%(n)s giờ") % {"n": n}


def _minutes(n: int) -> str:
    return gettext("%(n)s phút") % {"n": n}

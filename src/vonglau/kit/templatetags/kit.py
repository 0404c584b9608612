"""The components' template tags: `{% load kit %}`. README.md of this room shows each with an example."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField
from django.forms.widgets import CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy

from vonglau.core.detection import Severity
from vonglau.core.incidents.states import STATE_NAMES
from vonglau.kit import due as words
from vonglau.kit import vite

register = template.Library()

SEVERITY_NAMES = {
    Severity.EXTREME: gettext_lazy("Đặc biệt nghiêm trọng"),
    Severity.SEVERE: gettext_lazy("Nghiêm trọng"),
    Severity.MODERATE: gettext_lazy("Trung bình"),
    Severity.MINOR: gettext_lazy("Nhẹ"),
    Severity.UNKNOWN: gettext_lazy("Chưa rõ"),
}


@register.simple_tag
def asset(name: str) -> SafeString:
    """Style, font preloads, module preloads and script of a built entry: `{% asset "app" %}` in the head."""
    built = vite.entry(name)
    parts = (
        ('<link rel="stylesheet" href="{}">', built.styles),
        ('<link rel="preload" as="font" type="font/woff2" href="{}" crossorigin>', built.fonts),
        ('<link rel="modulepreload" href="{}">', built.preloads),
        ('<script type="module" src="{}"></script>', (built.script,)),
    )
    tags = (format_html_join("\n", markup, ((url,) for url in urls)) for markup, urls in parts)
    return format_html_join("\n", "{}", ((tag,) for tag in tags if tag))


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """A drawing from the sprite. Decorative unless it has a label."""
    access = format_html('role="img" aria-label="{}"', label) if label else format_html('aria-hidden="{}"', "true")
    css_class = f"icon {css}".strip()
    return format_html('<svg class="{}" {}><use href="#i-{}"></use></svg>', css_class, access, name)


@register.simple_tag
def severity(value: str, mark_only: bool = False, chip: bool = False) -> SafeString:
    """A CAP severity as colour, shape and word; with `mark_only` the word is for readers and hover only."""
    known = Severity(value) if value in set(Severity) else Severity.UNKNOWN
    return _severity(known, mark_only, chip, get_language())


@lru_cache(maxsize=64)
def _severity(known: Severity, mark_only: bool, chip: bool, _language: str | None) -> SafeString:
    """Made once for each language: a list shows the same few in every row."""
    word = SEVERITY_NAMES[known]
    extra = " mark-only" if mark_only else (" chip" if chip else "")
    hover = format_html(' title="{}"', word) if mark_only else ""
    return format_html(
        '<span class="sev{}" data-sev="{}"{}>'
        '<svg aria-hidden="true"><use href="#sev-{}"></use></svg><span>{}</span></span>',
        extra,
        known.value,
        hover,
        known.value.lower(),
        word,
    )


@register.simple_tag
def state(value: str) -> SafeString:
    """An incident's state: a filling circle and its name."""
    return _state(str(value), get_language())


@lru_cache(maxsize=128)
def _state(value: str, _language: str | None) -> SafeString:
    return format_html(
        '<span class="state" data-state="{0}"><svg aria-hidden="true"><use href="#st-{0}"></use></svg>{1}</span>',
        value,
        STATE_NAMES.get(value, value),
    )


def world_now(context: Context) -> datetime:
    """The clock of the page's world; the wall where a fragment carries no shell."""
    shell = context.get("shell")
    moment = shell["world"]["now"] if shell else timezone.now()
    return moment if isinstance(moment, datetime) else timezone.now()


@register.simple_tag(takes_context=True)
def due(context: Context, moment: datetime | None, met: datetime | None = None, paused: bool = False) -> SafeString:
    """How long is left, in words that the browser keeps right; the exact time on hover."""
    return due_mark(moment, world_now(context), met=met, paused=bool(paused))


def due_mark(
    moment: datetime | None, now: datetime, *, met: datetime | None = None, paused: bool = False
) -> SafeString:
    """The same for who makes a list without a template."""
    if moment is None or paused:
        label = gettext("tạm dừng") if paused else gettext("không có hạn")
        return format_html('<span class="due" data-due-state="paused">{}</span>', label)
    if met is not None:
        return format_html(
            '<time class="due" data-due-state="{}" datetime="{}" title="{}">{}</time>',
            "met" if met <= moment else "over",
            met.isoformat(),
            words.exact(met),
            words.met_words(moment, met),
        )
    return format_html(
        '<time class="due" data-due data-due-state="{}" datetime="{}" title="{}">{}</time>',
        words.due_state(moment, now),
        moment.isoformat(),
        words.exact(moment),
        words.due_words(moment, now),
    )


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: datetime | None) -> SafeString:
    """When something happened, as people say it; the exact time on hover."""
    return ago_mark(moment, world_now(context))


def ago_mark(moment: datetime | None, now: datetime) -> SafeString:
    if moment is None:
        return format_html('<span class="faint">{}</span>', "–")
    return format_html(
        '<time data-ago datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        words.exact(moment),
        words.ago_words(moment, now),
    )


@register.simple_tag(takes_context=True)
def at(context: Context, moment: datetime | None) -> SafeString:
    """A moment by the clock, with its day when that is another one: 08:50, 11:25 13/10."""
    if moment is None:
        return format_html('<span class="faint">{}</span>', "–")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        words.exact(moment),
        words.at_words(moment, world_now(context)),
    )


@register.inclusion_tag("kit/clock.html", takes_context=True)
def clock(
    context: Context,
    title: str,
    start: datetime,
    due: datetime | None,
    *,
    met: datetime | None = None,
    paused: bool = False,
) -> dict[str, Any]:
    """One of the two clocks: words, and a bar of the time between start and deadline that has passed."""
    now = world_now(context)
    until = met or now
    whole = (due - start) if due else timedelta(0)
    share = (until - start) / whole if whole > timedelta(0) else 1.0
    return {
        "shell": context.get("shell"),
        "title": title,
        "start": start,
        "due": due,
        "met": met,
        "paused": paused,
        "percent": max(0, min(100, round(share * 100))),
        "running": due is not None and met is None and not paused,
    }


def number(value: float | int | None, decimals: int | None = None) -> str:
    """1.234,5 in Vietnamese, 1,234.5 in English. (Django's own vi format has no grouping.)"""
    if value is None:
        return "–"
    if isinstance(value, int) or (decimals is None and float(value).is_integer()):
        text = f"{value:,.{decimals or 0}f}"
    else:
        text = f"{value:,.{decimals}f}" if decimals is not None else f"{value:,}"
    if (get_language() or "vi").startswith("en"):
        return text
    return text.translate(str.maketrans(",.", ".,"))


register.filter("number", number)


@register.filter
def unlocalize_number(value: float | int) -> str:
    """A number for a script, whatever the page's language."""
    return f"{value:g}" if isinstance(value, float) else str(value)


@register.filter
def initials(name: str) -> str:
    """NT for Nguyễn Văn Thành: first and last word, as people call each other here."""
    parts = name.split()
    return "".join(part[0] for part in (parts if len(parts) < 2 else [parts[0], parts[-1]])).upper()


@register.inclusion_tag("kit/figure.html")
def figure(
    name: str,
    value: float | int | str | None,
    *,
    unit: str = "",
    numerator: int | None = None,
    denominator: int | None = None,
    made: str = "",
    href: str = "",
    bad: bool = False,
    decimals: int | None = None,
    trend: str = "",
) -> dict[str, Any]:
    """A published figure: value large, what it is made of small, the whole a link to definition and rows.

    Without numerator and denominator, `made` says where it comes from. `trend` is the address of a sparkline's JSON.
    """
    shown = value if isinstance(value, str) else number(value, decimals)
    if not made and numerator is not None and denominator is not None:
        made = gettext("%(numerator)s trên %(denominator)s") % {
            "numerator": number(numerator),
            "denominator": number(denominator),
        }
    return {
        "name": name,
        "value": shown,
        "none": value is None,
        "unit": unit if value is not None else "",
        "made": made,
        "href": href,
        "bad": bad,
        "trend": trend,
    }


@register.inclusion_tag("kit/field.html")
def field(bound: BoundField, optional: bool | None = None) -> dict[str, Any]:
    """Label, control, help and errors of one form field, tied together for readers."""
    widget = bound.field.widget
    group = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    described = [f"{bound.auto_id}_help"] if bound.help_text else []
    if bound.errors:
        described.append(f"{bound.auto_id}_errors")
    attributes: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described and not group else {}
    if bound.errors and not group:
        attributes["aria-invalid"] = "true"
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attributes) if not group else "",
        "group": group,
        "checkbox": isinstance(widget, CheckboxInput),
        "optional": not bound.field.required if optional is None else optional,
    }

"""The lines of a list of incidents, made without a template: fifty of them would take most of a page's time there.

What a person or a file gave is escaped here by hand: every value of an incident that is a text.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from html import escape
from urllib.parse import quote

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.core.incidents.timeline import SEVERITIES
from vonglau.core.people.names import agency_name
from vonglau.kit.templatetags import kit


def lines(incidents: Iterable[Incident], now: datetime, steps_of: Mapping[int, str], pick_words: str) -> SafeString:
    """`steps_of`: by incident what may be done to it with others, where the list lets them be picked; empty where it does not."""
    desk, pick_words = reverse("centre:desk"), escape(pick_words)
    severity, state = cache(_severity), cache(kit.state)
    agency = cache(lambda one: escape(agency_name(one)) or "–")
    returned = f'<span class="tag warn">{escape(gettext("Bị trả lại"))}</span>'
    made = []
    for one in incidents:
        ref = escape(one.ref)
        overdue = " is-overdue" if one.is_open and one.due_at and one.due_at < now else ""
        done = " is-done" if one.closed_at else ""
        link = f'<a class="row-title" href="{desk}{quote(one.ref)}/">{escape(one.title)}</a>'
        steps, pick = _pick(one, ref, steps_of, pick_words) if steps_of else ("", "")
        waits = one.state == State.ASSIGNED and one.agency_id is None
        made.append(
            f"""<li class="row{overdue}{done}" id="incident-{ref}" data-row="{ref}"{steps}>
  {pick}{severity(one.rank)}
  <span class="row-ref">{ref}</span>
  <span class="row-main">{link}<span class="row-place">{escape(one.place)}</span></span>
  {state(one.state)}
  <span class="row-agency">{returned if waits else agency(one.agency)}</span>
  {_due(one, now)}
</li>"""
        )
    return SafeString("".join(made))


def _pick(one: Incident, ref: str, steps_of: Mapping[int, str], words: str) -> tuple[str, str]:
    box = (
        f'<label class="pick"><input type="checkbox" name="pick" form="several" value="{ref}:{one.version}"'
        f' aria-label="{words} {ref}" data-key="x" data-key-title="{words}" autocomplete="off"></label>'
    )
    return f' data-steps="{escape(steps_of.get(one.pk, ""))}"', box


def _severity(rank: int) -> SafeString:
    return kit.severity(SEVERITIES[rank] if 0 <= rank < len(SEVERITIES) else SEVERITIES[0], mark_only=True)


def _due(one: Incident, now: datetime) -> str:
    if one.is_open:
        told = ""
        if one.escalated and one.due_at and one.due_at > now:
            words = escape(gettext("Đã báo khi thời hạn trôi qua chừng ấy"))
            told = f'<span class="tag warn" title="{words}">{one.escalated} %</span> '
        return f'<span class="row-due">{told}{kit.due_mark(one.due_at, now, paused=one.paused_at is not None)}</span>'
    if one.resolved_at and one.handle_due:
        return kit.due_mark(one.handle_due, now, met=one.resolved_at)
    return f'<span class="row-due faint">{kit.ago_mark(one.closed_at, now)}</span>'

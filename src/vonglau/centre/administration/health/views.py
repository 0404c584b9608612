"""The health page: for administrators and supervisors in full, for leaders in short."""

from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext, ngettext

from vonglau.centre.access import Request, is_fragment, page
from vonglau.centre.administration.health import lines
from vonglau.centre.administration.health.lines import Level, Section
from vonglau.centre.administration.health.seen import Process, look
from vonglau.centre.administration.tabs import show
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.kit.context import address


def _may(actor: Actor) -> bool:
    return policy.may_see_health(actor)


@dataclass(frozen=True, slots=True)
class Row:
    """A process as the table shows it."""

    process: Process
    level: Level
    doing: str
    running: str
    memory: str


@page(_may)
def health(request: Request) -> HttpResponseBase:
    seen = look()
    found = lines.sections(seen)
    worst = max([*(one.level for one in found), *(lines.level_of(one) for one in seen.processes)], default=Level.GOOD)
    in_full = policy.may_see_health_in_full(request.actor)
    context = {
        "level": worst,
        "banner": _banner(worst, found),
        "sections": [_section(one) for one in found],
        "rows": [_row(one) for one in seen.processes] if in_full else [],
        "memory": lines.size(sum(one.memory for one in seen.processes if one.up)),
        "in_full": in_full,
        "fragment": request.path,
    }
    if is_fragment(request):
        return render(request, "centre/administration/health/_lines.html", context)
    return show(request, "centre/administration/health/page.html", context, tab="centre:admin_health")


def _banner(worst: Level, found: tuple[Section, ...]) -> str:
    count = sum(1 for section in found for line in section.lines if line.level)
    if worst is Level.GOOD:
        return gettext("Mọi phần đang chạy bình thường.")
    if not count:
        return gettext("Có tiến trình vừa dừng hoặc vừa được khởi động lại.")
    return ngettext("%(n)s việc cần xem.", "%(n)s việc cần xem.", count) % {"n": count}


def _section(section: Section) -> dict[str, Any]:
    return {
        "section": section,
        "lines": [{"line": line, "url": address(line.url_name) if line.url_name else ""} for line in section.lines],
    }


def _row(process: Process) -> Row:
    if not process.up:
        doing = gettext("im lặng %(span)s") % {"span": lines.span(process.silent)}
    elif process.stands_by:
        doing = gettext("chờ thay phiên")
    else:
        doing = gettext("đang chạy")
    return Row(process, lines.level_of(process), doing, lines.span(process.running), lines.size(process.memory))

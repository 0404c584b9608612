"""Suggested changes of routing, counted from what the desk assigned, and the rules that were accepted."""

from typing import Any

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from vonglau.centre.access import Request
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.centre.names import language, ward_names
from vonglau.core.errors import Conflict, NotFound
from vonglau.core.facts import categories
from vonglau.core.people import directory
from vonglau.core.people.names import agency_name
from vonglau.core.routing import rules, suggestions

TAB = "centre:admin_routing"


class _Words:
    """Names of what the rows refer to, fetched once."""

    def __init__(self, wards: set[str], request: Request) -> None:
        self.wards = ward_names(sorted(wards))
        today = timezone.localdate(request.world.now())
        self.agencies = {agency.code: agency_name(agency) for agency in directory.agencies(today)}

    def of(self, row: Any) -> dict[str, str]:
        fact = categories().get(row.category)
        return {
            "category": fact.name[language()] if fact else row.category,
            "ward": self.wards.get(row.ward, row.ward),
            "agency": self.agencies.get(row.agency, row.agency),
            "usual": self.agencies.get(getattr(row, "usual", ""), ""),
        }


@of_administration
@require_safe
def routing(request: Request) -> HttpResponseBase:
    now = request.world.now()
    suggested = suggestions.suggestions(request.world, now)
    standing = rules.in_force(request.world.pk, timezone.localdate(now))
    words = _Words({row.ward for row in suggested} | {row.ward for row in standing}, request)
    context = {
        "suggested": [{"row": row, **words.of(row)} for row in suggested],
        "rules": [{"row": row, **words.of(row)} for row in reversed(standing)],
        "days": suggestions.LOOKED_BACK.days,
        "least": suggestions.LEAST,
        "percent": round(suggestions.SHARE * 100),
    }
    return show(request, "centre/administration/routing/list.html", context, tab=TAB)


@of_administration
@require_POST
def act(request: Request) -> HttpResponseBase:
    """Accept or dismiss a suggestion; end a rule."""
    do = request.POST.get("do", "")
    category, ward, agency = (request.POST.get(name, "")[:60] for name in ("category", "ward", "agency"))
    number = request.POST.get("rule", "")
    try:
        if do == "withdraw":
            if not (number.isdecimal() and number.isascii() and len(number) < 19):
                raise NotFound("There is no such rule.")
            suggestions.withdraw(request.world, int(number), request.actor)
            messages.success(request, gettext("Quy tắc thôi áp dụng từ hôm nay."))
        elif do in ("accept", "dismiss"):
            suggestions.decide(request.world, category, ward, agency, request.actor, accept=do == "accept")
            done = gettext("Quy tắc áp dụng từ hôm nay.") if do == "accept" else gettext("Đã bỏ qua đề xuất.")
            messages.success(request, done)
    except (Conflict, NotFound):
        messages.info(request, gettext("Danh sách vừa thay đổi nên chưa ghi gì; hãy xem lại."))
    return redirect(TAB)

"""The pages of administration, in the order of their tabs. Whoever adds a page adds a line here, and a folder beside this file."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from vonglau.centre.access import Request, page
from vonglau.core.people import policy
from vonglau.core.seams import Text

of_administration = page(policy.may_administer)


@dataclass(frozen=True, slots=True)
class Tab:
    """One page: its word, and the name of its address."""

    title: Text
    url_name: str


TABS = (
    Tab(_("Sức khoẻ"), "centre:admin_health"),
    Tab(_("Người dùng"), "centre:admin_people"),
    Tab(_("Các cơ quan"), "centre:admin_agencies"),
    Tab(_("Phân tuyến"), "centre:admin_routing"),
    Tab(_("Khoá truy cập"), "centre:admin_tokens"),
    Tab(_("Thông báo"), "centre:admin_notices"),
    Tab(_("Webhook"), "centre:admin_webhooks"),
    Tab(_("Bộ phát hiện"), "centre:admin_detectors"),
)


@of_administration
def first(request: Request) -> HttpResponse:
    return redirect(TABS[0].url_name)


def show(request: Request, template: str, context: dict[str, Any], *, tab: str, status: int = 200) -> HttpResponse:
    """A page of administration under its tabs. `tab`: the url_name of the one it belongs to. Who may not see the others gets none."""
    mine = TABS if policy.may_administer(request.actor) else ()
    tabs = [{"title": one.title, "url": reverse(one.url_name), "current": one.url_name == tab} for one in mine]
    return render(request, template, {"tabs": tabs, **context}, status=status)

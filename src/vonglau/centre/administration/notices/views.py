"""Notices that could not be delivered, those that wait, and what a person can do about them. Of the world that is looked at."""

import json
from typing import Any

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from vonglau.centre.access import Request
from vonglau.centre.administration.notices import listing
from vonglau.centre.administration.notices.words import error_words
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.notify import outbox
from vonglau.core.notify_models import Notice
from vonglau.kit.paging import Order, page

TAB = "centre:admin_notices"
PAGE = 50
PREVIEW = 8_000
"""Characters of a notice's text that the page shows."""
NEWEST = Order("id", descending=True)


@of_administration
@require_safe
def notices(request: Request) -> HttpResponseBase:
    asked = listing.Asked.of(request.world.pk, request.GET)
    rows = asked.rows().select_related("endpoint")
    try:
        found = page(rows, NEWEST, after=request.GET.get("after"), limit=PAGE)
    except BadInput:
        found = page(rows, NEWEST, limit=PAGE)
    context = {
        "asked": asked,
        "views": listing.tabs(asked),
        "lanes": listing.lanes(request.world.pk),
        "rows": [listing.shown(notice) for notice in found.items],
        "next": f"?{asked.query(after=found.next)}" if found.next else "",
        "first": f"?{asked.query()}" if request.GET.get("after") else "",
        "channels": listing.CHANNELS.items(),
        "retryable": asked.view.code in ("failed", "settled", "uncertain", "held"),
        "discardable": asked.view.code in ("failed", "pending", "uncertain", "held"),
    }
    return show(request, "centre/administration/notices/list.html", context, tab=TAB)


@of_administration
@require_safe
def notice(request: Request, number: int) -> HttpResponseBase:
    found = Notice.objects.filter(pk=number, world=request.world.pk).select_related("endpoint", "device").first()
    if found is None:
        raise NotFound(f"There is no notice {number} in world {request.world.pk!r}.")
    attempts = [
        {"attempt": one, "words": error_words(one.words) if one.words else ""} for one in found.log.order_by("-n")
    ]
    context = {
        **listing.shown(found),
        "attempts": attempts,
        "preview": preview(found),
        "retryable": found.state in outbox.RETRYABLE,
        "discardable": found.state in outbox.DISCARDABLE,
        "incident": found.about.rsplit("/", 1)[-1] if found.about.startswith("incident/") else "",
    }
    return show(request, "centre/administration/notices/notice.html", context, tab=TAB)


def preview(notice: Notice) -> str:
    """What is sent, as text: JSON indented. Signatures and keys are made at each send and stand nowhere in it."""
    text = notice.body
    if notice.channel != "email":
        try:
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        except ValueError:
            text = notice.body
    return text[:PREVIEW] + ("…" if len(text) > PREVIEW else "")


@of_administration
@require_POST
def act(request: Request) -> HttpResponseBase:
    """Retry or discard: the ticked ones, or all that the filter shows (`outbox.BULK` at a time)."""
    asked = listing.Asked.of(request.world.pk, request.POST)
    rows = asked.rows()
    if request.POST.get("which") != "all":
        ids = [int(one) for one in request.POST.getlist("id") if one.isdecimal() and one.isascii() and len(one) < 19]
        rows = Notice.objects.filter(world=request.world.pk, pk__in=ids[: outbox.BULK])
    actor: Any = request.actor
    if request.POST.get("do") == "retry":
        done = outbox.retry(rows, actor.name, actor.role)
        said = gettext("Số thông báo được gửi lại: %(n)s.") % {"n": done}
    else:
        done = outbox.discard(rows, actor.name, actor.role)
        said = gettext("Số thông báo đã bỏ: %(n)s.") % {"n": done}
    if done:
        messages.success(request, said)
    else:
        messages.error(request, gettext("Không có gì thay đổi: hãy chọn ít nhất một thông báo làm được việc này."))
    only = request.POST.get("back", "")
    if only.isdecimal() and only.isascii() and len(only) < 19:
        return redirect("centre:admin_notice", number=int(only))
    return redirect(f"{reverse(TAB)}?{asked.query()}")

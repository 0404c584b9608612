"""One's own notices: which, by which channel, when not; and the browsers that show them. Permission is asked when a button is pressed."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.staticfiles import finders
from django.http import FileResponse, Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.crypto import get_random_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vonglau.centre.access import Request, of_the_desk
from vonglau.core.errors import BadInput, Conflict, Locked
from vonglau.core.notify import devices, outbox, rules, vapid
from vonglau.core.notify.kinds import KINDS, PERSONAL, Kind
from vonglau.core.notify_models import NoticeChoices, PushDevice

PAGE = "centre:account_notices"
BODY = 8_192
"""Bytes of a subscription that a browser may hand in."""


def kinds_of(role: str) -> list[Kind]:
    """The kinds that this role can be told of."""
    return [kind for kind in KINDS.values() if role in kind.roles or (kind.agency and role == "agency")]


class QuietForm(forms.Form):
    """Both or neither."""

    quiet_from = forms.TimeField(
        label=_("Từ"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_to = forms.TimeField(
        label=_("Đến"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors and (data.get("quiet_from") is None) != (data.get("quiet_to") is None):
            self.add_error("quiet_to", _("Điền cả hai giờ, hoặc để trống cả hai."))
        return data


@of_the_desk
@require_http_methods(["GET", "POST"])
def notices(request: Request) -> HttpResponseBase:
    mine = NoticeChoices.objects.filter(user=request.user).first() or NoticeChoices(user=request.user)
    kinds = kinds_of(request.user.role)
    form = QuietForm(request.POST or None, initial={"quiet_from": mine.quiet_from, "quiet_to": mine.quiet_to})
    if request.method == "POST" and form.is_valid():
        ticked = set(request.POST.getlist("choice"))
        mine.channels = {kind.code: [one for one in PERSONAL if f"{kind.code}/{one}" in ticked] for kind in kinds}
        mine.quiet_from, mine.quiet_to = form.cleaned_data["quiet_from"], form.cleaned_data["quiet_to"]
        mine.save()
        messages.success(request, gettext("Đã lưu."))
        return redirect(PAGE)
    chosen = mine if mine.pk else None
    known = PushDevice.objects.filter(user=request.user, world=request.world.pk)
    context = {
        "form": form,
        "rows": [{"kind": kind, "chosen": set(rules.chosen(chosen, kind))} for kind in kinds],
        "address": request.user.email,
        "devices": known.order_by("-created_at"),
        "known": json.dumps(list(known.values_list("digest", flat=True))),
        "key": _public_key(),
    }
    return render(request, "centre/account/notices.html", context, status=422 if form.errors else 200)


def _public_key() -> str:
    """ "" where the key cannot be read: the page then says that push is out of order, and the rest of it works."""
    try:
        return vapid.public_key()
    except Locked:
        return ""


@of_the_desk
@require_POST
def add(request: Request) -> HttpResponseBase:
    """This browser, as it describes its own subscription in JSON."""
    try:
        said = json.loads(request.body[:BODY])
        device = devices.register(request.user, request.world, said, request.headers.get("User-Agent", ""))
    except (ValueError, RecursionError):
        return JsonResponse({"detail": gettext("Trình duyệt gửi một đăng ký không đọc được.")}, status=400)
    except (BadInput, Conflict) as problem:
        return JsonResponse({"detail": problem.message}, status=problem.status)
    return JsonResponse({"id": device.pk, "digest": device.digest})


@of_the_desk
@require_POST
def device(request: Request, number: int) -> HttpResponseBase:
    """Try it, or let it go."""
    if request.POST.get("do") == "test":
        found = PushDevice.objects.filter(user=request.user, world=request.world.pk, pk=number).first()
        if found is not None:
            outbox.queue([_trial(found)])
            messages.success(request, gettext("Thông báo thử đang đến thiết bị này."))
    elif devices.remove(request.user, number):
        messages.success(request, gettext("Thiết bị này không nhận thông báo nữa."))
    return redirect(PAGE)


def _trial(found: PushDevice) -> outbox.Draft:
    title = gettext("Vọng Lâu: thông báo thử")
    text = gettext("Thiết bị này nhận được thông báo.")
    return outbox.Draft(
        key=f"test/device/{found.pk}/{get_random_string(12)}",
        world=found.world,
        kind="test",
        channel="push",
        recipient=found.label,
        subject=title,
        body=rules.shown(title, text, "/account/notices/", "test", found.user.language),
        device=found,
    )


@of_the_desk
@require_safe
def go(request: Request, world: str, ref: str) -> HttpResponseBase:
    """Where a notice leads: the incident, when its world is the one looked at; else a button that goes over to it."""
    if request.world.pk == world:
        return redirect("centre:incident", ref=ref)
    return render(request, "centre/account/other_world.html", {"world_id": world, "ref": ref})


@require_safe
def service_worker(request: HttpRequest) -> HttpResponseBase:
    """At the root, because a service worker may only serve what lies below its own address."""
    path = finders.find("built/sw.js")
    if not isinstance(path, str):
        raise Http404
    answer = FileResponse(open(path, "rb"), content_type="text/javascript; charset=utf-8")  # noqa: SIM115, PTH123 - closed by the response
    answer["Cache-Control"] = "no-cache"
    answer["Service-Worker-Allowed"] = "/"
    return answer

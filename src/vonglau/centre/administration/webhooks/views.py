"""Webhooks of the world that is looked at: made, tested, paused, rotated, removed. A secret is shown once, right after it was made."""

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vonglau.centre.access import Request
from vonglau.centre.administration.notices import listing
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.centre.administration.webhooks.forms import WebhookForm
from vonglau.core import audit, vault
from vonglau.core.errors import Conflict
from vonglau.core.notify import endpoints
from vonglau.core.notify_models import Endpoint

TAB = "centre:admin_webhooks"
FRESH = "webhook_secret"
"""Where the session keeps a new secret, sealed, between the form and the page that shows it."""


@of_administration
@require_safe
def webhooks(request: Request) -> HttpResponseBase:
    context = {"lanes": [one for one in listing.lanes(request.world.pk) if "endpoint" in one]}
    return show(request, "centre/administration/webhooks/list.html", context, tab=TAB)


@of_administration
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponseBase:
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made, secret = endpoints.add(
                request.actor,
                name=said["name"],
                url=said["url"],
                world=request.world.pk,
                types=said["wanted"],
                agency=said["agency"],
            )
        except Conflict:
            form.add_error(None, gettext("Đã có quá nhiều webhook; hãy gỡ cái không dùng nữa."))
        else:
            _keep(request, made, secret)
            return redirect("centre:admin_webhook", number=made.pk)
    status = 422 if form.errors else 200
    return show(request, "centre/administration/webhooks/new.html", {"form": form}, tab=TAB, status=status)


@of_administration
@require_safe
def webhook(request: Request, number: int) -> HttpResponseBase:
    found = endpoints.find(number, request.world.pk)
    fresh = request.session.pop(FRESH, None)
    context = {
        "endpoint": found,
        **listing.health(found, timezone.now()),
        "secret": vault.open(fresh["text"], FRESH).decode() if fresh and fresh.get("id") == found.pk else "",
        "both_until": found.old_until if found.old_until and found.old_until > timezone.now() else None,
        "rows": [listing.shown(one) for one in found.notices.order_by("-pk")[:10]],
        "history": [(row.at, body) for row, body in audit.last(f"webhook/{found.pk}", 10)],
    }
    return show(request, "centre/administration/webhooks/webhook.html", context, tab=TAB)


def _keep(request: Request, endpoint: Endpoint, secret: str) -> None:
    request.session[FRESH] = {"id": endpoint.pk, "text": vault.seal(secret.encode(), FRESH)}


@of_administration
@require_POST
def act(request: Request, number: int) -> HttpResponseBase:
    """One of test, pause, resume, rotate, remove."""
    found, actor, do = endpoints.find(number, request.world.pk), request.actor, request.POST.get("do", "")
    said = ""
    if do == "test":
        try:
            endpoints.test(found, actor)
            said = gettext("Sự kiện thử đang được gửi; kết quả hiện bên dưới sau vài giây.")
        except Conflict:
            messages.error(request, gettext("Webhook đang tạm dừng: hãy cho chạy lại trước."))
    elif do == "pause":
        endpoints.pause(found, actor)
        said = gettext("Đã tạm dừng. Không có gì được gửi cho đến khi chạy lại.")
    elif do == "resume":
        endpoints.resume(found, actor)
        said = gettext("Đang chạy lại.")
    elif do == "rotate":
        _keep(request, found, endpoints.rotate(found, actor))
    elif do == "remove":
        endpoints.remove(found, actor)
        messages.success(request, gettext("Đã gỡ webhook %(name)s.") % {"name": found.name})
        return redirect(TAB)
    if said:
        messages.success(request, said)
    return redirect("centre:admin_webhook", number=number)

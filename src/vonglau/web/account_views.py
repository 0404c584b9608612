"""One's own account: password, second factor, and where one is signed in."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from vonglau.core.people import accounts
from vonglau.core.people.models import User
from vonglau.kit import guards
from vonglau.web import factors, sessions, signing
from vonglau.web.forms import SetPassword


def _person(request: HttpRequest) -> User:
    """Whoever is signed in in this browser; a token has no account page."""
    if not request.user.is_authenticated:
        raise Http404
    return request.user


@never_cache
@guards.signed_in
def home(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    mine = person.sessions.order_by("-seen_at")
    context = {
        "person": person,
        "offered": factors.offered(),
        "required": factors.required(person),
        "factor": Authenticator.objects.filter(user=person, type="totp").first(),
        "identity": person.identities.filter(issuer=settings.VONGLAU_OIDC_ISSUER).first(),
        "sessions": list(mine[:50]),
        "current": sessions.digest(str(request.session.session_key)),
    }
    return render(request, "web/account.html", context)


@require_POST
@guards.signed_in
def end(request: HttpRequest, key: str) -> HttpResponse:
    """Sign out one other browser."""
    person = _person(request)
    if not person.sessions.filter(pk=key).delete()[0]:
        raise Http404
    signing.record(person, "session-ended")
    messages.success(request, gettext("Đã đăng xuất nơi đó."))
    return redirect("account_home")


@require_POST
@guards.signed_in
def end_all(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    person = _person(request)
    ended = sessions.end_all(person.pk, but=request.session.session_key)
    signing.record(person, "sessions-ended", ended=ended)
    messages.success(request, gettext("Đã đăng xuất mọi nơi khác."))
    return redirect("account_home")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, text: str) -> HttpResponse:
    """Set a password by a link that works once. Nobody is signed in by it: a second factor is still asked for."""
    try:
        found = accounts.invited(text)
        form = SetPassword(found.user, request.POST or None)
        if request.method == "POST" and form.is_valid():
            accounts.accept(text, form.cleaned_data["new_password1"])
            messages.success(request, gettext("Đã đặt mật khẩu. Hãy đăng nhập."))
            return redirect("account_login")
    except accounts.LinkInvalid:
        return render(request, "web/invitation_over.html", status=404)
    context = {"form": form, "person": found.user}
    response = render(request, "web/invitation.html", context, status=422 if form.errors else 200)
    response["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response

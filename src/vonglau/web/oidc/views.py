"""To the provider and back: `begin` sends the browser away, `callback` judges what it comes back with."""

import base64
import hashlib
import hmac
import logging
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows import reauthentication
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from vonglau.core import audit
from vonglau.core.errors import VongLauError
from vonglau.core.people.models import User
from vonglau.web import signing
from vonglau.web.oidc import people
from vonglau.web.oidc.claims import NotBelieved, verified
from vonglau.web.oidc.provider import Provider, provider

KEY = "oidc"
"""What the session keeps while the browser is away: state, nonce, verifier, when, where to, and whether it links an account."""
SECONDS = 600

log = logging.getLogger("vonglau.oidc")


def _provider() -> Provider:
    found = provider()
    if found is None:
        raise Http404
    return found


def _redirect(request: HttpRequest) -> str:
    origin = settings.VONGLAU_ORIGIN or f"{request.scheme}://{request.get_host()}"
    return f"{origin}{reverse('oidc_callback')}"


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider. Whoever is signed in already links the identity to the account."""
    one = _provider()
    if request.user.is_authenticated:
        reauthentication.raise_if_reauthentication_required(request, app="vonglau.web")
    target = request.GET.get("next", "")
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    request.session[KEY] = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "at": time.time(),
        "next": target if url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()) else "",
        "link": request.user.pk if request.user.is_authenticated else None,
    }
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "scope": settings.VONGLAU_OIDC_SCOPE,
        "client_id": one.client,
        "redirect_uri": _redirect(request),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if settings.VONGLAU_OIDC_ACR:
        asked["acr_values"] = " ".join(settings.VONGLAU_OIDC_ACR)
    try:
        return redirect(f"{one.metadata()['authorization_endpoint']}?{urlencode(asked)}")
    except VongLauError as problem:
        return _refused(request, problem)


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    one = _provider()
    kept: dict[str, Any] = request.session.pop(KEY, None) or {}
    try:
        said = _said(request, one, kept)
        if kept.get("link"):
            return _linked(request, one, kept, said)
        user = people.find(one.issuer, said, people.agreement())
        return _signed_in(request, user, kept["next"])
    except VongLauError as problem:
        return _refused(request, problem)


def _said(request: HttpRequest, one: Provider, kept: dict[str, Any]) -> dict[str, Any]:
    """The claims, if everything about the answer is as it must be. Raises NotBelieved, ProviderFailed."""
    given = request.GET
    if not kept or time.time() - kept["at"] > SECONDS:
        raise NotBelieved("This sign-in was not begun in this browser, or it took too long.")
    if not hmac.compare_digest(given.get("state", "").encode(), kept["state"].encode()):
        raise NotBelieved("The answer belongs to another sign-in (state).")
    issuer = given.get("iss")
    if (issuer is None and one.metadata().get("authorization_response_iss_parameter_supported")) or issuer not in (
        None,
        one.issuer,
    ):
        raise NotBelieved("The answer comes from another provider (iss).")
    if "error" in given or not given.get("code"):
        raise NotBelieved(f"The provider refused: {given.get('error', 'no code')[:60]}.")
    got = one.exchange(given["code"], kept["verifier"], _redirect(request))
    token, access = got.get("id_token"), str(got.get("access_token", ""))
    if not isinstance(token, str):
        raise NotBelieved("The provider gave no ID token.")
    claims = verified(
        token,
        issuer=one.issuer,
        client=one.client,
        nonce=kept["nonce"],
        key=one.key,
        levels=settings.VONGLAU_OIDC_ACR,
        access_token=access,
    )
    more = one.userinfo(access) if access else {}
    if more and more.get("sub") != claims["sub"]:
        raise NotBelieved("The provider's two answers name different people (sub).")
    return {**more, **claims}


def _linked(request: HttpRequest, one: Provider, kept: dict[str, Any], said: dict[str, Any]) -> HttpResponse:
    if not request.user.is_authenticated or request.user.pk != kept["link"]:
        raise NotBelieved("You signed out in the meantime; the identity was not linked.")
    people.link(request.user, one.issuer, str(said["sub"]), by=request.user.username)
    messages.success(
        request, gettext("Từ nay bạn có thể đăng nhập bằng %(name)s.") % {"name": settings.VONGLAU_OIDC_NAME}
    )
    return redirect("account_home")


def _signed_in(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """A level that was asked for and proven stands for a second factor; otherwise ours is asked for as after a password."""
    adapter = get_adapter(request)
    record_authentication(request, user, method="oidc", type="oidc")
    login = Login(user=user, redirect_url=target or None)
    if settings.VONGLAU_OIDC_ACR:
        request.session[signing.PROVEN] = True
        adapter.login(request, user)
        return redirect(target or settings.LOGIN_REDIRECT_URL)
    answer: HttpResponse = perform_login(request, login)
    return answer


def _refused(request: HttpRequest, problem: VongLauError) -> HttpResponse:
    """The page says what to do; what exactly was wrong is for the log and the audit, not for who may be trying."""
    log.warning("sign-in at the identity provider failed: %s", problem.message)
    with transaction.atomic():
        found = {
            "step": "oidc-refused",
            "why": type(problem).__name__,
            "from": audit.note(signing.UNKNOWN, signing.address(request)),
        }
        audit.record(signing.UNKNOWN, found)
    return render(request, "web/oidc_refused.html", {"name": settings.VONGLAU_OIDC_NAME}, status=problem.status)


@never_cache
@require_GET
def ended(request: HttpRequest) -> HttpResponse:
    """After signing out here: one is still signed in at the provider, and may end that too."""
    one = _provider()
    try:
        end = one.metadata().get("end_session_endpoint")
    except VongLauError:
        end = None
    back = settings.VONGLAU_ORIGIN or f"{request.scheme}://{request.get_host()}"
    url = (
        f"{end}?{urlencode({'client_id': one.client, 'post_logout_redirect_uri': f'{back}/accounts/login/'})}"
        if end
        else ""
    )
    return render(request, "web/oidc_ended.html", {"name": settings.VONGLAU_OIDC_NAME, "url": url})

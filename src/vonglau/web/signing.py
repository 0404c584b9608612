"""Signing in and out, written down: who, when, from where, how, in the account's audit stream. Addresses and devices are erasable notes."""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.notify import devices
from vonglau.core.people.attempts import Charge
from vonglau.core.people.models import User
from vonglau.kit.guards import ENROL
from vonglau.web import factors, sessions

UNKNOWN = "sign-in"
"""The stream of attempts at accounts that do not exist."""

PROVEN = "oidc_level"
"""Set in a session when an identity provider proved the identity at a level that was asked for: that stands for a second factor."""


def address(request: HttpRequest) -> str:
    """Where a request comes from, as the door found it."""
    return str(request.META.get("REMOTE_ADDR", ""))[:45]


def device(request: HttpRequest) -> str:
    """A browser and a system, as far as the browser says: for a person to recognise, never to decide by."""
    return devices.label(request.META.get("HTTP_USER_AGENT", "")[:500])


def method(request: HttpRequest, user: User) -> str:
    """How somebody signed in: password, password+totp, password+recovery_codes, oidc."""
    records = get_authentication_records(request, user)
    return "+".join(str(one.get("type") or one["method"]) for one in records)[:30] or "session"


def record(user: User, step: str, request: HttpRequest | None = None, **more: Any) -> None:
    stream = f"account/{user.pk}"
    with transaction.atomic():
        if request is not None:
            more["from"] = audit.note(stream, f"{address(request)} {device(request)}".strip())
        audit.record(stream, {"step": step, "by": user.username, **more})


def signed_in(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    now = timezone.now()
    how = method(request, user)
    request.session[sessions.KEPT] = {
        **sessions.limits(user.role),
        "address": address(request),
        "device": device(request),
        "method": how,
    }
    proven = bool(request.session.get(PROVEN))
    if factors.required(user) and not factors.has_one(user) and not proven:
        request.session[ENROL] = True
    record(user, "sign-in", request, method=how)
    sessions.tidy(now)


def signed_out(sender: Any, request: HttpRequest, user: User | None, **more: Any) -> None:
    if user is not None:
        record(user, "sign-out")


def failed(request: HttpRequest, typed: str, charged: Charge) -> None:
    """A wrong password. While somebody has to wait, further attempts are not even looked at and leave no row."""
    user = User.objects.filter(username=typed).first()
    step = "sign-in-slowed" if charged.began else "sign-in-failed"
    if user is not None:
        record(user, step, request)
    else:  # as many writes as for a name that exists: the time it takes tells nothing
        with transaction.atomic():
            found = f"{address(request)} {device(request)}".strip()
            audit.record(UNKNOWN, {"step": step, "by": "", "from": audit.note(UNKNOWN, found)})


def factor_added(sender: Any, request: HttpRequest, user: User, authenticator: Any, **more: Any) -> None:
    record(user, "factor-added", request, factor=authenticator.type)


def factor_removed(sender: Any, request: HttpRequest, user: User, authenticator: Any, **more: Any) -> None:
    record(user, "factor-removed", request, factor=authenticator.type)


def factor_reset(sender: Any, request: HttpRequest, user: User, authenticator: Any, **more: Any) -> None:
    record(user, "factor-renewed", request, factor=authenticator.type)


def factor_failed(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    record(user, "factor-failed", request)


def password_changed(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    """Every other browser is signed out."""
    ended = sessions.end_all(user.pk, but=request.session.session_key)
    record(user, "password", request, ended=ended)


def connect() -> None:
    """Once, when the apps are loaded."""
    from allauth.account import signals as account
    from allauth.mfa import signals as mfa
    from django.contrib.auth.signals import user_logged_in, user_logged_out

    user_logged_in.connect(signed_in, dispatch_uid="signed_in")
    user_logged_out.connect(signed_out, dispatch_uid="signed_out")
    account.password_changed.connect(password_changed, dispatch_uid="password_changed")
    mfa.authenticator_added.connect(factor_added, dispatch_uid="factor_added")
    mfa.authenticator_removed.connect(factor_removed, dispatch_uid="factor_removed")
    mfa.authenticator_reset.connect(factor_reset, dispatch_uid="factor_reset")
    mfa.authentication_failed.connect(factor_failed, dispatch_uid="factor_failed")

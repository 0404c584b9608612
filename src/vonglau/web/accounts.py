"""Sign-in: accounts are made by an administrator, never by sign-up; demonstration accounts work only while `vonglau demo` serves."""

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vonglau.core.people import attempts
from vonglau.core.people.models import User
from vonglau.web import signing

FRESH_SECONDS = 300
"""A sign-in younger than this need not be repeated before a sensitive change."""


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's sign-in with our words, our counting of failures and our audit."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("Tài khoản này đã bị khoá."),
        "enter_current_password": _("Hãy nhập mật khẩu hiện tại."),
        "incorrect_password": _("Mật khẩu không đúng."),
        "rate_limited": _("Thử quá nhiều lần. Hãy đợi vài phút."),
        "too_many_login_attempts": _("Đăng nhập sai quá nhiều lần. Hãy đợi vài phút rồi thử lại."),
        "username_password_mismatch": _("Tên đăng nhập hoặc mật khẩu không đúng."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Charged before the password is looked at: many attempts at once gain nothing."""
        self._charged = attempts.charge(credentials.get("username") or "", signing.address(request), timezone.now())
        if self._charged.wait > 0:
            raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        """Called by allauth when the password was right; the giving back happens in `authenticate`, which knows the name."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user is not None:
            typed = credentials.get("username") or ""
            attempts.give_back(self._charged, typed, signing.address(request), timezone.now())
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        signing.failed(request, credentials.get("username") or "", self._charged)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Where people sign in at a provider, its own session is mentioned."""
        return reverse("oidc_ended") if settings.VONGLAU_OIDC_ISSUER else str(super().get_logout_redirect_url(request))

    def is_reauthentication_required(self, app: str = "") -> bool:
        """Not right after a sign-in: whoever must set up a second factor has just typed the password."""
        request = self.request
        records = get_authentication_records(request, request.user)
        return not (records and time.time() - records[-1]["at"] < FRESH_SECONDS)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        words = {"reauthenticate": _("Dùng mật khẩu"), "mfa_reauthenticate": _("Dùng mã của ứng dụng xác thực")}
        found = super().get_reauthentication_methods(user)
        return [{**method, "description": words.get(method["id"], method["description"])} for method in found]


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """Asked at sign-in and again at every request: a deactivated account is out at its next one."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        """Refused at the door too: a session that every later request would reject must not begin."""
        user = super().authenticate(request, **credentials)
        if user is None:
            # allauth keeps an account with the right password that may not sign in, to tell its owner so: then a stranger would
            # learn it too, and a demonstration account would be let in.
            self._stash_user(None)
        return user

    def user_can_authenticate(self, user: Any) -> bool:
        if isinstance(user, User) and user.demo and not settings.VONGLAU_DEMO:
            return False
        return bool(super().user_can_authenticate(user))

"""Sign-in: accounts are made by an administrator, never by sign-up; demonstration accounts work only while `vonglau demo` serves."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from vonglau.core.people.models import User


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
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

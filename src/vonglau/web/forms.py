"""Forms of sign-in whose words allauth does not have in Vietnamese."""

from typing import Any

from allauth.account.forms import ChangePasswordForm
from django.contrib.auth.forms import SetPasswordForm
from django.utils.translation import gettext


class ChangePassword(ChangePasswordForm):  # type: ignore[misc]
    def clean(self) -> Any:
        cleaned = super().clean()
        if "password2" in self.errors and self.data.get("password2"):
            self.errors["password2"] = self.error_class([gettext("Hai lần nhập mật khẩu mới không giống nhau.")])
        return cleaned


class SetPassword(SetPasswordForm):  # type: ignore[type-arg]
    """A first password, or a new one for who forgot it."""

    def clean(self) -> Any:
        cleaned = super().clean()
        mismatch = self.error_messages["password_mismatch"]
        if mismatch in self.errors.get("new_password2", []):
            self.errors["new_password2"] = self.error_class([gettext("Hai lần nhập mật khẩu mới không giống nhau.")])
        return cleaned

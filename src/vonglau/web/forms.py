"""Forms of sign-in whose words allauth does not have in Vietnamese."""

from typing import Any

from allauth.account.forms import ChangePasswordForm
from django.utils.translation import gettext


class ChangePassword(ChangePasswordForm):  # type: ignore[misc]
    def clean(self) -> Any:
        cleaned = super().clean()
        if "password2" in self.errors and self.data.get("password2"):
            self.errors["password2"] = self.error_class([gettext("Hai lần nhập mật khẩu mới không giống nhau.")])
        return cleaned

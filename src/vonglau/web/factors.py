"""The second factor: who must have one, and its secrets sealed in the vault."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from vonglau.core import vault
from vonglau.core.people.models import User

CONTEXT = "mfa"


def offered() -> bool:
    return str(settings.VONGLAU_MFA) != "off"


def required(user: User) -> bool:
    """Whether this account must have one. A demonstration's never: its password stands on the page of sign-in."""
    if user.demo or not offered():
        return False
    return settings.VONGLAU_MFA == "required" or user.role in settings.VONGLAU_MFA_ROLES


def has_one(user: User) -> bool:
    from allauth.mfa.models import Authenticator

    return bool(Authenticator.objects.filter(user_id=user.pk).exclude(type="recovery_codes").exists())


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's second factors with our words, our vault and our rule."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("Mã không đúng. Kiểm tra giờ của điện thoại rồi nhập mã đang hiện."),
        "cannot_delete_authenticator": _("Vai trò của bạn phải bật xác thực hai lớp, nên không tắt được."),
        "cannot_generate_recovery_codes": _("Hãy bật xác thực hai lớp trước."),
    }

    def encrypt(self, text: str) -> str:
        return vault.seal(text.encode(), CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return vault.open(encrypted_text, CONTEXT).decode()

    def is_mfa_enabled(self, user: Any, types: Any = None) -> bool:
        return offered() and bool(super().is_mfa_enabled(user, types))

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        return not required(authenticator.user)


def _sealed() -> Iterator[vault.Sealed]:
    """For a rotation of keys: the secrets within allauth's rows."""
    from allauth.mfa.models import Authenticator

    for row in Authenticator.objects.order_by("pk").iterator(chunk_size=500):
        for name in ("secret", "seed"):
            text = row.data.get(name)

            def put(fresh: str, pk: int = row.pk, name: str = name, text: Any = text) -> None:
                with transaction.atomic():  # allauth writes the whole of `data` back: a code used meanwhile stays used
                    found = Authenticator.objects.select_for_update().filter(pk=pk).first()
                    if found is not None and found.data.get(name) == text:
                        found.data[name] = fresh
                        found.save(update_fields=["data"])

            if vault.is_sealed(text):
                yield vault.Sealed(f"mfa.{name}", text, CONTEXT, put)


vault.SOURCES["mfa_authenticator"] = _sealed

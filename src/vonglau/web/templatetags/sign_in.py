"""What the sign-in page knows about a demonstration: `{% load sign_in %}`."""

import json
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vonglau.core.people.models import Role

register = template.Library()

FILE = "demo-accounts.json"

DUTIES: dict[str, Promise] = {
    Role.OPERATOR: _("xác minh, phân công"),
    Role.SUPERVISOR: _("xác nhận và đóng sự việc từ cảnh báo"),
    Role.AGENCY: _("nhận việc, chụp ảnh, trả kết quả"),
    Role.LEADER: _("xem toàn cảnh và chỉ số"),
    Role.ADMINISTRATOR: _("quản lý tài khoản"),
}


@register.simple_tag
def demo_accounts() -> list[dict[str, Any]]:
    """The demonstration's accounts with their passwords, while `vonglau demo` serves; never otherwise.

    They were made for this one run, and the accounts themselves refuse sign-in once it has ended.
    """
    if not settings.VONGLAU_DEMO:
        return []
    try:
        kept = json.loads((Path(settings.VONGLAU_DATA) / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [
        {**account, "role_name": Role(account["role"]).label, "duty": DUTIES.get(account["role"], "")}
        for account in kept
        if account.get("role") in Role.values
    ]


@register.simple_tag
def identity_provider() -> str:
    """The name of the identity provider where people may sign in; "" where there is none."""
    return settings.VONGLAU_OIDC_NAME if settings.VONGLAU_OIDC_ISSUER else ""

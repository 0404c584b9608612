"""Tokens of programmes: what each may, when it was used, and its end. A token's text is shown once, right after it was made."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vonglau.centre.access import Request
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.core import audit, vault
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.people.models import ApiToken
from vonglau.core.people.policy import SCOPES
from vonglau.kit import guards, tokens

TAB = "centre:admin_tokens"
FRESH = "token"
FORGOTTEN = timedelta(days=90)
"""Unused for so long: probably nobody needs it any more."""
SCOPE_WORDS = {
    "events:write": _("gửi sự kiện"),
    "events:read": _("đọc sự kiện"),
    "read": _("đọc mọi danh sách và luồng"),
    "incidents:write": _("thao tác trên sự việc"),
    "reports:write": _("gửi phản ánh (Open311)"),
    "quarantine:write": _("sửa mục bị cách ly"),
    "webhooks:write": _("quản lý webhook"),
}
ENDS = (("90", _("90 ngày")), ("365", _("1 năm")), ("0", _("không hết hạn")))
GRACES = (("1", _("1 giờ")), ("24", _("24 giờ")), ("168", _("7 ngày")), ("0", _("dừng ngay")))


def _worlds() -> list[tuple[str, str]]:
    return [(one.pk, f"{one.title_vi or one.pk}") for one in guards.worlds()]


class TokenForm(forms.Form):
    """A new token and its bounds."""

    name = forms.CharField(
        label=_("Tên"), max_length=100, help_text=_("Chương trình nào, của ai: tên này đứng trong nhật ký.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("Được làm gì"),
        choices=[(one, SCOPE_WORDS.get(one, one)) for one in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    worlds = forms.MultipleChoiceField(
        label=_("Ở thế giới"), choices=_worlds, widget=forms.CheckboxSelectMultiple, initial=["live"]
    )
    sources = forms.CharField(
        label=_("Nguồn sự kiện"), required=False, max_length=2000,
        help_text=_("Mỗi dòng một phần đầu của `source`, như urn:vn:dn:camera: – để trống là mọi nguồn."),
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
    )  # fmt: skip
    addresses = forms.CharField(
        label=_("Mạng được dùng"), required=False, max_length=1000,
        help_text=_("Như 10.1.0.0/16, cách nhau bằng dấu cách – để trống là mọi nơi."),
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
    )  # fmt: skip
    per_second = forms.IntegerField(label=_("Yêu cầu mỗi giây"), required=False, min_value=1, max_value=1_000_000)
    ends = forms.ChoiceField(label=_("Hết hạn sau"), choices=ENDS, initial="365")

    def bounds(self, by: str) -> tokens.Bounds:
        said = self.cleaned_data
        days = int(said["ends"])
        return tokens.Bounds(
            more_worlds=said["worlds"][1:],
            sources=said["sources"].split(),
            addresses=said["addresses"].replace(",", " ").split(),
            per_second=said["per_second"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
            by=by,
        )


def _state(row: ApiToken) -> tuple[str, str]:
    """A word and a tone."""
    now = timezone.now()
    if row.revoked_at:
        return gettext("đã thu hồi"), ""
    if row.expires_at and row.expires_at <= now:
        return gettext("đã hết hạn"), ""
    if row.expires_at and row.expires_at <= now + timedelta(days=14):
        return gettext("sắp hết hạn"), "warn"
    if (row.used_at or row.created_at) < now - FORGOTTEN:
        return gettext("lâu không dùng"), "warn"
    return gettext("đang dùng"), "good"


@of_administration
@require_safe
def list_(request: Request) -> HttpResponseBase:
    every = request.GET.get("all") == "1"
    rows = [row for row in ApiToken.objects.order_by("name", "-pk")[:2000] if every or tokens.works(row)]
    shown = [
        {"token": row, "state": _state(row), "scopes": [SCOPE_WORDS[one] for one in row.scopes if one in SCOPE_WORDS]}
        for row in rows
    ]
    return show(request, "centre/administration/tokens/list.html", {"rows": shown, "all": every}, tab=TAB)


@of_administration
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponseBase:
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            text, made = tokens.mint(said["name"], said["scopes"], said["worlds"][0], form.bounds(request.actor.name))
        except BadInput as wrong:
            at = str(wrong.extra.get("pointer", "")).removeprefix("/")
            form.add_error(at if at in form.fields else None, gettext("Không dùng được: hãy xem ví dụ bên dưới ô này."))
        else:
            _keep(request, made, text)
            return redirect("centre:admin_token", number=made.pk)
    context = {"form": form}
    return show(request, "centre/administration/tokens/new.html", context, tab=TAB, status=422 if form.errors else 200)


def _keep(request: Request, row: ApiToken, text: str) -> None:
    request.session[FRESH] = {"id": row.pk, "text": vault.seal(text.encode(), FRESH)}


def _one(number: int) -> ApiToken:
    found = ApiToken.objects.filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no token {number}.")
    return found


@of_administration
@require_safe
def token(request: Request, number: int) -> HttpResponseBase:
    row = _one(number)
    fresh = request.session.pop(FRESH, None)
    context = {
        "token": row,
        "works": tokens.works(row),
        "state": _state(row),
        "scopes": [(one, SCOPE_WORDS.get(one, one)) for one in row.scopes],
        "worlds": [row.world, *row.more_worlds],
        "text": vault.open(fresh["text"], FRESH).decode() if fresh and fresh.get("id") == row.pk else "",
        "graces": GRACES,
        "history": [(when.at, body) for when, body in audit.last(f"token/{row.pk}", 10)],
    }
    return show(request, "centre/administration/tokens/token.html", context, tab=TAB)


@of_administration
@require_POST
def act(request: Request, number: int) -> HttpResponseBase:
    """One of rotate (with a grace in hours), revoke."""
    row, do = _one(number), request.POST.get("do", "")
    hours = request.POST.get("grace", "24")
    if do == "rotate" and tokens.works(row):
        grace = timedelta(hours=int(hours) if hours in dict(GRACES) else 24)
        text, made = tokens.rotate(row, grace, request.actor.name)
        _keep(request, made, text)
        return redirect("centre:admin_token", number=made.pk)
    if do == "revoke" and row.revoked_at is None:
        tokens.revoke(row, request.actor.name)
        messages.success(request, gettext("Đã thu hồi: hết hiệu lực trong hai giây ở mọi tiến trình."))
    return redirect("centre:admin_token", number=number)

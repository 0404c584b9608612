"""People and what they may: found, invited, moved, shut out. Made for a thousand accounts."""

from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vonglau.centre.access import Request
from vonglau.centre.administration.people.forms import NewForm, PostForm
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.core import audit, vault
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.people import accounts, attempts, directory
from vonglau.core.people.accounts import LastAdministrator, NotOneself
from vonglau.core.people.models import Role, User

TAB = "centre:admin_people"
PAGE = 50
FRESH = "invitation"
STATES = {
    "": _("Mọi tài khoản"),
    "active": _("Đang mở"),
    "shut": _("Đã khoá"),
    "no_factor": _("Chưa bật xác thực hai lớp"),
    "never": _("Chưa từng đăng nhập"),
}


def _people() -> "QuerySet[User]":
    """With `factor`: whether a second factor is on."""
    factors = apps.get_model("mfa", "Authenticator").objects.filter(user=OuterRef("pk"), type="totp")
    return User.objects.select_related("agency").annotate(factor=Exists(factors))


def _narrowed(rows: "QuerySet[User]", asked: dict[str, str]) -> "QuerySet[User]":
    rows = directory.matching(rows, asked["q"], "username", "first_name", "last_name", "email")
    if asked["role"] in Role.values:
        rows = rows.filter(role=asked["role"])
    return {
        "active": lambda: rows.filter(is_active=True),
        "shut": lambda: rows.filter(is_active=False),
        "no_factor": lambda: rows.filter(is_active=True).exclude(authenticator__type="totp"),
        "never": lambda: rows.filter(is_active=True, last_login=None),
    }.get(asked["state"], lambda: rows)()


@of_administration
@require_safe
def people(request: Request) -> HttpResponseBase:
    asked = {name: request.GET.get(name, "").replace("\x00", "")[:100] for name in ("q", "role", "state")}
    rows = _narrowed(_people(), asked)
    total = rows.count()
    after = request.GET.get("after", "").replace("\x00", "")[:150]
    found = list((rows.filter(username__gt=after) if after else rows).order_by("username")[: PAGE + 1])
    query = urlencode({name: value for name, value in asked.items() if value})
    context = {
        "asked": asked,
        "rows": found[:PAGE],
        "total": total,
        "roles": Role.choices,
        "states": STATES.items(),
        "next": f"?{query}&{urlencode({'after': found[PAGE - 1].username})}" if len(found) > PAGE else "",
        "first": f"?{query}" if after else "",
    }
    return show(request, "centre/administration/people/list.html", context, tab=TAB)


@of_administration
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponseBase:
    form = NewForm(request.POST or None, initial={"role": Role.OPERATOR, "language": "vi"})
    if request.method == "POST" and form.is_valid():
        try:
            made = accounts.make(form.cleaned_data["username"], form.post(), request.actor.name)
        except BadInput:
            form.add_error("username", gettext("Đã có tài khoản này."))
        else:
            _keep(request, made)
            return redirect("centre:admin_person", number=made.pk)
    return show(
        request, "centre/administration/people/new.html", {"form": form}, tab=TAB, status=422 if form.errors else 200
    )


def _keep(request: Request, user: User) -> None:
    """A new link, sealed in the session until the next page shows it."""
    text = accounts.invite(user, request.actor.name)
    request.session[FRESH] = {"id": user.pk, "text": vault.seal(text.encode(), FRESH)}


def _one(number: int) -> User:
    found = _people().filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no account {number}.")
    return found


@of_administration
@require_http_methods(["GET", "POST"])
def person(request: Request, number: int) -> HttpResponseBase:
    user = _one(number)
    initial = {
        "name": user.get_full_name(), "role": user.role, "agency": user.agency, "email": user.email, "language": user.language,
    }  # fmt: skip
    form = PostForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.change(user, form.post(), request.actor.name)
        except LastAdministrator:
            form.add_error("role", gettext("Đây là quản trị cuối cùng còn đăng nhập được: hãy tạo người khác trước."))
        except NotOneself:
            form.add_error("role", gettext("Không ai đổi vai trò của chính mình: hãy nhờ quản trị khác."))
        else:
            messages.success(request, gettext("Đã lưu."))
            return redirect("centre:admin_person", number=number)
    return _shown(request, user, form)


def _shown(request: Request, user: User, form: PostForm) -> HttpResponseBase:
    if request.GET.get("sessions"):
        accounts.looked_at(user, request.actor.name)
    fresh = request.session.pop(FRESH, None)
    text = vault.open(fresh["text"], FRESH).decode() if fresh and fresh.get("id") == user.pk else ""
    context: dict[str, Any] = {
        "person": user,
        "form": form,
        "own": user.username == request.actor.name,
        "link": request.build_absolute_uri(reverse("account_invitation", args=[text])) if text else "",
        "waiting": attempts.waiting(user.username, timezone.now()),
        "sessions": list(user.sessions.order_by("-seen_at")[:20]) if request.GET.get("sessions") else None,
        "open": user.sessions.filter(expire_date__gt=timezone.now()).count(),
        "history": [(row.at, body) for row, body in audit.last(f"account/{user.pk}", 15)],
    }
    return show(
        request, "centre/administration/people/person.html", context, tab=TAB, status=422 if form.errors else 200
    )


@of_administration
@require_POST
def act(request: Request, number: int) -> HttpResponseBase:
    """One of invite, shut, reopen, factor, unlock, sessions."""
    user, by, do = _one(number), request.actor.name, request.POST.get("do", "")
    try:
        if do == "invite" and user.is_active:
            _keep(request, user)
        elif do == "shut":
            accounts.shut(user, by)
            messages.success(request, gettext("Đã khoá: không còn vào được ở đâu nữa."))
        elif do == "reopen":
            accounts.reopen(user, by)
            messages.success(request, gettext("Đã mở lại."))
        elif do == "factor":
            accounts.reset_factor(user, by)
            messages.success(request, gettext("Đã gỡ xác thực hai lớp; lần đăng nhập tới có thể thiết lập lại."))
        elif do == "unlock":
            accounts.unlock(user, by)
            messages.success(request, gettext("Đã bỏ thời gian chờ."))
        elif do == "sessions":
            accounts.end_sessions(user, by)
            messages.success(request, gettext("Đã đăng xuất người này ở mọi nơi."))
    except LastAdministrator:
        messages.error(request, gettext("Đây là quản trị cuối cùng còn đăng nhập được: hãy tạo người khác trước."))
    except NotOneself:
        messages.error(request, gettext("Không ai khoá chính mình: hãy nhờ quản trị khác."))
    return redirect("centre:admin_person", number=number)

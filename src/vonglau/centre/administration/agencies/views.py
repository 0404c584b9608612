"""Agencies as they are and were: names with their dates, where letters go, what they usually handle."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from vonglau.centre.access import Request
from vonglau.centre.administration.fields import Agencies
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict, NotFound
from vonglau.core.facts import categories
from vonglau.core.people import agencies as office
from vonglau.core.people import directory
from vonglau.core.people.models import Agency

TAB = "centre:admin_agencies"
KINDS = {
    "department": _("Sở, ban"), "ward": _("Phường, xã"), "police": _("Công an"), "company": _("Doanh nghiệp"), "centre": _("Trung tâm"),
}  # fmt: skip


def _categories() -> list[tuple[str, str]]:
    language = "en" if (get_language() or "vi").startswith("en") else "vi"
    return [(code, one.name[language]) for code, one in categories().items()]


class ParticularsForm(forms.Form):
    """Where letters go and what it usually handles."""

    email = forms.EmailField(
        label=_("Thư điện tử"), required=False, help_text=_("Thông báo giao việc được gửi đến đây.")
    )
    wards = forms.CharField(
        label=_("Mã phường, xã"), required=False, max_length=2000, help_text=_("Cách nhau bằng dấu cách."),
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
    )  # fmt: skip
    categories = forms.MultipleChoiceField(
        label=_("Lĩnh vực"), required=False, choices=_categories, widget=forms.CheckboxSelectMultiple
    )

    def particulars(self) -> office.Particulars:
        said = self.cleaned_data
        return office.Particulars(said["email"], said["wards"].replace(",", " ").split(), said["categories"])


class NameForm(forms.Form):
    """A name from a day on."""

    name_vi = forms.CharField(label=_("Tên"), max_length=200)
    name_en = forms.CharField(label=_("Tên tiếng Anh"), max_length=200)
    since = forms.DateField(label=_("Từ ngày"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class NewForm(NameForm, ParticularsForm):
    """An agency that is not there yet."""

    code = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]{1,39}\Z", label=_("Mã"), help_text=_("Chữ thường không dấu và gạch: so-xay-dung")
    )
    kind = forms.ChoiceField(label=_("Loại"), choices=KINDS.items())
    field_order = ("code", "name_vi", "name_en", "kind", "since", "email", "wards", "categories")


class MergeForm(forms.Form):
    """Into which, from when."""

    into = Agencies(label=_("Nhập vào"), queryset=Agency.objects.none())
    merged = forms.DateField(label=_("Từ ngày"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, agency: Agency, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["into"]
        field.queryset = directory.agencies(timezone.localdate()).exclude(code=agency.code)


@of_administration
@require_safe
def agencies(request: Request) -> HttpResponseBase:
    today = timezone.localdate()
    q = request.GET.get("q", "").replace("\x00", "")[:100]
    rows = Agency.objects.filter(office.in_force(today)).annotate(
        people=Count("users", filter=Q(users__is_active=True))
    )
    rows = directory.matching(rows, q, "name_vi", "name_en", "code")
    context = {"rows": [(one, KINDS.get(one.kind, one.kind)) for one in rows.order_by("name_vi")[:1000]], "q": q}
    return show(request, "centre/administration/agencies/list.html", context, tab=TAB)


@of_administration
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponseBase:
    form = NewForm(request.POST or None, initial={"since": timezone.localdate(), "kind": "department"})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        names = (said["code"], said["name_vi"], said["name_en"], said["kind"], said["since"])
        try:
            office.make(*names, form.particulars(), request.actor.name)
        except BadInput:
            form.add_error("code", gettext("Mã này đã có: hãy đổi tên cơ quan đó thay vì tạo mới."))
        else:
            messages.success(request, gettext("Đã tạo."))
            return redirect("centre:admin_agency", code=said["code"])
    context = {"form": form}
    return show(
        request, "centre/administration/agencies/new.html", context, tab=TAB, status=422 if form.errors else 200
    )


def _in_force(code: str) -> Agency:
    """The row that is in force; for an agency that has ended, its last."""
    found = Agency.objects.filter(code=code).order_by("-valid_from").first()
    if found is None:
        raise NotFound(f"There is no agency {code!r}.")
    return found


@of_administration
@require_http_methods(["GET", "POST"])
def agency(request: Request, code: str) -> HttpResponseBase:
    one, do, today = _in_force(code), request.POST.get("do", ""), timezone.localdate()
    sent = request.POST if request.method == "POST" else None
    initial = {"email": one.email, "wards": " ".join(one.wards), "categories": one.categories}
    forms_ = {
        "form": ParticularsForm(sent if do == "save" else None, initial=initial),
        "rename": NameForm(
            sent if do == "rename" else None, initial={"name_vi": one.name_vi, "name_en": one.name_en, "since": today}
        ),
        "merge": MergeForm(one, sent if do == "merge" else None, initial={"merged": today}),
    }
    asked: Any = {"save": forms_["form"], "rename": forms_["rename"], "merge": forms_["merge"]}.get(do)
    if asked is not None and asked.is_valid():
        try:
            _do(do, one, asked, request.actor.name)
        except (BadInput, Conflict):
            began: date = one.valid_from
            text = gettext("Ngày phải sau %(day)s và không sau hôm nay; cơ quan phải còn hiệu lực.") % {
                "day": f"{began:%d/%m/%Y}"
            }
            asked.add_error("merged" if do == "merge" else "since" if do == "rename" else None, text)
        else:
            messages.success(request, gettext("Đã lưu."))
            return redirect("centre:admin_agency", code=code)
    context = {
        **forms_,
        "agency": one,
        "kind": KINDS.get(one.kind, one.kind),
        "names": Agency.objects.filter(code=code).order_by("-valid_from"),
        "people": one.users.filter(is_active=True).order_by("username")[:100],
        "history": [(row.at, body) for row, body in audit.last(f"agency/{code}", 10)],
        "ended": one.valid_to is not None and one.valid_to < today,
    }
    failed = asked is not None and bool(asked.errors)
    return show(request, "centre/administration/agencies/agency.html", context, tab=TAB, status=422 if failed else 200)


def _do(do: str, one: Agency, asked: Any, by: str) -> None:
    said = asked.cleaned_data
    if do == "save":
        office.change(one, asked.particulars(), by)
    elif do == "rename":
        office.rename(one, said["name_vi"], said["name_en"], said["since"], by)
    else:
        office.merge(one, said["into"], said["merged"], by)

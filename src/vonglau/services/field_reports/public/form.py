"""What a citizen's form holds, checked: the category, where it is, a few words, contacts. Photos are checked as they are kept."""

import re
import secrets
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from vonglau.core.facts import Category, categories, category_groups
from vonglau.core.worlds import World
from vonglau.kit import wards
from vonglau.services.field_reports import rules, whereabouts
from vonglau.services.field_reports.attributes import BadAnswers, check
from vonglau.services.field_reports.public.pages import english

KEY = 80
"""Characters of an Idempotency-Key."""
KEY_FORM = re.compile(r"\A[A-Za-z0-9_-]{16,80}\Z")
PHOTOS = 5
QUESTION = "attribute."
"""Prefix of the fields that a category's own questions have."""


def new_key() -> str:
    return secrets.token_urlsafe(18)


def grouped() -> list[tuple[str, list[tuple[str, str]]]]:
    """Categories by group, in the order of the file and the language of the reader."""
    language = "en" if english() else "vi"
    names = {code: group.name[language] for code, group in category_groups().items()}
    found: dict[str, list[tuple[str, str]]] = {code: [] for code in names}
    for category in categories().values():
        found[category.group].append((category.code, category.name[language]))
    return [(names[code], rows) for code, rows in found.items() if rows]


class Line(forms.CharField):
    """A browser sends no NUL, and no database keeps one: it says nothing, and is left out."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\x00", "")


class Words(Line):
    """A browser counts a line break as one character and sends two."""

    def to_python(self, value: Any) -> str:
        return super().to_python(value).replace("\r\n", "\n")


class ReportForm(forms.Form):
    """Its words are for people: what is wrong, and what to do."""

    key = forms.CharField(max_length=KEY, widget=forms.HiddenInput, validators=[RegexValidator(KEY_FORM)])
    aware = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)
    category = forms.ChoiceField(
        label=_("Loại việc"),
        error_messages={
            "required": _("Hãy chọn loại việc."),
            "invalid_choice": _("Hãy chọn loại việc trong danh sách."),
        },
    )
    description = Words(
        label=_("Vài lời mô tả"),
        required=False,
        max_length=rules.DESCRIPTION_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": rules.DESCRIPTION_LIMIT, "autocomplete": "off"}),
        error_messages={"max_length": _("Dài quá %(limit_value)d ký tự: hãy viết gọn hơn.")},
    )
    photo_place = forms.BooleanField(label=_("Lấy vị trí ghi trong ảnh, nếu có"), required=False)
    lat = forms.FloatField(required=False, widget=forms.HiddenInput, localize=False)
    lon = forms.FloatField(required=False, widget=forms.HiddenInput, localize=False)
    ward = forms.ChoiceField(label=_("Phường, xã"), required=False)
    address = Line(label=_("Chỗ nào? Số nhà, tên đường, mốc dễ thấy"), required=False, max_length=300)
    contact_name = Line(
        label=_("Tên"), required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("Thư điện tử"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"invalid": _("Địa chỉ thư chưa đúng: viết như ten@example.vn, hoặc để trống.")},
    )
    phone = Line(
        label=_("Điện thoại"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
    )

    def __init__(self, world: World, given: QueryDict | None = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(given, initial=initial)
        self.world, self.given = world, given or QueryDict()
        self.answers: dict[str, Any] = {}
        categories_ = self.fields["category"]
        assert isinstance(categories_, forms.ChoiceField)
        categories_.choices = [("", _("– chọn –")), *grouped()]
        wards_ = self.fields["ward"]
        assert isinstance(wards_, forms.ChoiceField)
        wards_.choices = [("", _("– chọn –")), *wards.wards_of(world.locality).items()]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self._where(cleaned)
        category = categories().get(cleaned.get("category", ""))
        if category is not None and category.attributes:
            self._questions(category)
        return cleaned

    def begun_anew(self, key: str) -> "ReportForm":
        """The same content as another report: under a key of its own."""
        given = self.given.copy()
        given["key"] = key
        return ReportForm(self.world, given)

    def _where(self, cleaned: dict[str, Any]) -> None:
        lon, lat = cleaned.get("lon"), cleaned.get("lat")
        if lon is None or lat is None or not (-180 <= lon <= 180 and -90 <= lat <= 90):
            cleaned["lon"] = cleaned["lat"] = None
            if not cleaned.get("ward") and "ward" not in self.errors:
                self.add_error(
                    "ward", str(_("Hãy cho biết chỗ: vị trí hiện tại, một điểm trên bản đồ, hoặc phường xã."))
                )
        elif elsewhere := whereabouts.refusal(self.world, lon, lat):
            if cleaned.get(
                "ward"
            ):  # chosen by hand: it says more than a phone that stands on the beach, or in another city
                cleaned["lon"] = cleaned["lat"] = None
            else:
                self.add_error("ward", elsewhere)

    def _questions(self, category: Category) -> None:
        given = {one.code: self.given.getlist(QUESTION + one.code) for one in category.attributes}
        try:
            self.answers = check(category, given)
        except BadAnswers:
            self.add_error("category", str(_("Loại việc này cần thêm câu trả lời ở ngay bên dưới.")))

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The questions of every category, for the page: shown when theirs is chosen."""
        language = "en" if english() else "vi"
        chosen = self.given.get("category", "")
        return [
            {
                "category": category.code,
                "name": category.name[language],
                "shown": category.code == chosen,
                "rows": [self._question(one, language) for one in category.attributes],
            }
            for category in categories().values()
            if category.attributes
        ]

    def _question(self, one: Any, language: str) -> dict[str, Any]:
        given = self.given.getlist(QUESTION + one.code)
        return {
            "field": QUESTION + one.code,
            "name": one.name[language],
            "hint": one.hint[language] if one.hint else "",
            "required": one.required,
            "kind": one.datatype if one.variable else "shown",
            "values": [(value.key, value.name[language], value.key in given) for value in one.values],
            "given": given[0] if given else "",
        }

"""The forms of an account."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from vonglau.centre.administration.fields import Agencies
from vonglau.core.people import directory
from vonglau.core.people.accounts import Post
from vonglau.core.people.models import Agency, Role

NAME = RegexValidator(r"^[a-z0-9][a-z0-9._-]{1,49}\Z", _("Chữ thường không dấu, số, dấu chấm, gạch; 2 đến 50 ký tự."))


class PostForm(forms.Form):
    """What an account is."""

    name = forms.CharField(label=_("Họ tên"), max_length=150)
    role = forms.ChoiceField(label=_("Vai trò"), choices=Role.choices)
    agency = Agencies(
        label=_("Cơ quan"),
        queryset=Agency.objects.none(),
        required=False,
        empty_label=_("Không thuộc cơ quan nào"),
        help_text=_("Chỉ cho vai trò đơn vị xử lý."),
    )
    email = forms.EmailField(label=_("Thư điện tử"), required=False, max_length=254)
    language = forms.ChoiceField(label=_("Ngôn ngữ"), choices=(("vi", "Tiếng Việt"), ("en", "English")))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["agency"]
        field.queryset = directory.agencies(timezone.localdate())

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if "role" in data and (data["role"] == Role.AGENCY) != (data.get("agency") is not None):
            needs = data["role"] == Role.AGENCY
            self.add_error(
                "agency", gettext("Hãy chọn cơ quan.") if needs else gettext("Vai trò này không thuộc cơ quan nào.")
            )
        return data

    def post(self) -> Post:
        said = self.cleaned_data
        return Post(said["role"], said.get("agency"), said["name"], said["email"], said["language"])


class NewForm(PostForm):
    """An account that is not there yet."""

    username = forms.CharField(
        label=_("Tên đăng nhập"),
        validators=[NAME],
        help_text=_("Ví dụ nguyen.thi.lan"),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )
    field_order = ("username", "name", "role", "agency", "email", "language")

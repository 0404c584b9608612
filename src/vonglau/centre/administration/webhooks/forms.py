"""The form of a new webhook."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vonglau.centre.administration.fields import Agencies
from vonglau.core.errors import BadInput
from vonglau.core.notify import endpoints
from vonglau.core.people import directory
from vonglau.core.people.models import Agency

COMMON = (
    ("vn.vonglau.incident.*", _("Mọi thay đổi của sự việc")),
    ("vn.vonglau.alert.*", _("Cảnh báo")),
)


class WebhookForm(forms.Form):
    """Name, address, what is told, to whom."""

    name = forms.CharField(label=_("Tên"), max_length=100, help_text=_("Bạn nhận ra bên nhận qua tên này."))
    url = forms.CharField(
        label=_("Địa chỉ"),
        max_length=500,
        help_text=_("https://… của bên nhận. Máy trong mạng riêng phải có tên trong VONGLAU_PRIVATE_HOSTS."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )
    common = forms.MultipleChoiceField(
        label=_("Báo những gì"),
        choices=COMMON,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=["vn.vonglau.incident.*"],
    )
    types = forms.CharField(
        label=_("Loại sự kiện khác"),
        required=False,
        max_length=2000,
        help_text=_("Mỗi dòng một loại của CloudEvents; dấu * ở cuối là mọi loại bắt đầu như thế."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono", "autocomplete": "off"}),
    )
    agency = Agencies(
        label=_("Với quyền của"),
        queryset=Agency.objects.none(),
        required=False,
        empty_label=_("Trung tâm: mọi sự việc của thế giới này"),
        help_text=_("Một cơ quan chỉ được báo về sự việc trong tay mình."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["agency"]
        field.queryset = directory.agencies(timezone.localdate())

    def clean_url(self) -> str:
        try:
            return endpoints.checked_url(str(self.cleaned_data["url"]))
        except BadInput as wrong:
            raise forms.ValidationError(
                _("Địa chỉ phải bắt đầu bằng https://, không có tên, mật khẩu, #… hay dấu cách.")
            ) from wrong

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        wanted = [*data.get("common", ()), *str(data.get("types") or "").split()]
        try:
            data["wanted"] = endpoints.checked_types(wanted)
        except BadInput:
            self.add_error(
                "types" if wanted else "common",
                _("Loại sự kiện gồm chữ, số, dấu chấm, gạch, và có thể * ở cuối.")
                if wanted
                else _("Chọn ít nhất một loại để báo."),
            )
        return data

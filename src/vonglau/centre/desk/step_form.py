"""What every form of a step has in common."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Incident


class StepForm(forms.Form):
    """Every step carries the version it was looked at, and the last line of the timeline that was seen."""

    step: ClassVar[str] = "step"
    """The step of the table it asks for."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        self.incident = incident
        kwargs = {"label_suffix": "", "auto_id": f"{self.step}-%s", **kwargs}
        super().__init__(*args, **kwargs)

    def details(self) -> Details:
        """What the desk's command is given."""
        asked = self.cleaned_data
        return Details(why=asked.get("why", ""))


def words(label: Any, *, required: bool = True, rows: int = 3, missing: Any = None) -> forms.CharField:
    """A free text, up to 2,000 characters."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": missing or _("Hãy viết vài chữ: ai đọc hồ sơ này sau cũng cần biết vì sao.")},
    )

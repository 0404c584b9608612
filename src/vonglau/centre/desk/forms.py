"""What a step asks for. Fields that the state table needs are required here too, so that an error stands beside its field."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from vonglau.centre.desk.step_form import StepForm, words
from vonglau.centre.desk.worded_forms import RefuseForm, ResolveForm
from vonglau.centre.names import language, readable
from vonglau.core.alerts import metres
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, Step
from vonglau.core.levels import levels
from vonglau.core.people import directory
from vonglau.core.people.models import Agency
from vonglau.core.people.names import agency_name
from vonglau.core.routing import rules as routing
from vonglau.core.seams import incident_kinds
from vonglau.core.worlds import world

PICKS = 9
"""Agencies offered with a digit; the others stand in a list."""
NEAR_METRES = 1000


class AssignForm(StepForm):
    """One agency: the first nine by digit, any other from the list."""

    step = Step.ASSIGN
    agency = forms.ChoiceField(label=_("Giao cho"), widget=forms.RadioSelect, required=False)
    other = forms.ChoiceField(label=_("Cơ quan khác"), required=False)
    why = words(_("Dặn thêm"), required=False, rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggested = _suggested(self.incident)
        named = [(agency.code, agency_name(agency)) for agency, _hint in self.suggested]
        self.choice("agency").choices = named[:PICKS]
        self.choice("other").choices = [("", gettext("– chọn –")), *named[PICKS:]]
        if named:
            self.initial.setdefault("agency", named[0][0])

    def choice(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    @property
    def picks(self) -> list[tuple[Any, str, int]]:
        """(radio, why it is suggested, its digit)."""
        hints = {agency.code: hint for agency, hint in self.suggested}
        return [(radio, hints.get(str(radio.data["value"]), ""), n) for n, radio in enumerate(self["agency"], start=1)]

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        asked["chosen"] = asked.get("other") or asked.get("agency")
        if not asked["chosen"]:
            self.add_error("agency", gettext("Hãy chọn một cơ quan: mỗi sự việc có đúng một nơi chịu trách nhiệm."))
        return asked

    def details(self) -> Details:
        return Details(agency=self.cleaned_data["chosen"], why=self.cleaned_data["why"])


class TransferForm(AssignForm):
    """Another agency than the one in whose hands it is, and why."""

    step = Step.TRANSFER
    why = words(_("Vì sao chuyển"), rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = self.incident.agency.code if self.incident.agency else ""
        self.suggested = [(agency, hint) for agency, hint in self.suggested if agency.code != now]
        named = [(agency.code, agency_name(agency)) for agency, _hint in self.suggested]
        self.choice("agency").choices = named[:PICKS]
        self.choice("other").choices = [("", gettext("– chọn –")), *named[PICKS:]]
        self.initial.pop("agency", None)  # nobody is meant before somebody is chosen


def _suggested(incident: Incident) -> list[tuple[Agency, str]]:
    """Agencies in the order a person would think of them, each with why it stands so high."""
    known = incident_kinds().get(incident.kind)
    today = timezone.localtime(world(incident.world).now()).date()
    ruled = routing.usual(incident.world, incident.category, incident.ward, today) if incident.category else ""
    usual = ruled or (known[1].agency if known else "")
    field = incident.category or incident.kind
    ordered = directory.suggested(today, category=field, ward=incident.ward, usual=usual)

    def hint(agency: Agency) -> str:
        if usual and agency.code == usual:
            return gettext("Thường xử lý loại sự việc này")
        if field in agency.categories:
            return gettext("Phụ trách lĩnh vực này")
        return gettext("Địa bàn của sự việc") if incident.ward and incident.ward in agency.wards else ""

    hinted = [(agency, hint(agency)) for agency in ordered]
    # Committees of other wards come last: they are many, and seldom meant.
    return sorted(hinted, key=lambda pair: (not pair[1], not pair[1] and pair[0].kind == "ward"))


class MergeForm(StepForm):
    """Into which: an open one nearby of the same kind, or any by its reference."""

    step = Step.MERGE
    near = forms.ChoiceField(label=_("Sự việc ở gần"), widget=forms.RadioSelect, required=False)
    keeper = forms.CharField(
        label=_("Hoặc mã sự việc"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"placeholder": "SV-…", "autocapitalize": "characters", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["near"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(other.ref, words) for other, words in _nearby(self.incident)]
        if not field.choices:
            self.fields["keeper"].label = _("Mã sự việc giữ lại")

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        asked["chosen"] = (asked.get("keeper") or "").strip().upper() or asked.get("near")
        if not asked["chosen"]:
            self.add_error("keeper", gettext("Hãy chọn hoặc gõ mã của sự việc giữ lại."))
        elif not Incident.objects.filter(world=self.incident.world, ref=asked["chosen"]).exists():
            self.add_error("keeper", gettext("Không có sự việc mang mã này trong thế giới đang xem."))
        return asked

    def details(self) -> Details:
        return Details(keeper=self.cleaned_data["chosen"])


def _nearby(incident: Incident, most: int = 5) -> list[tuple[Incident, str]]:
    """Open incidents of the same kind within a kilometre, the nearest first."""
    if incident.lon is None or incident.lat is None:
        return []
    spread = NEAR_METRES / 111_320 * 1.5
    found = Incident.objects.filter(
        world=incident.world,
        kind=incident.kind,
        state__in=OPEN,
        lat__range=(incident.lat - spread, incident.lat + spread),
        lon__range=(incident.lon - spread, incident.lon + spread),
    ).exclude(pk=incident.pk)
    measured = []
    for other in found[:200]:
        if other.lon is None or other.lat is None:
            continue
        away = metres(incident.lon, incident.lat, other.lon, other.lat)
        if away <= NEAR_METRES:
            measured.append((away, other))
    near = sorted(measured, key=lambda pair: pair[0])[:most]
    return [
        (
            other,
            gettext("%(ref)s · %(title)s · cách %(metres)s m")
            % {"ref": other.ref, "title": other.title, "metres": round(away)},
        )
        for (away, _stored), other in zip(near, readable(other for _away, other in near), strict=True)
    ]


class SplitForm(StepForm):
    step = Step.SPLIT
    title = forms.CharField(
        label=_("Phần tách ra là gì"),
        max_length=200,
        help_text=_("Không ghi tên, số điện thoại hay địa chỉ nhà của ai."),
        error_messages={"required": _("Hãy đặt tên cho phần việc được tách ra.")},
    )

    def details(self) -> Details:
        return Details(title=self.cleaned_data["title"].strip())


class WhyForm(StepForm):
    why = words(_("Vì sao"))


class ReturnForm(WhyForm):
    step = Step.RETURN


class PauseForm(WhyForm):
    step = Step.PAUSE


class ReopenForm(WhyForm):
    step = Step.REOPEN


class LevelForm(StepForm):
    step = Step.LEVEL
    level = forms.ChoiceField(label=_("Mức độ"), widget=forms.RadioSelect)
    why = words(_("Vì sao đổi"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["level"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (level.code, f"{level.name[language()]} – {level.description[language()]}")
            for level in levels().values()
            if level.code != self.incident.level
        ]

    def details(self) -> Details:
        return Details(level=self.cleaned_data["level"], why=self.cleaned_data["why"])


class NoteForm(StepForm):
    step = Step.NOTE
    why = words(_("Ghi chú"), required=False)
    photo = forms.FileField(label=_("Ảnh"), required=False)

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        if not asked.get("why") and not asked.get("photo"):
            self.add_error("why", gettext("Hãy viết vài chữ hoặc thêm một ảnh."))
        return asked


FORMS: dict[str, type[StepForm]] = {
    form.step: form
    for form in (
        AssignForm, TransferForm, RefuseForm, MergeForm, SplitForm, ReturnForm, PauseForm, ResolveForm, ReopenForm, LevelForm, NoteForm,
    )
}  # fmt: skip
"""Steps that ask for something. The others are taken by their button."""

"""What a step asks for. Fields that the state table needs are required here too, so that an error stands beside its field."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from vonglau.centre.names import language, readable
from vonglau.core.alerts import metres
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, OUTCOME_NAMES, REFUSING, RESOLVING, Step
from vonglau.core.incidents.timeline import agency_name
from vonglau.core.levels import levels
from vonglau.core.people import directory
from vonglau.core.people.models import Agency
from vonglau.core.seams import incident_kinds
from vonglau.core.worlds import world

PICKS = 9
"""Agencies offered with a digit; the others stand in a list."""
NEAR_METRES = 1000


class StepForm(forms.Form):
    """Every step carries the version it was looked at, and the last line of the timeline that was seen."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        self.incident = incident
        kwargs = {"label_suffix": "", "auto_id": f"{self.step_name()}-%s", **kwargs}
        super().__init__(*args, **kwargs)

    @classmethod
    def step_name(cls) -> str:
        return next((step for step, form in FORMS.items() if form is cls), "step")

    def details(self) -> Details:
        """What the desk's command is given."""
        asked = self.cleaned_data
        return Details(why=asked.get("why", ""))


def _words(label: Any, *, required: bool = True, rows: int = 3, missing: Any = None) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": missing or _("Hãy viết vài chữ: ai đọc hồ sơ này sau cũng cần biết vì sao.")},
    )


class AssignForm(StepForm):
    """One agency: the first nine by digit, any other from the list."""

    agency = forms.ChoiceField(label=_("Giao cho"), widget=forms.RadioSelect, required=False)
    other = forms.ChoiceField(label=_("Cơ quan khác"), required=False)
    why = _words(_("Dặn thêm"), required=False, rows=2)

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


def _suggested(incident: Incident) -> list[tuple[Agency, str]]:
    """Agencies in the order a person would think of them, each with why it stands so high."""
    known = incident_kinds().get(incident.kind)
    usual = known[1].agency if known else ""
    today = timezone.localtime(world(incident.world).now()).date()
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


class RefuseForm(StepForm):
    outcome = forms.ChoiceField(
        label=_("Vì sao không tiếp nhận"),
        widget=forms.RadioSelect,
        choices=lambda: [(code, str(OUTCOME_NAMES[code])) for code in REFUSING],
        error_messages={"required": _("Hãy chọn một lý do: từ chối luôn phải có mã.")},
    )
    why = _words(_("Giải thích cho người phản ánh"))

    def details(self) -> Details:
        return Details(outcome=self.cleaned_data["outcome"], why=self.cleaned_data["why"])


class MergeForm(StepForm):
    """Into which: an open one nearby of the same kind, or any by its reference."""

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
    title = forms.CharField(
        label=_("Phần tách ra là gì"),
        max_length=200,
        help_text=_("Không ghi tên, số điện thoại hay địa chỉ nhà của ai."),
        error_messages={"required": _("Hãy đặt tên cho phần việc được tách ra.")},
    )

    def details(self) -> Details:
        return Details(title=self.cleaned_data["title"].strip())


class WhyForm(StepForm):
    why = _words(_("Vì sao"))


class ReturnForm(WhyForm):
    pass


class PauseForm(WhyForm):
    pass


class ReopenForm(WhyForm):
    pass


class ResolveForm(StepForm):
    outcome = forms.ChoiceField(
        label=_("Kết quả"),
        widget=forms.RadioSelect,
        choices=lambda: [(code, str(OUTCOME_NAMES[code])) for code in RESOLVING],
        error_messages={"required": _("Hãy chọn một kết quả: “đã khắc phục” được đếm riêng.")},
    )
    planned_for = forms.DateField(
        label=_("Dự kiến làm xong ngày"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Bắt buộc khi chọn “đã lên kế hoạch”."),
    )
    why = _words(_("Đã làm gì"))
    photo = forms.FileField(label=_("Ảnh sau xử lý"), required=False)

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        planned: date | None = asked.get("planned_for")
        if asked.get("outcome") == "planned":
            today = timezone.localtime(world(self.incident.world).now()).date()
            if planned is None and "planned_for" not in self.errors:
                self.add_error("planned_for", gettext("“Đã lên kế hoạch” phải có ngày dự kiến làm xong."))
            elif planned is not None and planned < today:
                self.add_error("planned_for", gettext("Ngày dự kiến phải từ hôm nay trở đi."))
        return asked

    def details(self) -> Details:
        asked = self.cleaned_data
        planned = asked["planned_for"] if asked["outcome"] == "planned" else None
        return Details(outcome=asked["outcome"], why=asked["why"], planned_for=planned)


class LevelForm(StepForm):
    level = forms.ChoiceField(label=_("Mức độ"), widget=forms.RadioSelect)
    why = _words(_("Vì sao đổi"))

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
    why = _words(_("Ghi chú"), required=False)
    photo = forms.FileField(label=_("Ảnh"), required=False)

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        if not asked.get("why") and not asked.get("photo"):
            self.add_error("why", gettext("Hãy viết vài chữ hoặc thêm một ảnh."))
        return asked


FORMS: dict[str, type[StepForm]] = {
    Step.ASSIGN: AssignForm,
    Step.REFUSE: RefuseForm,
    Step.MERGE: MergeForm,
    Step.SPLIT: SplitForm,
    Step.RETURN: ReturnForm,
    Step.PAUSE: PauseForm,
    Step.RESOLVE: ResolveForm,
    Step.REOPEN: ReopenForm,
    Step.LEVEL: LevelForm,
    Step.NOTE: NoteForm,
}
"""Steps that ask for something. The others are taken by their button."""

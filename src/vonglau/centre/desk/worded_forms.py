"""Refusing and telling a result: what reaches the citizen. Reasons are chosen, templates filled, "fixed" shown.

A template is put into the text by a script when it is chosen. Without one the form comes back with it, to be filled.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from vonglau.centre.desk.step_form import StepForm, words
from vonglau.centre.names import language
from vonglau.core.incidents import proof, wording
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.files import NOWHERE, Where
from vonglau.core.incidents.states import OUTCOME_NAMES, REFUSING, RESOLVING, Outcome, Step
from vonglau.core.incidents.wording import Template, Wording
from vonglau.core.worlds import world


class TemplateSelect(forms.Select):
    """Options that bring their sentence along as `data-template`, for the script that writes it into the text."""

    sentences: dict[str, str]

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        option["attrs"]["data-template"] = self.sentences.get(str(value), "")
        return option


class WordedForm(StepForm):
    """A step whose text follows the wording of the incident's kind, where it has one."""

    templates = ""
    """Name of the field in which a template is chosen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wording: Wording | None = wording.of(self.incident.kind)

    def offer(self, rows: Sequence[Template], empty: Any) -> None:
        """Fill the field of templates, or take it away where nothing is prescribed."""
        if self.wording is None:
            del self.fields[self.templates]
            return
        field = self.fields[self.templates]
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(field.widget, TemplateSelect)
        field.widget.sentences = {row.code: row.template[language()] for row in rows}
        field.choices = [("", empty), *_grouped(rows)]

    def sentence(self, code: str) -> Template | None:
        known = self.wording
        return next((row for row in (*known.refusals, *known.results) if row.code == code), None) if known else None

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        chosen = self.sentence(str(asked.get(self.templates) or ""))
        if chosen and not asked.get("why"):
            assert isinstance(self.data, QueryDict)
            filled = self.data.copy()
            filled["why"] = chosen.template[language()]
            self.data = filled
            self.errors.pop("why", None)
            self.add_error("why", gettext("Mẫu câu đã được chép vào đây. Hãy điền vào chỗ trống trong ngoặc vuông."))
        elif self.wording and (left := wording.unfilled(self.wording, asked.get("why", ""))):
            self.add_error("why", gettext("Còn chỗ trống chưa điền: %(blanks)s") % {"blanks": ", ".join(left)})
        return asked


def _grouped(rows: Iterable[Template]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The templates under the name of their outcome."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        groups.setdefault(str(OUTCOME_NAMES[row.outcome]), []).append((row.code, row.name[language()]))
    return list(groups.items())


class RefuseForm(WordedForm):
    """A coded reason, which says the outcome; whom a redirection leads to; and a text for the reporter."""

    step = Step.REFUSE
    templates = "reason"

    reason = forms.ChoiceField(
        label=_("Vì sao không tiếp nhận"),
        widget=TemplateSelect,
        error_messages={"required": _("Hãy chọn một lý do: từ chối luôn phải có mã.")},
    )
    outcome = forms.ChoiceField(
        label=_("Vì sao không tiếp nhận"),
        widget=forms.RadioSelect,
        choices=lambda: [(code, str(OUTCOME_NAMES[code])) for code in REFUSING],
        error_messages={"required": _("Hãy chọn một lý do: từ chối luôn phải có mã.")},
    )
    target = forms.ChoiceField(
        label=_("Hướng dẫn người dân đến"),
        required=False,
        help_text=_("Bắt buộc khi chuyển cơ quan khác."),
    )
    why = words(_("Giải thích cho người phản ánh"), rows=4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.wording
        self.offer(known.refusals if known else (), gettext("– chọn –"))
        if known is None:
            del self.fields["target"]
            return
        del self.fields["outcome"]  # the reason says it
        field = self.fields["target"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", gettext("– chọn –")), *((one.code, one.name[language()]) for one in known.targets)]

    def clean(self) -> dict[str, Any]:
        asked = super().clean()
        chosen = self.sentence(str(asked.get("reason") or ""))
        if chosen:
            asked["outcome"] = chosen.outcome
            if chosen.outcome == Outcome.REDIRECTED and not asked.get("target"):
                self.add_error("target", gettext("Hãy chọn nơi người dân cần đến: đừng để họ tự tìm."))
        return asked

    def details(self) -> Details:
        asked = self.cleaned_data
        return Details(
            outcome=asked["outcome"],
            why=asked["why"],
            reason=asked.get("reason", ""),
            target=asked.get("target", "") if asked["outcome"] == Outcome.REDIRECTED else "",
        )


class ResolveForm(WordedForm):
    """An outcome, a text for the reporter, a photo; where the kind wants proof, with the place it was taken."""

    step = Step.RESOLVE
    templates = "template"

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
    template = forms.ChoiceField(label=_("Mẫu câu"), widget=TemplateSelect, required=False)
    why = words(_("Đã làm gì"))
    photo = forms.FileField(label=_("Ảnh sau xử lý"), required=False)
    place = forms.CharField(label=_("Ảnh chụp ở đâu"), required=False, max_length=200)
    lon = forms.FloatField(required=False, widget=forms.HiddenInput, min_value=-180, max_value=180)
    lat = forms.FloatField(required=False, widget=forms.HiddenInput, min_value=-90, max_value=90)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(self.wording.results if self.wording else (), gettext("– tự viết –"))
        self.initial.setdefault("place", self.incident.place)
        self.proves = [code for code in RESOLVING if proof.needed(self.incident.kind, code)]
        if self.proves:
            self.fields["photo"].label = _("Ảnh sau xử lý, bắt buộc khi “đã khắc phục”")

    def where(self) -> Where:
        """Where the photo was taken, as far as the form says."""
        asked = self.cleaned_data
        lon, lat = asked.get("lon"), asked.get("lat")
        both = lon is not None and lat is not None
        return Where(lon=lon if both else None, lat=lat if both else None, place=asked.get("place", ""))

    def clean(self) -> dict[str, Any]:
        asked = super().clean()
        planned: date | None = asked.get("planned_for")
        if asked.get("outcome") == Outcome.PLANNED:
            today = timezone.localtime(world(self.incident.world).now()).date()
            if planned is None and "planned_for" not in self.errors:
                self.add_error("planned_for", gettext("“Đã lên kế hoạch” phải có ngày dự kiến làm xong."))
            elif planned is not None and planned < today:
                self.add_error("planned_for", gettext("Ngày dự kiến phải từ hôm nay trở đi."))
        self._prove(asked)
        return asked

    def _prove(self, asked: dict[str, Any]) -> None:
        if asked.get("outcome") not in self.proves:
            return
        coming, where = asked.get("photo"), self.where()
        kept = proof.since_assignment(self.incident)
        if not coming and not kept:
            self.add_error(
                "photo", gettext("“Đã khắc phục” phải có ảnh chụp sau khi được giao. Chưa ghi gì; hãy thêm một ảnh.")
            )
        elif not where and not any(kept.values()):
            self.add_error("place", gettext("Hãy ghi ảnh chụp ở đâu, hoặc cho phép điện thoại ghi vị trí."))

    def details(self) -> Details:
        asked = self.cleaned_data
        planned = asked["planned_for"] if asked["outcome"] == Outcome.PLANNED else None
        return Details(outcome=asked["outcome"], why=asked["why"], planned_for=planned)


def where_of(form: StepForm) -> Where:
    """Where the photo of a form was taken; nowhere for one that does not ask."""
    return form.where() if isinstance(form, ResolveForm) else NOWHERE


__all__ = ["RefuseForm", "ResolveForm", "where_of"]

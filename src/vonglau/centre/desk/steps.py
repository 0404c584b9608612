"""Taking a step: errors beside their fields, an answer in place, and never a lost word.

A photo that came is kept whatever else is wrong with the form: it may have been taken in the rain. When somebody else was
faster, the form comes back with what they did and with everything that was typed; pressing again then means it.
"""

import json

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from vonglau.centre.access import Request, is_fragment, of_the_desk
from vonglau.centre.desk.actions import LOOKS
from vonglau.centre.desk.forms import FORMS
from vonglau.centre.desk.step_form import StepForm
from vonglau.centre.desk.views import find_incident, whole
from vonglau.centre.desk.worded_forms import where_of
from vonglau.centre.names import readable
from vonglau.core.errors import BadInput, Conflict, NotFound, StorageFull
from vonglau.core.incidents import desk, files, proof
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.incidents.states import STEP_NAMES, Step
from vonglau.core.incidents.timeline import Entry, timeline
from vonglau.core.people import policy

PROOF = _("“Đã khắc phục” phải có ảnh chụp sau khi được giao, ghi rõ chụp ở đâu. Chưa ghi gì; hãy thêm một ảnh.")
PHOTO_FAULTS = {
    "large": _("Ảnh lớn hơn 15 MB. Hãy chụp nhỏ hơn hoặc chọn ảnh khác."),
    "pixels": _("Ảnh có quá nhiều điểm ảnh. Hãy chụp nhỏ hơn hoặc chọn ảnh khác."),
    "heic": _(
        "Ảnh HEIC chưa đọc được. Hãy chọn JPEG trong cài đặt máy ảnh (Tương thích nhất), hoặc gửi ảnh chụp màn hình."
    ),
    "moving": _("Đây là ảnh động. Hãy chọn một ảnh tĩnh."),
    "unreadable": _("Tệp này không phải ảnh đọc được (JPEG, PNG, WebP). Hãy chọn ảnh khác."),
}


@of_the_desk
@require_http_methods(["GET", "POST"])
def step(request: Request, ref: str, step: str) -> HttpResponseBase:
    """GET: the form on a page of its own, where no script runs. POST: the step."""
    incident = find_incident(request, ref)
    if step not in LOOKS:
        raise NotFound(f"There is no step {step!r}.")
    verdict = policy.may_step(request.actor, incident, step)
    if request.method == "GET":
        return _form(request, incident, step, _unbound(step, incident)) if verdict else redirect("centre:incident", ref)
    if not verdict:
        return _moved_on(request, incident, step, verdict.reason)
    form = FORMS.get(step, StepForm)(request.POST, request.FILES, incident=incident)
    form.is_valid()
    photo = _keep_photo(request, incident, form)
    if form.errors:
        return _form(request, incident, step, form, status=422, photo=photo)
    return _take(request, incident, step, form, photo)


def _unbound(step: str, incident: Incident) -> StepForm:
    return FORMS.get(step, StepForm)(
        incident=incident, initial={"version": incident.version, "seen": _latest(timeline(incident))}
    )


def _latest(entries: list[Entry]) -> int:
    return entries[0].n if entries else 0


def _keep_photo(request: Request, incident: Incident, form: StepForm) -> Evidence | None:
    upload = request.FILES.get("photo")
    if not isinstance(upload, UploadedFile) or "photo" not in form.fields:
        return None
    try:
        return files.attach(incident, request.actor, upload, where=where_of(form))
    except BadInput as problem:
        form.add_error("photo", PHOTO_FAULTS[str(problem.extra.get("reason", "unreadable"))])
    except StorageFull:
        form.add_error("photo", gettext("Máy chủ hết chỗ lưu, ảnh chưa được giữ. Hãy báo quản trị hệ thống."))
    return None


def _place_kept(request: Request, incident: Incident, form: StepForm) -> None:
    """A photo that was kept at an earlier try, when its place was still missing, has it now."""
    where = where_of(form)
    if not where or proof.shown(incident):
        return
    waiting = incident.evidence.filter(sha256__in=proof.since_assignment(incident), by=request.actor.name).last()
    if waiting is not None:
        files.say_where(waiting, request.actor, where)


def _take(request: Request, incident: Incident, step: str, form: StepForm, photo: Evidence | None) -> HttpResponseBase:
    details, version = form.details(), form.cleaned_data.get("version")
    if step == Step.NOTE and not details.why:
        return _done(request, incident.ref, step)  # the photo is the note
    _place_kept(request, incident, form)
    try:
        desk.take(request.world.pk, incident.ref, step, request.actor, details, version=version)
    except Conflict:
        return _overtaken(request, incident.ref, step, form, photo)
    except BadInput as problem:
        field = str(problem.extra.get("pointer", "")).lstrip("/")
        fault = PROOF if problem.extra.get("reason") == "proof" else gettext("Chưa dùng được; hãy chọn hoặc viết lại.")
        form.add_error(field if field in form.fields else None, fault)
        return _form(request, incident, step, form, status=422, photo=photo)
    return _done(request, incident.ref, step)


def _overtaken(request: Request, ref: str, step: str, form: StepForm, photo: Evidence | None) -> HttpResponseBase:
    """Somebody else was faster: show what they did; keep what was typed, under the new version."""
    incident = find_incident(request, ref)
    entries = timeline(incident)
    happened = [e for e in entries if e.n > (form.cleaned_data.get("seen") or 0) and photo not in e.photos]
    verdict = policy.may_step(request.actor, incident, step)
    if not verdict:
        return _moved_on(request, incident, step, verdict.reason)
    if step not in FORMS:
        text = gettext("Sự việc vừa thay đổi nên bước này chưa được ghi. Hãy xem lại rồi bấm lần nữa.")
        return _shown(request, incident, text, happened)
    fresh = request.POST.copy()
    fresh["version"], fresh["seen"] = str(incident.version), str(_latest(entries))
    again = type(form)(fresh, incident=incident)
    return _form(request, incident, step, again, status=409, photo=photo, happened=happened)


def _moved_on(request: Request, incident: Incident, step: str, reason: str) -> HttpResponseBase:
    """The step is not there to take, or not any more: the incident as it is, and why."""
    text = gettext("Chưa ghi được “%(step)s”: sự việc đang ở “%(state)s”. %(reason)s") % {
        "step": STEP_NAMES[Step(step)],
        "state": incident.state_name,
        "reason": reason,
    }
    return _shown(request, incident, text, [])


def _shown(request: Request, incident: Incident, text: str, happened: list[Entry]) -> HttpResponseBase:
    context = {**whole(request, incident), "notice": text, "happened": happened}
    template = "centre/desk/_incident.html" if is_fragment(request) else "centre/desk/incident.html"
    return render(request, template, context, status=409)


def _form(
    request: Request,
    incident: Incident,
    step: str,
    form: StepForm,
    *,
    status: int = 200,
    photo: Evidence | None = None,
    happened: list[Entry] | None = None,
) -> HttpResponseBase:
    context = {
        "incident": readable([incident])[0],
        "step": step,
        "title": str(STEP_NAMES[Step(step)]),
        "look": LOOKS[step],
        "form": form,
        "photo": photo,
        "happened": happened or [],
    }
    if not is_fragment(request):
        return render(request, "centre/desk/step.html", context, status=status)
    response = render(request, "centre/desk/_form.html", context, status=status)
    response["HX-Retarget"] = f"#form-{step}"
    response["HX-Reswap"] = "outerHTML"
    return response


def _done(request: Request, ref: str, step: str) -> HttpResponseBase:
    """The page as it stands now, in place; without a script, by way of its address."""
    text = gettext("%(ref)s: đã ghi “%(step)s”") % {"ref": ref, "step": STEP_NAMES[Step(step)]}
    try:
        incident = find_incident(request, ref)
    except NotFound:  # it left this agency's hands by its own step
        messages.success(request, text)
        inbox = reverse("centre:desk")
        return HttpResponse(headers={"HX-Redirect": inbox}) if is_fragment(request) else redirect(inbox)
    if not is_fragment(request):
        messages.success(request, text)
        return redirect("centre:incident", ref)
    response = render(request, "centre/desk/_incident.html", whole(request, incident))
    response["HX-Trigger"] = json.dumps({"vl:toast": {"text": text}})
    return response

"""The same step on several incidents: each in a transaction and with an audit line of its own, and an answer that names every one.

What one of them refuses stops none of the others. Steps that need something of their own from each (a photo, a split) are not offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from vonglau.centre.access import Request, of_the_desk
from vonglau.centre.desk.actions import LOOKS, Look
from vonglau.centre.desk.forms import FORMS
from vonglau.centre.desk.step_form import StepForm
from vonglau.centre.names import readable
from vonglau.core.errors import BadInput, Conflict, NotAllowed, NotFound, StepNotPossible
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import STEP_NAMES, Step
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor

MOST = 100
"""Incidents at a time: two pages of the list."""
STEPS = (
    Step.VERIFY,
    Step.ASSIGN,
    Step.START,
    Step.RESUME,
    Step.CLOSE,
    Step.TRANSFER,
    Step.RETURN,
    Step.PAUSE,
    Step.MERGE,
    Step.LEVEL,
    Step.REFUSE,
    Step.NOTE,
)
"""What can be said once for many, in the order of the bar."""
_STEPS = frozenset(STEPS)


@dataclass(frozen=True, slots=True)
class Picked:
    """One that was chosen in the list, and the version it had there."""

    ref: str
    version: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A step of the bar."""

    step: str
    title: str
    look: Look


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one. `why`: why it was refused; "" where it was done."""

    ref: str
    title: str
    why: str


def allowed(actor: Actor, rows: Sequence[Incident]) -> dict[int, str]:
    """By incident the steps of `STEPS` that this actor may take on it now, as the page's script reads them."""
    return {row.pk: " ".join(sorted(_STEPS.intersection(policy.steps(actor, row)), key=STEPS.index)) for row in rows}


def offers(steps_of: dict[int, str]) -> list[Offer]:
    """The bar: every step that at least one row of the list allows."""
    there = {step for steps in steps_of.values() for step in steps.split()}
    return [Offer(step, str(STEP_NAMES[step]), LOOKS[step]) for step in STEPS if step in there]


def picked(posted: QueryDict) -> list[Picked]:
    """ "REF:VERSION" of each, once, in order; what is none is left out."""
    found: dict[str, Picked] = {}
    for text in posted.getlist("pick")[:MOST]:
        ref, _sep, version = text.rpartition(":")
        if ref and len(ref) <= 40 and version.isascii() and version.isdigit() and len(version) < 10:
            found.setdefault(ref, Picked(ref, int(version)))
    return list(found.values())


@of_the_desk
@require_POST
def several(request: Request) -> HttpResponseBase:
    """First press: do it, or ask what it needs. `sure`: the form for all of them was filled."""
    chosen, step = picked(request.POST), request.POST.get("step", "")
    back = reverse("centre:desk") + _query(request.POST.get("back", ""))
    rows = _rows(request, chosen)
    if step not in STEPS or not rows:
        return redirect(back)
    kind = FORMS.get(step)
    if kind is None:
        return _told(request, step, _take(request, chosen, rows, step, None), back)
    may = [row for row in rows.values() if policy.may_step(request.actor, row, step)]
    first = may[0] if may else next(iter(rows.values()))
    if "sure" not in request.POST:
        return _ask(request, step, kind(incident=first), chosen, rows, back)
    form = kind(request.POST, incident=first)
    if not form.is_valid():
        return _ask(request, step, form, chosen, rows, back, status=422)
    return _told(request, step, _take(request, chosen, rows, step, form), back)


def _query(text: str) -> str:
    """The list as it was filtered; only its own query, never another address."""
    return text if text.startswith("?") and 1 < len(text) < 2000 and "\n" not in text and "\r" not in text else ""


def _rows(request: Request, chosen: Sequence[Picked]) -> dict[str, Incident]:
    found = Incident.objects.filter(world=request.world.pk, ref__in=[one.ref for one in chosen]).select_related(
        "agency"
    )
    known = {row.ref: row for row in readable(found) if policy.may_see(request.actor, row)}
    return {one.ref: known[one.ref] for one in chosen if one.ref in known}


def _ask(
    request: Request,
    step: str,
    form: StepForm,
    chosen: Sequence[Picked],
    rows: dict[str, Incident],
    back: str,
    status: int = 200,
) -> HttpResponseBase:
    context = {
        "step": step,
        "title": str(STEP_NAMES[Step(step)]),
        "look": LOOKS[step],
        "form": form,
        "rows": [(row, bool(policy.may_step(request.actor, row, step))) for row in rows.values()],
        "picks": [f"{one.ref}:{one.version}" for one in chosen if one.ref in rows],
        "incident": form.incident,
        "back": back,
        "query": back.partition("?")[1] + back.partition("?")[2],
        "several": True,
    }
    return render(request, "centre/desk/several.html", context, status=status)


def _take(
    request: Request, chosen: Sequence[Picked], rows: dict[str, Incident], step: str, form: StepForm | None
) -> list[Answer]:
    details = form.details() if form is not None else desk.Details()
    answers = []
    for one in chosen:
        row = rows.get(one.ref)
        title = row.title if row is not None else ""
        answers.append(Answer(one.ref, title, _one(request, one, row, step, details)))
    return answers


def _one(request: Request, one: Picked, row: Incident | None, step: str, details: Any) -> str:
    """Why it was refused; "" when it was done."""
    if row is None:
        return gettext("Không còn trong danh sách của bạn.")
    verdict = policy.may_step(request.actor, row, step)
    if not verdict:
        return gettext("Đang ở “%(state)s”. %(reason)s") % {"state": row.state_name, "reason": verdict.reason}
    try:
        desk.take(request.world.pk, one.ref, step, request.actor, details, version=one.version)
    except Conflict:
        return gettext("Vừa có người khác thay đổi: hãy mở xem rồi làm riêng.")
    except (NotAllowed, NotFound, StepNotPossible):
        return gettext("Vừa chuyển sang trạng thái khác: hãy mở xem.")
    except BadInput as problem:
        if problem.extra.get("pointer") == "/keeper":
            return gettext("Không gộp được vào chính nó, hay vào việc đã gộp hoặc đã từ chối.")
        return gettext("Điều đã điền không dùng được cho việc này: hãy mở xem rồi làm riêng.")
    return ""


def _told(request: Request, step: str, answers: Sequence[Answer], back: str) -> HttpResponseBase:
    context = {
        "title": str(STEP_NAMES[Step(step)]),
        "done": [one for one in answers if not one.why],
        "refused": [one for one in answers if one.why],
        "back": back,
    }
    return render(request, "centre/desk/several_done.html", context)

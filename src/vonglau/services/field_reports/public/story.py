"""What happened to a report, as its citizen is told: the steps of its incident, its deadlines, what comes next. No names of people.

Out of the audit rows, the one place that knows every step with its moment. A merged report follows the incident it was merged into.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from vonglau.core import audit
from vonglau.core.audit_models import Note
from vonglau.core.incidents import clocks, desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.phrases import clock_words, day_words
from vonglau.core.incidents.states import OUTCOME_NAMES, State, Step
from vonglau.core.people.names import NamesByDay, agency_name
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.replies import COMMENT

TOLD_WHY = frozenset({Step.REFUSE, Step.RESOLVE, Step.PAUSE})
"""Steps whose reason is written for the citizen."""


TITLES: dict[str, Promise] = {
    "receive": gettext_lazy("Đã nhận phản ánh"),
    Step.VERIFY: gettext_lazy("Trung tâm đã xác minh"),
    Step.REFUSE: gettext_lazy("Không xử lý ở đây"),
    Step.MERGE: gettext_lazy("Đã gộp với phản ánh trước về cùng việc"),
    Step.ASSIGN: gettext_lazy("Giao cơ quan xử lý"),
    Step.TRANSFER: gettext_lazy("Chuyển cơ quan xử lý"),
    Step.RETURN: gettext_lazy("Cơ quan trả lại để giao đúng nơi"),
    Step.START: gettext_lazy("Bắt đầu xử lý"),
    Step.PAUSE: gettext_lazy("Chờ bạn bổ sung"),
    Step.RESUME: gettext_lazy("Tiếp tục xử lý"),
    Step.RESOLVE: gettext_lazy("Đã có kết quả"),
    Step.CLOSE: gettext_lazy("Đã đóng"),
    Step.REOPEN: gettext_lazy("Mở lại vì kết quả chưa đạt"),
    "verdict": gettext_lazy("Người dân đánh giá kết quả"),
}
"""Steps that a citizen is told."""


def title_of(step: str) -> str:
    """A step in the active language; empty for one that stays inside."""
    return str(TITLES.get(step, ""))


@dataclass(frozen=True, slots=True)
class Event:
    """One step. `why`: what the agency wrote to the citizen; empty for the public."""

    at: datetime
    step: str
    title: str
    more: str = ""
    why: str = ""
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Deadline:
    title: str
    due: datetime
    met: datetime | None
    running: bool


@dataclass(frozen=True, slots=True)
class Story:
    """`headline`: where it stands. `next`: what comes, by when, by whom. `tone`: good | bad | wait | run."""

    state: str
    headline: str
    next: str
    tone: str
    deadlines: tuple[Deadline, ...]
    events: tuple[Event, ...]
    agency: str
    objection_ends: datetime | None


def tell(report: Report, now: datetime, *, own: bool) -> Story:
    """`own`: for whoever holds the secret link; else what anybody may read."""
    whole = desk.fate(report.incident)
    ends = clocks.objection_ends(whole)
    agency = agency_name(whole.agency)
    where = stands(whole, now, own=own)
    return Story(
        state=whole.state,
        headline=where.headline,
        next=where.next,
        tone=where.tone,
        deadlines=tuple(_deadlines(whole)),
        events=tuple(_events(report, whole, own=own)),
        agency=agency,
        objection_ends=ends if ends and ends > now else None,
    )


@dataclass(frozen=True, slots=True)
class Stands:
    """As in `Story`."""

    headline: str
    next: str
    tone: str


def stands(one: Incident, now: datetime, *, own: bool = False) -> Stands:
    """Where an incident stands, in the active language. `own`: to who reported it, who may be waited for."""
    if one.paused_at is not None and not own:
        words = _("Đồng hồ xử lý tạm dừng đến khi người phản ánh trả lời.")
        return Stands(_("Chờ người phản ánh bổ sung"), words, "wait")
    return Stands(*_stands(one, agency_name(one.agency), clocks.objection_ends(one), now))


def _stands(one: Incident, agency: str, ends: datetime | None, now: datetime) -> tuple[str, str, str]:
    if one.paused_at is not None:
        return (_("Đang chờ bạn bổ sung"), _("Đồng hồ xử lý tạm dừng. Khi có bổ sung, việc xử lý tiếp tục."), "wait")
    if one.state == State.RECEIVED:
        due = {"due": clock_words(one.receive_due)}
        return (_("Đã nhận, chờ xác minh"), _("Trung tâm xem và xác minh trước %(due)s.") % due, "run")
    if one.state == State.VERIFIED or (one.state == State.ASSIGNED and not agency):
        due = {"due": clock_words(one.handle_due)}
        return (_("Đã xác minh"), _("Trung tâm giao cho cơ quan xử lý; hạn xử lý %(due)s.") % due, "run")
    if one.state == State.ASSIGNED:
        said = {"agency": agency, "due": clock_words(one.handle_due)}
        return (_("Đã giao cơ quan xử lý"), _("%(agency)s bắt đầu xử lý; hạn %(due)s.") % said, "run")
    if one.state == State.IN_PROGRESS:
        said = {"agency": agency, "due": clock_words(one.handle_due)}
        return (_("Đang xử lý"), _("%(agency)s trả kết quả trước %(due)s.") % said, "run")
    return _ended(one, ends, now)


def _ended(one: Incident, ends: datetime | None, now: datetime) -> tuple[str, str, str]:
    outcome = str(OUTCOME_NAMES.get(one.outcome, ""))
    if one.state == State.REFUSED:
        words = {
            "redirected": _("Việc này thuộc cơ quan khác; lý do và nơi nhận ở bên dưới."),
            "unfounded": _("Trung tâm đã xem và không thấy cơ sở; lý do ở bên dưới."),
        }.get(one.outcome, "")
        return (outcome or _("Không tiếp nhận"), words, "bad")
    if one.outcome == "planned" and one.planned_for:
        outcome = _("Đã lên kế hoạch: %(day)s") % {"day": day_words(one.planned_for.isoformat())}
    open_still = ends is not None and ends > now and one.state in (State.RESOLVED, State.CLOSED)
    comes = (
        _("Nếu chưa đạt, hãy đánh giá và đề nghị mở lại trước %(due)s.") % {"due": clock_words(ends)}
        if open_still
        else ""
    )
    return (outcome or _("Đã kết thúc"), comes, "good")


def _deadlines(one: Incident) -> Iterator[Deadline]:
    if one.receive_due is not None:
        seen = one.verified_at or (one.closed_at if one.state in (State.REFUSED, State.MERGED) else None)
        yield Deadline(_("Tiếp nhận và xác minh"), one.receive_due, seen, one.clock == "receive")
    if one.handle_due is not None:
        running = one.clock == "handle" and one.paused_at is None
        yield Deadline(_("Xử lý"), one.handle_due, one.resolved_at, running)


def _events(report: Report, whole: Incident, *, own: bool) -> Iterator[Event]:
    """Newest first."""
    bodies = [body for _row, body in audit.rows(report.incident.stream)]
    if whole.pk != report.incident_id:
        bodies += [body for _row, body in audit.rows(whole.stream) if body.get("step") != "receive"]
    named = NamesByDay(str(body["agency"]) for body in bodies if body.get("agency"))
    notes = _notes(bodies) if own else {}
    found = [event for body in bodies if (event := _event(body, named, notes, report, own=own))]
    yield from sorted(found, key=lambda event: event.at, reverse=True)


def _event(
    body: Mapping[str, Any], named: NamesByDay, notes: Mapping[int, str], report: Report, *, own: bool
) -> Event | None:
    step, at = str(body.get("step", "")), body.get("at")
    if not at:
        return None
    moment = datetime.fromisoformat(str(at))
    agency = named.on(str(body.get("agency", "")), moment.date())
    more = {
        Step.REFUSE: str(OUTCOME_NAMES.get(str(body.get("outcome", "")), "")),
        Step.MERGE: _("Bạn nhận tin của việc chung."),
        Step.ASSIGN: agency,
        Step.TRANSFER: agency,
        Step.START: agency,
        Step.RESUME: agency,
        Step.RESOLVE: _result(body, agency),
        Step.REOPEN: agency,
        "verdict": _("%(score)s trên 5") % {"score": body.get("score", "–")},
    }
    title = title_of(step) if own or step != Step.PAUSE else _("Chờ người phản ánh bổ sung")
    if step == COMMENT and own and body.get("report") == report.reference:
        title = _("Bạn đã viết thêm") if body.get("why") else _("Bạn đã gửi thêm ảnh")
    if not title:
        return None
    why = body.get("why")
    note = why.get("note") if isinstance(why, dict) and (step in TOLD_WHY or step == COMMENT) else None
    return Event(moment, step, title, more.get(step, ""), notes.get(note, "") if note else "", step == COMMENT)


def question(report: Report) -> str:
    """What was written to the reporter when the clock was paused last, while it waits for them; "" otherwise."""
    whole = desk.fate(report.incident)
    if whole.paused_at is None:
        return ""
    asked = [body for _row, body in audit.rows(whole.stream) if body.get("step") == Step.PAUSE][-1:]
    return next(iter(_notes(asked).values()), "")


def _result(body: Mapping[str, Any], agency: str) -> str:
    outcome = str(OUTCOME_NAMES.get(str(body.get("outcome", "")), ""))
    planned = str(body.get("planned_for") or "")
    return " · ".join(filter(None, (outcome, day_words(planned) if planned else "", agency)))


def _notes(bodies: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    numbers = [body["why"]["note"] for body in bodies if isinstance(body.get("why"), dict)]
    return dict(Note.objects.filter(pk__in=numbers).values_list("pk", "text"))

"""What happened to an incident, in words: its audit rows as people tell them (who, when, from what to what, and why).

The rows hold codes and digests; names, free texts and photos are looked up here, all at once for the whole page.
A free text that retention has erased says so; one of somebody without an account stands covered, whoever reads (`seams.covered`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from vonglau.core import alerts, audit
from vonglau.core.alert_models import Alert
from vonglau.core.audit_models import Note
from vonglau.core.incidents import wording
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.incidents.phrases import clock_words, day_words, join_words, level_name
from vonglau.core.incidents.states import OUTCOME_NAMES, STEP_NAMES, Step
from vonglau.core.people.models import Role, User
from vonglau.core.people.names import NamesByDay, agency_name
from vonglau.core.seams import covered

SEVERITIES = ("Unknown", "Minor", "Moderate", "Severe", "Extreme")
"""CAP severity by rank."""

OTHER_NAMES: dict[str, Promise] = {
    "handed_over": _("Chuyển sang cơ quan sáp nhập"),
    "receive": _("Tiếp nhận"),
    "joins": _("Thêm cảnh báo"),
    "worsens": _("Nghiêm trọng hơn"),
    "ends": _("Cảnh báo kết thúc"),
    "keeps": _("Giữ sự việc gộp vào"),
    "evidence": _("Thêm ảnh"),
    "load": _("Nạp từ hồ sơ cũ"),
    "comment": _("Ý kiến của người phản ánh"),
    "alike": _("Người phản ánh cho là cùng một việc"),
    "verdict": _("Người dân đánh giá kết quả"),
    "erase": _("Xoá nội dung phản ánh"),
    "export": _("Xuất dữ liệu theo yêu cầu của người phản ánh"),
    "look": _("Xem thông tin cá nhân"),
    "mask": _("Sửa phần che trong lời phản ánh"),
    "photo": _("Duyệt ảnh để công khai"),
    "hide": _("Đã ẩn khỏi công chúng"),
    "unhide": _("Đã công khai trở lại"),
    "escalate": _("Báo trước khi quá hạn"),
}

GOOD = {Step.RESOLVE, Step.CLOSE}
BAD = {Step.REFUSE, Step.RETURN, Step.REOPEN, "worsens", "escalate"}
ACCENT = {Step.VERIFY, Step.ASSIGN, Step.TRANSFER, Step.START}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. `lines` are short facts in the reader's language; `why` is what a person wrote."""

    n: int
    """Its number in the audit stream."""
    at: datetime
    """On the world's clock."""
    step: str
    title: str
    who: str
    office: str
    """The person's role or agency; empty for the system."""
    before: str = ""
    after: str = ""
    """States, where the step changed it."""
    lines: tuple[str, ...] = ()
    why: str = ""
    erased: bool = False
    """There was a free text and retention has removed it."""
    severity: str = ""
    ref: str = ""
    """Another incident it speaks of."""
    photos: tuple[Evidence, ...] = ()

    @property
    def tone(self) -> str:
        """good | bad | accent | plain: what the style hangs on."""
        if self.step in GOOD:
            return "good"
        if self.step in BAD:
            return "bad"
        return "accent" if self.step in ACCENT else "plain"


@dataclass(slots=True)
class _Names:
    """Everything the rows refer to, fetched once."""

    kind: str = ""
    """The incident's own."""
    users: dict[str, User] = field(default_factory=dict)
    agencies: NamesByDay = field(default_factory=lambda: NamesByDay(()))
    notes: dict[int, str] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    photos: dict[str, Evidence] = field(default_factory=dict)

    def agency(self, code: str, on: date) -> str:
        """The name it bore on that day."""
        return self.agencies.on(code, on)

    def who(self, name: str, role: str) -> tuple[str, str]:
        """The person's name and office, as this reader's language says them."""
        if role == "system":
            return gettext("Hệ thống"), ""
        if role == "reporter":
            return gettext("Người phản ánh"), ""
        if name.startswith("token:"):
            return gettext("Chương trình %(name)s") % {"name": name.removeprefix("token:")}, ""
        user = self.users.get(name)
        office = agency_name(user.agency) if user and user.agency else ""
        if not office and role in Role.values:
            office = str(Role(role).label)
        shown = str(user) if user else name
        return shown, "" if office == shown else office


def _gather(incident: Incident, bodies: Sequence[dict[str, Any]]) -> _Names:
    names = _Names(kind=incident.kind)
    people = {str(body.get("who", "")) for body in bodies}
    for user in User.objects.filter(username__in=people).select_related("agency"):
        names.users[user.username] = user
    names.agencies = NamesByDay(
        str(body[key]) for body in bodies for key in ("agency", "returned_by", "agency_before") if body.get(key)
    )
    numbers = [body["why"]["note"] for body in bodies if isinstance(body.get("why"), dict)]
    names.notes = dict(Note.objects.filter(pk__in=numbers).values_list("pk", "text"))
    identities = {body["alert"] for body in bodies if body.get("alert")}
    identities |= {
        body["because"]["alert"]
        for body in bodies
        if isinstance(body.get("because"), dict) and body["because"].get("alert")
    }
    for alert in Alert.objects.filter(world=incident.world, identity__in=identities):
        names.alerts[alert.identity] = alert
    names.photos = {photo.sha256: photo for photo in incident.evidence.filter(erased_at=None)}
    return names


def timeline(incident: Incident) -> list[Entry]:
    """Newest first."""
    found = [(row.n, body) for row, body in audit.rows(incident.stream)]
    names = _gather(incident, [body for _n, body in found])
    return [_entry(n, body, names) for n, body in reversed(found)]


def told(body: Mapping[str, Any], words: str) -> str:
    """The free text of a row as every reader gets it: what citizens wrote is opened by their service alone, which writes down who looks."""
    return covered(words) if body.get("role") == "reporter" else words


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _entry(n: int, body: dict[str, Any], names: _Names) -> Entry:
    step = str(body.get("step", ""))
    at = _moment(body.get("at"))
    assert at is not None
    who, office = names.who(str(body.get("who", "")), str(body.get("role", "")))
    before, after = str(body.get("from", "")), str(body.get("to", ""))
    written = body.get("why")
    note = written.get("note") if isinstance(written, dict) else None
    return Entry(
        n=n,
        at=at,
        step=step,
        title=str(STEP_NAMES.get(step) or OTHER_NAMES.get(step) or step),
        who=who,
        office=office,
        before=before if after and before != after else "",
        after=after if after and before != after else "",
        lines=tuple(line for line in LINES.get(step, _no_lines)(body, names, at) if line),
        why=told(body, names.notes.get(note, "")) if note else "",
        erased=note is not None and note not in names.notes,
        severity=SEVERITIES[body["rank"]] if step in ("worsens", "joins") and body.get("rank") in range(5) else "",
        ref=_other(body),
        photos=tuple(names.photos[sha] for sha in _shas(body) if sha in names.photos),
    )


def _shas(body: dict[str, Any]) -> list[str]:
    return [body["sha256"]] if body.get("step") == "evidence" and body.get("sha256") else []


def _other(body: dict[str, Any]) -> str:
    because = body.get("because") or {}
    named = [body.get(one) for one in ("keeper", "merged", "part", "alike")]
    return str(next(filter(None, [*named, because.get("split_from")]), ""))


Lines = Callable[[dict[str, Any], _Names, datetime], Iterable[str]]


def _no_lines(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    return ()


def _receive(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    because = body.get("because") or {}
    if alert := names.alerts.get(because.get("alert", "")):
        yield gettext("Từ cảnh báo: %(headline)s") % {"headline": alerts.headline(alert)}
    elif because.get("report"):
        yield gettext("Từ phản ánh hiện trường %(report)s") % {"report": because["report"]}
    elif because.get("split_from"):
        yield gettext("Tách ra từ %(ref)s") % {"ref": because["split_from"]}
    yield _due(body, "receive_due", gettext("Hạn tiếp nhận: %(due)s"))


def _due(body: dict[str, Any], key: str, words: str) -> str:
    due = _moment(body.get(key))
    return words % {"due": clock_words(due)} if due else ""


def _handling(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield _due(body, "handle_due", gettext("Hạn xử lý: %(due)s"))


def _assign(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield gettext("Giao: %(agency)s") % {"agency": names.agency(str(body.get("agency", "")), at.date())}


def _transfer(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    said = {key: names.agency(str(body.get(key, "")), at.date()) for key in ("agency_before", "agency")}
    yield gettext("Từ %(agency_before)s sang %(agency)s") % said


def _return(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    if body.get("returned_by"):
        yield gettext("Trả bởi: %(agency)s") % {"agency": names.agency(str(body["returned_by"]), at.date())}


def _outcome(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    name = OUTCOME_NAMES.get(body.get("outcome", ""))
    if name:
        yield gettext("Kết quả: %(outcome)s") % {"outcome": name}
    yield from _worded(body, names)
    if body.get("planned_for"):
        yield gettext("Dự kiến: %(day)s") % {"day": day_words(str(body["planned_for"]))}
    if body.get("evidence"):
        count = len(body["evidence"])
        yield ngettext("Kèm %(count)s ảnh", "Kèm %(count)s ảnh", count) % {"count": count}


def _worded(body: dict[str, Any], names: _Names) -> Iterable[str]:
    """The coded reason of a refusal, and whom it leads to."""
    known = wording.of(names.kind) if body.get("reason") else None
    if known is None:
        return
    language = get_language() or "vi"
    if reason := known.refusal(str(body["reason"])):
        yield gettext("Lý do: %(reason)s") % {"reason": reason.name[language]}
    if target := known.target(str(body.get("target", ""))):
        yield gettext("Hướng dẫn đến: %(target)s") % {"target": target.name[language]}


def _reopen(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    withdrawn = OUTCOME_NAMES.get(body.get("withdrawn", ""))
    if withdrawn:
        yield gettext("Không nhận kết quả: %(outcome)s") % {"outcome": withdrawn}
    yield from _handling(body, names, at)


def _verdict(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield gettext("%(score)s trên 5") % {"score": body.get("score", "–")}


def _merge(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield gettext("Theo kết quả của %(ref)s") % {"ref": body.get("keeper", "")}


def _keeps(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield gettext("%(ref)s đã gộp vào sự việc này") % {"ref": body.get("merged", "")}


def _split(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield gettext("Phần tách ra: %(ref)s") % {"ref": body.get("part", "")}


def _level(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    yield f"{level_name(str(body.get('level_before', '')))} → {level_name(str(body.get('level', '')))}"
    yield from _handling(body, names, at)


SEEN: dict[str, Promise] = {
    "words": _("lời như đã viết"),
    "contacts": _("cách liên hệ"),
    "photo": _("ảnh chưa che"),
    "original": _("ảnh gốc"),
    "later": _("lời viết thêm"),
}
"""What a look was at."""


def _look(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    what = str(body.get("what", ""))
    yield f"{body.get('report', '')}: {SEEN.get(what, what)}"


TOLD_NAMES: dict[str, Promise] = {
    "operator": _("trực ban"),
    "supervisor": _("trưởng ca"),
    "leader": _("lãnh đạo"),
    "agency": _("cán bộ cơ quan"),
    "office": _("lãnh đạo cơ quan"),
}
"""Whom an escalation tells."""


def told_words(whom: Iterable[str]) -> str:
    return ", ".join(str(TOLD_NAMES.get(one, one)) for one in whom)


def _escalate(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    said = {"percent": body.get("percent"), "whom": told_words(body.get("told", ()))}
    if body.get("clock") == "receive":
        yield gettext("Đã qua %(percent)s %% thời hạn tiếp nhận; báo: %(whom)s") % said
    else:
        yield gettext("Đã qua %(percent)s %% thời hạn xử lý; báo: %(whom)s") % said


def _alert(body: dict[str, Any], names: _Names, at: datetime) -> Iterable[str]:
    if alert := names.alerts.get(body.get("alert", "")):
        yield alerts.headline(alert)
    if body.get("step") == "joins":
        yield join_words(body.get("joined"))


LINES: dict[str, Lines] = {
    "receive": _receive,
    Step.VERIFY: _handling,
    Step.RESUME: _handling,
    Step.REOPEN: _reopen,
    Step.ASSIGN: _assign,
    Step.RETURN: _return,
    Step.TRANSFER: _transfer,
    Step.RESOLVE: _outcome,
    Step.REFUSE: _outcome,
    Step.MERGE: _merge,
    Step.SPLIT: _split,
    Step.LEVEL: _level,
    "verdict": _verdict,
    "keeps": _keeps,
    "look": _look,
    "escalate": _escalate,
    "joins": _alert,
    "worsens": _alert,
    "ends": _alert,
}

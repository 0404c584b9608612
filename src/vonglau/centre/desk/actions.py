"""The steps as buttons: their letters, drawings and order. Which of them an actor may take stands in `core.people.policy`."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vonglau.centre.desk import forms
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import STEP_NAMES, State, Step
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor


@dataclass(frozen=True, slots=True)
class Look:
    """How a step looks: the letter that takes it, its drawing, what follows."""

    key: str
    icon: str
    says: Promise
    """What happens when it is pressed, and to whom."""
    danger: bool = False


LOOKS: dict[str, Look] = {
    Step.VERIFY: Look("v", "verify", _("Đồng hồ tiếp nhận dừng, đồng hồ xử lý bắt đầu chạy.")),
    Step.ASSIGN: Look(
        "a", "assign", _("Cơ quan được giao nhận thông báo ngay và thấy sự việc trong danh sách của mình.")
    ),
    Step.START: Look("s", "play", _("Mọi người thấy việc đã có người làm.")),
    Step.RESOLVE: Look("r", "check", _("Đồng hồ xử lý dừng; người phản ánh được biết kết quả.")),
    Step.CLOSE: Look("c", "lock", _("Sự việc kết thúc; chỉ mở lại được trong thời hạn phản hồi.")),
    Step.REFUSE: Look("x", "refuse", _("Sự việc kết thúc; người phản ánh được biết lý do."), danger=True),
    Step.RETURN: Look("b", "undo", _("Sự việc về lại bàn trực ban; đồng hồ xử lý vẫn chạy.")),
    Step.TRANSFER: Look("f", "arrow", _("Cơ quan kia nhận thông báo ngay; thời hạn giữ nguyên.")),
    Step.MERGE: Look("m", "merge", _("Sự việc này kết thúc và theo kết quả của sự việc giữ lại.")),
    Step.SPLIT: Look("t", "split", _("Một sự việc mới đã xác minh, giữ nguyên thời điểm tiếp nhận.")),
    Step.PAUSE: Look("p", "pause", _("Đồng hồ xử lý tạm dừng, ai cũng thấy.")),
    Step.RESUME: Look("p", "play", _("Đồng hồ xử lý chạy tiếp phần thời gian còn lại.")),
    Step.REOPEN: Look("o", "reopen", _("Giao lại cơ quan cũ; đồng hồ xử lý tính mới.")),
    Step.LEVEL: Look("l", "clock", _("Hai thời hạn được tính lại từ mốc cũ.")),
    Step.NOTE: Look("n", "note", _("Không đổi trạng thái; mọi người của sự việc đều đọc được.")),
}

NEXT = {
    State.RECEIVED: (Step.VERIFY,),
    State.VERIFIED: (Step.ASSIGN,),
    State.ASSIGNED: (Step.START,),
    State.IN_PROGRESS: (Step.RESOLVE,),
    State.RESOLVED: (Step.CLOSE,),
}
"""What usually comes next: the one primary button."""


@dataclass(frozen=True, slots=True)
class Action:
    """A step the actor may take now, as its button needs it."""

    step: str
    title: str
    look: Look
    primary: bool
    form: Any | None
    """Unbound form for the dialog; None: pressing the button does it."""


def next_step(incident: Incident) -> str:
    """The step the page offers first."""
    if incident.paused_at is not None:
        return Step.RESUME
    if incident.state == State.ASSIGNED and incident.agency_id is None:
        return Step.ASSIGN
    return next(iter(NEXT.get(State(incident.state), ())), "")


def actions(actor: Actor, incident: Incident, *, seen: int) -> list[Action]:
    """What the page offers this actor, the primary one first; then in the order of the table, the note last."""
    usual = next_step(incident)
    offered = policy.steps(actor, incident)
    if incident.state == State.ASSIGNED and incident.agency_id is None:
        offered = [step for step in offered if step not in (Step.START, Step.TRANSFER)]  # nobody is there to start it
    made = [_action(step, incident, usual, seen) for step in offered]
    return sorted(made, key=lambda action: (not action.primary, action.step == Step.NOTE))


def _action(step: str, incident: Incident, usual: str, seen: int) -> Action:
    kind = forms.FORMS.get(step)
    form = kind(incident=incident, initial={"version": incident.version, "seen": seen}) if kind else None
    return Action(step, str(STEP_NAMES[step]), LOOKS[step], step == usual, form)

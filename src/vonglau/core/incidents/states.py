"""The one state table of the city: who may make which step, from where to where, and why. Contract 5 of the house.

A lawyer should be able to read it. Services add kinds, fields and playbooks, never states. The diagram in
docs/reference/states.md is drawn from this table by a test.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class State(StrEnum):
    RECEIVED = "received"
    VERIFIED = "verified"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REFUSED = "refused"
    MERGED = "merged"


OPEN = (State.RECEIVED, State.VERIFIED, State.ASSIGNED, State.IN_PROGRESS)
"""States in which a clock runs (or is paused)."""
ENDED = (State.CLOSED, State.REFUSED, State.MERGED)

STATE_NAMES: dict[str, Promise] = {
    State.RECEIVED: _("Mới tiếp nhận"),
    State.VERIFIED: _("Đã xác minh"),
    State.ASSIGNED: _("Đã phân công"),
    State.IN_PROGRESS: _("Đang xử lý"),
    State.RESOLVED: _("Đã có kết quả"),
    State.CLOSED: _("Đã đóng"),
    State.REFUSED: _("Đã từ chối"),
    State.MERGED: _("Đã gộp"),
}


class Outcome(StrEnum):
    """What was done. "Fixed" is counted apart from the rest. `resolved` and `refused` carry one, never free text alone."""

    FIXED = "fixed"
    PLANNED = "planned"
    EXPLAINED = "explained"
    REDIRECTED = "redirected"
    UNFOUNDED = "unfounded"


OUTCOME_NAMES: dict[str, Promise] = {
    Outcome.FIXED: _("Đã khắc phục"),
    Outcome.PLANNED: _("Đã lên kế hoạch"),
    Outcome.EXPLAINED: _("Đã giải thích"),
    Outcome.REDIRECTED: _("Chuyển cơ quan khác"),
    Outcome.UNFOUNDED: _("Không có cơ sở"),
}

RESOLVING = (Outcome.FIXED, Outcome.PLANNED, Outcome.EXPLAINED)
REFUSING = (Outcome.REDIRECTED, Outcome.UNFOUNDED)


class Step(StrEnum):
    VERIFY = "verify"
    REFUSE = "refuse"
    MERGE = "merge"
    SPLIT = "split"
    ASSIGN = "assign"
    RETURN = "return"
    TRANSFER = "transfer"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    LEVEL = "level"
    NOTE = "note"


STEP_NAMES: dict[str, Promise] = {
    Step.VERIFY: _("Xác minh"),
    Step.REFUSE: _("Từ chối"),
    Step.MERGE: _("Gộp vào sự việc khác"),
    Step.SPLIT: _("Tách sự việc"),
    Step.ASSIGN: _("Phân công"),
    Step.RETURN: _("Trả lại"),
    Step.TRANSFER: _("Chuyển giao"),
    Step.START: _("Bắt đầu xử lý"),
    Step.PAUSE: _("Chờ người dân"),
    Step.RESUME: _("Tiếp tục"),
    Step.RESOLVE: _("Trả kết quả"),
    Step.CLOSE: _("Đóng"),
    Step.REOPEN: _("Mở lại"),
    Step.LEVEL: _("Đổi mức độ"),
    Step.NOTE: _("Ghi chú"),
}

DESK = frozenset({"operator", "supervisor"})
AGENCY = frozenset({"agency"})
SYSTEM = frozenset({"system"})
REPORTER = frozenset({"reporter"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `to` None: the state stays. `needs`: fields the step must carry. `own`: an agency acts on its own incidents only."""

    step: Step
    sources: tuple[State, ...]
    to: State | None
    roles: frozenset[str]
    reason: Promise
    needs: frozenset[str] = frozenset()
    own: bool = False


TABLE: tuple[Rule, ...] = (
    Rule(
        Step.VERIFY,
        (State.RECEIVED,),
        State.VERIFIED,
        DESK,
        _("Trực ban xác minh sự việc có thật và thuộc thẩm quyền; đồng hồ tiếp nhận dừng, đồng hồ xử lý chạy."),
    ),
    Rule(
        Step.REFUSE,
        (State.RECEIVED,),
        State.REFUSED,
        DESK,
        _("Không có cơ sở, hoặc thuộc cơ quan khác, khiếu nại, tố cáo, bí mật nhà nước: phải nêu mã kết quả và lý do."),
        needs=frozenset({"outcome", "why"}),
    ),
    Rule(
        Step.MERGE,
        (State.RECEIVED, State.VERIFIED),
        State.MERGED,
        DESK,
        _("Cùng một sự việc: gộp vào sự việc giữ lại và theo kết quả của nó."),
        needs=frozenset({"keeper"}),
    ),
    Rule(
        Step.SPLIT,
        (State.VERIFIED, State.ASSIGNED, State.IN_PROGRESS),
        None,
        DESK,
        _("Phần việc của cơ quan khác thành sự việc mới đã xác minh, giữ thời điểm tiếp nhận và dẫn về sự việc gốc."),
        needs=frozenset({"title"}),
    ),
    Rule(
        Step.ASSIGN,
        (State.VERIFIED, State.ASSIGNED),
        State.ASSIGNED,
        DESK,
        _("Giao đúng một cơ quan chịu trách nhiệm; giao lại được khi cơ quan trả về."),
        needs=frozenset({"agency"}),
    ),
    Rule(
        Step.RETURN,
        (State.ASSIGNED, State.IN_PROGRESS),
        State.ASSIGNED,
        AGENCY,
        _("Không thuộc thẩm quyền: trả về bàn trực ban kèm lý do; đồng hồ xử lý vẫn chạy."),
        needs=frozenset({"why"}),
        own=True,
    ),
    Rule(
        Step.TRANSFER,
        (State.ASSIGNED, State.IN_PROGRESS),
        State.ASSIGNED,
        AGENCY | DESK,
        _(
            "Giao thẳng cho cơ quan khác kèm lý do, không qua bàn trực ban; thời hạn giữ nguyên, hai bên và bàn trực ban đều thấy."
        ),
        needs=frozenset({"agency", "why"}),
        own=True,
    ),
    Rule(
        Step.START, (State.ASSIGNED,), State.IN_PROGRESS, AGENCY | DESK, _("Cơ quan được giao bắt đầu xử lý."), own=True
    ),
    Rule(
        Step.PAUSE,
        (State.VERIFIED, State.ASSIGNED, State.IN_PROGRESS),
        None,
        AGENCY | DESK,
        _("Chờ người dân bổ sung: đồng hồ xử lý tạm dừng, ai cũng thấy."),
        needs=frozenset({"why"}),
        own=True,
    ),
    Rule(
        Step.RESUME,
        (State.VERIFIED, State.ASSIGNED, State.IN_PROGRESS),
        None,
        AGENCY | DESK | SYSTEM | REPORTER,
        _("Đã có bổ sung, hoặc thôi chờ: đồng hồ chạy tiếp phần thời gian còn lại."),
        own=True,
    ),
    Rule(
        Step.RESOLVE,
        (State.IN_PROGRESS,),
        State.RESOLVED,
        AGENCY | DESK,
        _("Trả kết quả kèm mã kết quả; “đã lên kế hoạch” phải có ngày; đồng hồ xử lý dừng."),
        needs=frozenset({"outcome", "why"}),
        own=True,
    ),
    Rule(
        Step.CLOSE,
        (State.RESOLVED,),
        State.CLOSED,
        DESK | SYSTEM | REPORTER,
        _(
            "Người phản ánh hoặc người xác minh xác nhận, hoặc hết hạn phản hồi. Sự việc từ cảnh báo do trưởng ca xác nhận."
        ),
    ),
    Rule(
        Step.REOPEN,
        (State.RESOLVED, State.CLOSED),
        State.ASSIGNED,
        DESK | REPORTER,
        _("Kết quả chưa đạt: mở lại trong thời hạn phản hồi, giao lại cơ quan cũ, đồng hồ xử lý tính mới."),
        needs=frozenset({"why"}),
    ),
    Rule(
        Step.LEVEL,
        OPEN,
        None,
        DESK,
        _("Đổi mức độ khi xác minh thấy khác; hai thời hạn được tính lại từ mốc cũ."),
        needs=frozenset({"level", "why"}),
    ),
    Rule(
        Step.NOTE,
        tuple(State),
        None,
        AGENCY | DESK | frozenset({"leader"}),
        _("Ghi chú và bằng chứng không đổi trạng thái."),
        own=True,
    ),
)


def rules_from(state: str) -> list[Rule]:
    """The steps that lead out of a state, in the order of the table."""
    return [rule for rule in TABLE if state in rule.sources]


def find(state: str, step: str) -> Rule | None:
    return next((rule for rule in TABLE if rule.step == step and state in rule.sources), None)

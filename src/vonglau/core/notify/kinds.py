"""Which notices people get: whom each tells, by which channels unless they choose otherwise, and what makes it moot. A table."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vonglau.core.incidents.states import Step

DESK = frozenset({"operator", "supervisor"})
SUPERVISOR = frozenset({"supervisor"})
LEADER = frozenset({"leader"})
ENDING = frozenset({Step.RESOLVE, Step.REFUSE, Step.MERGE, Step.CLOSE})
PERSONAL = ("push", "email")
"""The channels a person may choose between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of notice."""

    code: str
    title: Promise
    what: Promise
    """When it is sent, in one sentence, for whoever chooses."""
    subject: Promise
    """With %(ref)s and %(title)s of the incident."""
    roles: frozenset[str] = frozenset()
    agency: bool = False
    """Also the people of the agency in whose hands the incident is."""
    channels: tuple[str, ...] = ("push",)
    """Unless the person chose otherwise."""
    urgent: bool = False
    """Comes in quiet hours too."""
    moot: frozenset[str]
    """Steps after which it need not be sent any more. After a pause it is sent when the work goes on."""


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            code="urgent",
            title=_("Sự việc khẩn mới"),
            what=_("Khi một sự việc khẩn được mở, hoặc một sự việc được nâng lên mức khẩn."),
            subject=_("Khẩn %(ref)s: %(title)s"),
            roles=DESK,
            urgent=True,
            moot=ENDING | {Step.VERIFY, Step.ASSIGN, Step.START},
        ),
        Kind(
            code="assigned",
            title=_("Được phân công"),
            what=_("Khi một sự việc được giao cho cơ quan của bạn. Hộp thư chung của cơ quan luôn nhận."),
            subject=_("Phân công xử lý %(ref)s: %(title)s"),
            agency=True,
            moot=ENDING | {Step.START, Step.RETURN, Step.TRANSFER, Step.ASSIGN},
        ),
        Kind(
            code="returned",
            title=_("Cơ quan trả lại"),
            what=_("Khi cơ quan trả một sự việc về trung tâm để phân công lại."),
            subject=_("Trả lại %(ref)s: %(title)s"),
            roles=DESK,
            moot=ENDING | {Step.ASSIGN},
        ),
        Kind(
            code="reopened",
            title=_("Mở lại"),
            what=_("Khi một kết quả bị phản đối và sự việc được mở lại."),
            subject=_("Mở lại %(ref)s: %(title)s"),
            roles=SUPERVISOR,
            agency=True,
            channels=("push", "email"),
            moot=ENDING | {Step.START, Step.ASSIGN},
        ),
        Kind(
            code="due",
            title=_("Sắp đến hạn"),
            what=_(
                "Khi một phần đáng kể của thời hạn đã trôi qua mà việc chưa xong; bao nhiêu và báo cho ai do mức độ quy định."
            ),
            subject=_("Sắp đến hạn %(ref)s: %(title)s"),
            roles=DESK | LEADER,
            agency=True,
            channels=("push", "email"),
            moot=ENDING | {Step.VERIFY, Step.PAUSE},
        ),
        Kind(
            code="overdue",
            title=_("Đến hạn mà chưa xong"),
            what=_("Khi thời hạn tiếp nhận hoặc xử lý đã hết mà việc chưa xong; báo cho ai do mức độ quy định."),
            subject=_("Hết hạn %(ref)s: %(title)s"),
            roles=DESK | LEADER,
            agency=True,
            channels=("push", "email"),
            moot=ENDING | {Step.VERIFY},
        ),
    )
}

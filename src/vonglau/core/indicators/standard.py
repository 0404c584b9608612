"""The indicators every city has, because every city has incidents and deadlines.

Vietnamese publications call very different things "đúng hạn" (on time); ours say what they divide by. "Handled on time" counts open
incidents that are overdue against the city, and what was merged or refused is in neither number.
"""

from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, Outcome, State
from vonglau.core.indicators.definitions import Counted, Indicator, Scope, Unit


def _incidents(scope: Scope) -> "QuerySet[Incident]":
    found = Incident.objects.filter(world=scope.world)
    return found.filter(ward=scope.ward) if scope.ward else found


def _during(field: str, scope: Scope) -> Q:
    return Q(**{f"{field}__gte": scope.start, f"{field}__lt": scope.end})


def _resolved(scope: Scope) -> Q:
    return _during("resolved_at", scope) & Q(state__in=(State.RESOLVED, State.CLOSED))


def _handled_rows(scope: Scope, part: str) -> "QuerySet[Incident]":
    on_time = _resolved(scope) & Q(resolved_at__lte=F("handle_due"), late_before=0)
    if part == "numerator":
        found = _incidents(scope).filter(on_time)
    else:
        # Open work whose deadline fell in the period counts as not on time from the moment it passed.
        overdue = Q(state__in=OPEN, paused_at__isnull=True) & _during("handle_due", scope)
        found = _incidents(scope).filter((_resolved(scope) & Q(handle_due__isnull=False)) | overdue)
    return found.order_by("handle_due", "id")


def _received_rows(scope: Scope, part: str) -> "QuerySet[Incident]":
    timely = Q(verified_at__isnull=False) & Q(verified_at__lte=F("receive_due"))
    refused = Q(state=State.REFUSED) & Q(closed_at__lte=F("receive_due"))
    due = _incidents(scope).filter(~Q(state=State.MERGED) & _during("receive_due", scope))
    return (due.filter(timely | refused) if part == "numerator" else due).order_by("receive_due", "id")


def _fixed_rows(scope: Scope, part: str) -> "QuerySet[Incident]":
    found = _incidents(scope).filter(_resolved(scope))
    return (found.filter(outcome=Outcome.FIXED) if part == "numerator" else found).order_by("resolved_at", "id")


def _overdue_rows(scope: Scope, part: str) -> "QuerySet[Incident]":
    return _incidents(scope).filter(state__in=OPEN, due_at__lt=scope.end).order_by("due_at", "id")


def _open_rows(scope: Scope, part: str) -> "QuerySet[Incident]":
    return _incidents(scope).filter(state__in=OPEN).order_by(F("due_at").asc(nulls_last=True), "id")


def _new_rows(scope: Scope, part: str) -> "QuerySet[Incident]":
    return _incidents(scope).filter(_during("received_at", scope)).order_by("received_at", "id")


def _rate(rows: Any) -> Any:
    return lambda scope: Counted(rows(scope, "numerator").count(), rows(scope, "denominator").count())


def _number(rows: Any) -> Any:
    return lambda scope: Counted(rows(scope, "numerator").count())


STANDARD: tuple[Indicator, ...] = (
    Indicator(
        code="handled_on_time",
        title=_("Xử lý đúng hạn"),
        definition=_(
            "Tỷ lệ sự việc có kết quả trong thời hạn xử lý, trên mọi sự việc có kết quả hoặc đã quá hạn mà chưa có kết quả trong kỳ. "
            "Sự việc từng có kết quả muộn rồi bị mở lại thì vẫn là muộn."
        ),
        numerator=_("Sự việc có kết quả trong kỳ, không muộn hơn hạn xử lý"),
        denominator=_("Sự việc có kết quả trong kỳ, và sự việc đang mở có hạn xử lý đã qua trong kỳ"),
        unit=Unit.PERCENT,
        count=_rate(_handled_rows),
        rows=_handled_rows,
    ),
    Indicator(
        code="received_on_time",
        title=_("Tiếp nhận đúng hạn"),
        definition=_(
            "Tỷ lệ sự việc được xác minh hoặc từ chối trong thời hạn tiếp nhận, trên mọi sự việc có hạn tiếp nhận trong kỳ."
        ),
        numerator=_("Sự việc được xác minh hoặc từ chối không muộn hơn hạn tiếp nhận"),
        denominator=_("Sự việc có hạn tiếp nhận trong kỳ, không kể sự việc đã gộp"),
        unit=Unit.PERCENT,
        count=_rate(_received_rows),
        rows=_received_rows,
    ),
    Indicator(
        code="fixed_share",
        title=_("Khắc phục thật"),
        definition=_(
            "Tỷ lệ “đã khắc phục” trên mọi kết quả trong kỳ; “đã lên kế hoạch” và “đã giải thích” không phải là khắc phục."
        ),
        numerator=_("Kết quả “đã khắc phục”"),
        denominator=_("Mọi kết quả trong kỳ"),
        unit=Unit.PERCENT,
        count=_rate(_fixed_rows),
        rows=_fixed_rows,
    ),
    Indicator(
        code="overdue_now",
        title=_("Đang quá hạn"),
        definition=_("Số sự việc đang mở mà thời hạn đang chạy đã qua."),
        numerator=_("Sự việc đang mở, quá hạn"),
        denominator=None,
        unit=Unit.COUNT,
        period="now",
        aggregation="sum",
        count=_number(_overdue_rows),
        rows=_overdue_rows,
        better="lower",
    ),
    Indicator(
        code="open_now",
        title=_("Đang mở"),
        definition=_("Số sự việc chưa có kết quả."),
        numerator=_("Sự việc đang mở"),
        denominator=None,
        unit=Unit.COUNT,
        period="now",
        aggregation="sum",
        count=_number(_open_rows),
        rows=_open_rows,
        better="neither",
    ),
    Indicator(
        code="received",
        title=_("Tiếp nhận trong ngày"),
        definition=_("Số sự việc được tiếp nhận trong kỳ."),
        numerator=_("Sự việc tiếp nhận trong kỳ"),
        denominator=None,
        unit=Unit.COUNT,
        aggregation="sum",
        count=_number(_new_rows),
        rows=_new_rows,
        better="neither",
    ),
)

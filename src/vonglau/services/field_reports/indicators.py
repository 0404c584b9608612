"""What is counted of field reports, each figure with its definition; the centre and the public read the same ones.

They count what is public, so that anybody can count again from the open data. A report that was merged into another counts once, as it.
Services are judged by what they answer for: what is open and overdue counts against a rate.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Value, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from vonglau.core.indicators.definitions import Counted, Indicator, Row, Scope, Unit

Rows = Callable[[Scope, str], Any]


def within(field: str, scope: Scope) -> Q:
    return Q(**{f"{field}__gte": scope.start, f"{field}__lt": scope.end})


def result(scope: Scope) -> Q:
    """With a result in the period that stands."""
    return within("resolved_at", scope) & Q(running=False)


def overdue(scope: Scope) -> Q:
    """Open, its deadline having passed in the period, and not waiting for the citizen."""
    return within("handle_due", scope) & Q(running=True, waiting=False)


def due_result(scope: Scope) -> Q:
    return (result(scope) & Q(handle_due__isnull=False)) | overdue(scope)


def on_time(scope: Scope) -> Q:
    return result(scope) & Q(resolved_at__lte=F("handle_due"), was_late=False)


def fixed(scope: Scope) -> Q:
    return result(scope) & Q(outcome="fixed")


def answered(scope: Scope) -> Q:
    """Received in the period, and had a result at least once."""
    return within("received_at", scope) & (Q(resolved_at__isnull=False) | Q(reopened__gt=0))


def reopened(scope: Scope) -> Q:
    return within("received_at", scope) & Q(reopened__gt=0)


def decided(scope: Scope) -> Q:
    """Received in the period, and somebody has verified or refused it."""
    return within("received_at", scope) & (Q(verified_at__isnull=False) | Q(state="refused"))


def refused(scope: Scope) -> Q:
    return within("received_at", scope) & Q(state="refused")


def reports(scope: Scope) -> "QuerySet[Any]":
    from vonglau.services.field_reports.models import PublicReport

    found = PublicReport.objects.filter(world=scope.world, merged=False)
    return found.filter(ward=scope.ward) if scope.ward else found


def _row(one: Any) -> Row:
    from vonglau.services.field_reports.public.browse import line

    shown = line(one)
    href = reverse("field_reports:one", args=[one.reference])
    return Row(name=f"{one.reference} · {shown.title}", said=shown.stands, place=shown.ward, href=href)


def _rate(
    numerator: Callable[[Scope], Q], denominator: Callable[[Scope], Q]
) -> tuple[Callable[[Scope], Counted], Rows]:
    def rows(scope: Scope, part: str) -> Any:
        return (
            reports(scope)
            .filter((numerator if part == "numerator" else denominator)(scope))
            .order_by("received_at", "pk")
        )

    def count(scope: Scope) -> Counted:
        return Counted(rows(scope, "numerator").count(), rows(scope, "denominator").count())

    return count, rows


def _took_rows(scope: Scope, part: str) -> Any:
    return reports(scope).filter(result(scope)).order_by("took", "pk")


def median(rows: "QuerySet[Any]") -> Counted:
    """Of the minutes that these took, the lower one of two in the middle. Of none there is none: a denominator of 0 says so."""
    found = medians(rows.annotate(all=Value(1)), "all")
    return Counted(found[1]) if found else Counted(0, 0)


def medians(rows: "QuerySet[Any]", by: str) -> dict[Any, int]:
    """The same for each value of a field. One question: the rows are put in order where they lie."""
    group = F(by)
    placed = rows.order_by().annotate(
        nth=Window(RowNumber(), partition_by=group, order_by="took"), size=Window(Count("pk"), partition_by=group)
    )
    return dict(placed.filter(nth=(F("size") + 1) / 2).values_list(by, "took"))


def _took(scope: Scope) -> Counted:
    return median(_took_rows(scope, ""))


def _new_rows(scope: Scope, part: str) -> Any:
    return reports(scope).filter(within("received_at", scope)).order_by("received_at", "pk")


RATES: dict[str, tuple[Callable[[Scope], Q], Callable[[Scope], Q]]] = {
    "reports_on_time": (on_time, due_result),
    "reports_fixed": (fixed, result),
    "reports_reopened": (reopened, answered),
    "reports_refused": (refused, decided),
}


def _share(code: str, title: Any, definition: Any, numerator: Any, denominator: Any, better: str) -> Indicator:
    count, rows = _rate(*RATES[code])
    return Indicator(
        code=code,
        title=title,
        definition=definition,
        numerator=numerator,
        denominator=denominator,
        unit=Unit.PERCENT,
        count=count,
        rows=rows,
        row=_row,
        better=better,
    )


RECEIVED = Indicator(
    code="reports_received",
    title=_("Phản ánh mới"),
    definition=_("Số phản ánh tiếp nhận trong kỳ; phản ánh đã gộp tính một lần."),
    numerator=_("Phản ánh tiếp nhận trong kỳ"),
    denominator=None,
    unit=Unit.COUNT,
    aggregation="sum",
    count=lambda scope: Counted(_new_rows(scope, "").count()),
    rows=_new_rows,
    row=_row,
    better="neither",
)
ON_TIME = _share(
    "reports_on_time",
    _("Kết quả đúng hạn"),
    _(
        "Tỷ lệ phản ánh có kết quả trong hạn, trên mọi phản ánh có kết quả trong kỳ hoặc đã quá hạn trong kỳ mà chưa có kết quả."
    ),
    _("Phản ánh có kết quả trong kỳ, không muộn hơn hạn xử lý, và chưa từng muộn trước khi mở lại"),
    _(
        "Phản ánh có kết quả trong kỳ, và phản ánh còn mở có hạn xử lý đã qua trong kỳ; lúc chờ người dân bổ sung không tính"
    ),
    "higher",
)
FIXED = _share(
    "reports_fixed",
    _("Khắc phục thật"),
    _("Tỷ lệ “đã khắc phục” trên mọi kết quả trong kỳ; “đã lên kế hoạch” và “đã giải thích” không phải là khắc phục."),
    _("Kết quả “đã khắc phục”"),
    _("Mọi kết quả trong kỳ"),
    "higher",
)
REOPENED = _share(
    "reports_reopened",
    _("Phải mở lại"),
    _("Tỷ lệ phản ánh tiếp nhận trong kỳ từng được mở lại sau khi có kết quả."),
    _("Phản ánh từng được mở lại"),
    _("Phản ánh tiếp nhận trong kỳ đã từng có kết quả"),
    "lower",
)
REFUSED = _share(
    "reports_refused",
    _("Không tiếp nhận"),
    _(
        "Tỷ lệ phản ánh bị từ chối hoặc chuyển nơi khác, trên mọi phản ánh tiếp nhận trong kỳ đã được xác minh hoặc từ chối."
    ),
    _("Phản ánh bị từ chối hoặc chuyển nơi khác"),
    _("Phản ánh tiếp nhận trong kỳ đã được xác minh hoặc từ chối"),
    "neither",
)
MEDIAN = Indicator(
    code="reports_median_time",
    title=_("Thời gian đến kết quả"),
    definition=_(
        "Trung vị: một nửa số kết quả trong kỳ đến nhanh hơn chừng này kể từ lúc gửi, một nửa chậm hơn; tính cả đêm và ngày nghỉ."
    ),
    numerator=_("Số phút từ lúc gửi đến kết quả của phản ánh đứng giữa"),
    denominator=None,
    unit=Unit.MINUTES,
    aggregation="median",
    count=_took,
    rows=_took_rows,
    row=_row,
    better="lower",
)
INDICATORS = (RECEIVED, ON_TIME, FIXED, REOPENED, REFUSED, MEDIAN)

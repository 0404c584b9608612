"""What is counted over verdicts."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from vonglau.core.indicators.definitions import Counted, Indicator, Row, Scope, Unit

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from vonglau.services.field_reports.models import Verdict

GOOD_FROM = 4


def _rows(scope: Scope, part: str) -> "QuerySet[Verdict]":
    """Of those who have the trouble, each counted once for a result."""
    from vonglau.services.field_reports.models import Verdict

    found = Verdict.objects.filter(
        incident__world=scope.world,
        at__gte=scope.start,
        at__lt=scope.end,
        voice__part__in=("reporter", "joined"),
        voice__counted=True,
    )
    if scope.ward:
        found = found.filter(incident__ward=scope.ward)
    if part == "numerator":
        found = found.filter(score__gte=GOOD_FROM)
    return found.select_related("incident").order_by("at", "id")


def _count(scope: Scope) -> Counted:
    return Counted(_rows(scope, "numerator").count(), _rows(scope, "denominator").count())


def _row(one: "Verdict") -> Row:
    words = gettext("%(score)s trên 5, có phản đối") if one.objects_to else gettext("%(score)s trên 5")
    return Row(
        name=one.incident.ref,
        said=words % {"score": one.score},
        place=one.incident.place,
        href=f"/go/{one.incident.world}/{one.incident.ref}",
    )


SATISFIED = Indicator(
    code="reports_satisfied",
    title=_("Người dân hài lòng"),
    definition=_(
        "Tỷ lệ đánh giá 4 hoặc 5 trên 5 của người phản ánh và người cùng gặp việc, trên mọi đánh giá của họ trong kỳ. "
        "Ai không đánh giá thì không ở số nào."
    ),
    numerator=_("Đánh giá 4 hoặc 5 trong kỳ"),
    denominator=_("Mọi đánh giá trong kỳ, mỗi người một lần cho một kết quả"),
    unit=Unit.PERCENT,
    count=_count,
    rows=_rows,
    row=_row,
)

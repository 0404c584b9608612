"""What of the public reports is asked for, as an address says it: the same for the map, the list, the feed and open data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from vonglau.core.errors import BadInput
from vonglau.core.facts import categories
from vonglau.core.incidents.states import State
from vonglau.core.people.models import Agency
from vonglau.core.words import matching
from vonglau.core.worlds import World
from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.published import asking
from vonglau.services.field_reports.published.cells import Box

STATES = {
    "open": (_("Chưa có kết quả"), Q(running=True)),
    "waiting": (_("Chờ xác minh"), Q(running=True, state=State.RECEIVED)),
    "handling": (_("Đang xử lý"), Q(running=True, state__in=(State.VERIFIED, State.ASSIGNED, State.IN_PROGRESS))),
    "done": (_("Đã có kết quả"), Q(running=False, state__in=(State.RESOLVED, State.CLOSED))),
    "refused": (_("Không tiếp nhận"), Q(running=False, state=State.REFUSED)),
}
"""What a reader may ask for, by its code in the address."""
PERIODS = {
    "7": _("7 ngày qua"),
    "30": _("30 ngày qua"),
    "90": _("90 ngày qua"),
    "365": _("1 năm qua"),
    "all": _("Tất cả"),
}
USUAL = "90"
LONGEST = 80
"""Characters of a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Empty: not asked for. `period`: one of `PERIODS`, unless `since` or `until` (local days, both within) are named."""

    category: str = ""
    state: str = ""
    agency: str = ""
    ward: str = ""
    q: str = ""
    period: str = USUAL
    since: date | None = None
    until: date | None = None
    box: Box | None = None

    def query(self, **changed: Any) -> str:
        """As the end of an address; what is usual is left out."""
        return urlencode(dict(replace(self, **changed)._said()))

    def _said(self) -> Iterator[tuple[str, str]]:
        for name in ("category", "state", "agency", "ward", "q"):
            if value := getattr(self, name):
                yield name, value
        if self.since or self.until:
            for name, day in (("from", self.since), ("to", self.until)):
                if day:
                    yield name, day.isoformat()
        elif self.period != USUAL:
            yield "period", self.period
        if self.box is not None:
            yield "bbox", ",".join(f"{side:.5f}" for side in self.box)

    def window(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """From (within) and to (without), by the world's clock."""
        if self.since or self.until:
            return _midnight(self.since), _midnight(self.until + timedelta(days=1) if self.until else None)
        return (None if self.period == "all" else now - timedelta(days=int(self.period))), None

    @property
    def narrow(self) -> bool:
        """Whether anything but the period was asked for."""
        return bool(self.category or self.state or self.agency or self.ward or self.q or self.box)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def _day(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    return found if found and 1971 <= found.year <= 9998 else None


def _box(text: str) -> Box | None:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    good = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90
    return (west, south, east, north) if good else None


def read(given: Mapping[str, str], *, strict: bool = False) -> Asked:
    """What an address asks. A page drops what it does not understand; `strict` raises BadInput: a file never holds more than was asked."""
    period, state, category = given.get("period", "") or USUAL, given.get("state", ""), given.get("category", "")
    since, until, box = _day(given.get("from", "")), _day(given.get("to", "")), _box(given.get("bbox", ""))
    wrong = {
        "period": period not in PERIODS,
        "state": bool(state) and state not in STATES,
        "category": bool(category) and category not in categories(),
        "from": bool(given.get("from")) and since is None,
        "to": bool(given.get("to")) and until is None,
        "bbox": bool(given.get("bbox")) and box is None,
    }
    for name, bad in wrong.items():
        if bad and strict:
            raise BadInput(
                f"{name}={given.get(name, '')[:60]!r} is nothing that can be asked for; see the reference.",
                pointer=f"/query/{name}",
            )
    return Asked(
        category="" if wrong["category"] else category,
        state="" if wrong["state"] else state,
        agency=_plain(given.get("agency", ""), 40),
        ward=_plain(given.get("ward", ""), 5),
        q=_plain(given.get("q", ""), LONGEST),
        period=USUAL if wrong["period"] else period,
        since=since,
        until=until,
        box=box,
    )


def _plain(text: str, most: int) -> str:
    return " ".join(text.replace("\x00", "").split())[:most].rstrip()


def rows(
    world: World, asked: Asked, *, merged: bool = False, inside: "QuerySet[PublicReport] | None" = None
) -> "QuerySet[PublicReport]":
    """The reports asked for, in no order. `merged`: with those that were merged into another; `inside`: of these."""
    if inside is None:
        found, _few = asking.reports(world.pk, asked.box)
    else:
        found = inside if asked.box is None else inside.filter(asking.degrees(asked.box))
    if not merged:
        found = found.filter(merged=False)
    start, end = asked.window(world.now())
    if start is not None:
        found = found.filter(received_at__gte=start)
    if end is not None:
        found = found.filter(received_at__lt=end)
    if asked.category:
        found = found.filter(category=asked.category)
    if asked.state:
        found = found.filter(STATES[asked.state][1])
    if asked.ward:
        found = found.filter(ward=asked.ward)
    if asked.agency:  # under every name it has borne
        found = found.filter(agency__in=list(Agency.objects.filter(code=asked.agency).values_list("pk", flat=True)))
    if asked.q:
        found = matching(found, asked.q, "plain")
    return found

"""The queue: which incidents, in what order. Every view of it is an address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import ENDED, OPEN, STATE_NAMES, State
from vonglau.core.people.models import Agency
from vonglau.core.people.policy import Actor
from vonglau.core.words import matching
from vonglau.kit.paging import Order, Page, page
from vonglau.kit.templatetags.kit import number

if TYPE_CHECKING:
    Incidents = QuerySet[Incident]

PAGE = 50
COUNTED = 1_000
"""How far rows are counted for a tab."""

TABS: dict[str, Promise] = {
    "open": _("Đang mở"),
    "answered": _("Chờ xác nhận"),
    "ended": _("Đã xong"),
    "all": _("Tất cả"),
}
STATES_OF = {"open": OPEN, "answered": (State.RESOLVED,), "ended": ENDED, "all": tuple(State)}

BY_DUE = Order("due_at", nullable=True)
ORDERS = {
    "open": BY_DUE,
    "answered": Order("resolved_at", descending=True, nullable=True),
    "ended": Order("closed_at", descending=True, nullable=True),
    "all": Order("received_at", descending=True),
}
"""What comes due first; of the rest what happened last. Each follows an index of the table."""


SHOWN = (
    *(
        "world",
        "ref",
        "version",
        "title",
        "place",
        "ward",
        "service",
        "category",
        "origin",
        "rank",
        "state",
        "escalated",
    ),
    *("received_at", "resolved_at", "closed_at", "handle_due", "paused_at", "due_at"),
    *("agency__code", "agency__name_vi", "agency__name_en"),
)
"""What a list reads of an incident."""


def visible_to(actor: Actor, world: str) -> "Incidents":
    """The same rule as `policy.may_see`, as a query: an agency sees what is in its hands, the centre sees all."""
    rows = Incident.objects.filter(world=world).select_related("agency")
    if actor.role != "agency":
        return rows
    return rows.filter(agency__code=actor.agency_code) if actor.agency_code else rows.none()


def waiting_for(actor: Actor) -> tuple[Q, ...]:
    """What this role is to act on next, as kinds that exclude each other: each is a walk along an index."""
    if actor.role == "agency":
        return (Q(state__in=(State.ASSIGNED, State.IN_PROGRESS), paused_at__isnull=True),)
    answered = Q(state=State.RESOLVED)
    return (
        Q(state__in=(State.RECEIVED, State.VERIFIED)),
        Q(state=State.ASSIGNED, agency__isnull=True),
        answered if actor.role == "supervisor" else answered & ~Q(origin="alert"),
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for, as the address says it. Unknown values are dropped: an old link shows more, never an error."""

    tab: str = "open"
    state: str = ""
    ward: str = ""
    agency: str = ""
    kind: str = ""
    rank: int | None = None
    overdue: bool = False
    mine: bool = False
    q: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Filter":
        state = asked.get("state", "")
        tab = asked.get("tab", "open")
        rank = asked.get("rank", "")
        return cls(
            tab=tab if tab in TABS else "open",
            state=state if state in STATE_NAMES else "",
            ward=asked.get("ward", "")[:5],
            agency=asked.get("agency", "")[:40],
            kind=asked.get("kind", "")[:60],
            rank=int(rank) if rank in {"0", "1", "2", "3", "4"} else None,
            overdue=asked.get("overdue") == "1",
            mine=asked.get("mine") == "1",
            q=asked.get("q", "").replace("\x00", "").strip()[:80],
        )

    def query(self, **changed: object) -> str:
        """The address of this filter with some parts changed, without the parts that say nothing."""
        asked = replace(self, **changed)  # type: ignore[arg-type]
        parts = {
            "tab": asked.tab if asked.tab != "open" else "",
            "state": asked.state,
            "ward": asked.ward,
            "agency": asked.agency,
            "kind": asked.kind,
            "rank": "" if asked.rank is None else str(asked.rank),
            "overdue": "1" if asked.overdue else "",
            "mine": "1" if asked.mine else "",
            "q": asked.q,
        }
        return "?" + urlencode({key: value for key, value in parts.items() if value})

    @property
    def narrowed(self) -> bool:
        """More than a tab is asked for."""
        return self.query(tab="open") != "?"

    def rows(self, actor: Actor, world: str, now: datetime) -> "Incidents":
        """Everything asked for but the tab."""
        rows = visible_to(actor, world)
        exact = {"state": self.state, "ward": self.ward, "kind": self.kind}
        rows = rows.filter(**{key: value for key, value in exact.items() if value})
        if self.agency:  # by their keys: a join would be walked before the index
            named = Agency.objects.filter(code=self.agency)
            rows = rows.filter(agency_id__in=list(named.values_list("pk", flat=True)))
        if self.rank is not None:
            rows = rows.filter(rank=self.rank)
        if self.overdue:
            rows = rows.filter(due_at__lt=now)
        if self.mine:
            rows = rows.filter(reduce(or_, waiting_for(actor)))
        return matching(rows, self.q) if self.q else rows

    @property
    def order(self) -> Order:
        return ORDERS[self.tab]

    def page(self, actor: Actor, world: str, now: datetime, after: str | None) -> Page:
        rows = self.rows(actor, world, now)
        if not self.state and self.tab != "all":
            rows = rows.filter(state__in=STATES_OF[self.tab])
        return page(rows.only(*SHOWN), self.order, after=after, limit=PAGE)


@dataclass(frozen=True, slots=True)
class Count:
    """How many, or that there are more than anybody counts by looking: counting a million rows for each page would make it slow."""

    value: int
    more: bool = False

    def __str__(self) -> str:
        return f"{number(self.value)}{'+' if self.more else ''}"


def counts(asked: Filter, actor: Actor, world: str, now: datetime) -> dict[str, Count]:
    """How many each tab holds under the same filter, and how many of the open ones are overdue or wait for this role.

    Empty while words are searched for: the answer is the list, and counting would read every row of the city.
    """
    if asked.q:
        return {}
    rows = replace(asked, overdue=False, mine=False, state="").rows(actor, world, now)
    waiting = waiting_for(actor)
    *held, overdue = _counted(
        *(rows.filter(kind) for kind in waiting),
        *(rows.filter(state__in=STATES_OF[tab]) if tab != "all" else rows for tab in TABS),
        rows.filter(state__in=OPEN, due_at__lt=now),
    )
    mine = sum(held[: len(waiting)])
    named = {**dict(zip(TABS, held[len(waiting) :], strict=True)), "overdue": overdue, "mine": mine}
    return {name: Count(min(found, COUNTED), found > COUNTED) for name, found in named.items()}


def _counted(*kinds: "Incidents") -> list[int]:
    """How many of each, to one beyond `COUNTED` and no further: all in one question."""
    parts: list[str] = []
    given: list[Any] = []
    for rows in kinds:
        try:
            sql, more = rows.order_by().values("pk")[: COUNTED + 1].query.sql_with_params()
        except EmptyResultSet:  # whoever may see none of them
            sql, more = "SELECT 1 WHERE 1 = 0", ()
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS found)")  # noqa: S608 - what is given stands in `given`
        given += more
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", given)
        return list(cursor.fetchone())

"""The queue: which incidents, in what order. Every view of it is an address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from vonglau.centre.search import matching
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import ENDED, OPEN, STATE_NAMES, State
from vonglau.core.people.policy import Actor
from vonglau.kit.paging import Order, Page, page

if TYPE_CHECKING:
    Incidents = QuerySet[Incident]

PAGE = 50

TABS: dict[str, Promise] = {
    "open": _("Đang mở"),
    "answered": _("Chờ xác nhận"),
    "ended": _("Đã xong"),
    "all": _("Tất cả"),
}
STATES_OF = {"open": OPEN, "answered": (State.RESOLVED,), "ended": ENDED, "all": tuple(State)}

BY_DUE = Order("due_at", nullable=True)
BY_NEWEST = Order("id", descending=True)


def visible_to(actor: Actor, world: str) -> "Incidents":
    """The same rule as `policy.may_see`, as a query: an agency sees what is in its hands, the centre sees all."""
    rows = Incident.objects.filter(world=world).select_related("agency")
    if actor.role != "agency":
        return rows
    return rows.none() if actor.agency_id is None else rows.filter(agency_id=actor.agency_id)


def waiting_for(actor: Actor) -> Q:
    """What this role is to act on next."""
    if actor.role == "agency":
        return Q(state__in=(State.ASSIGNED, State.IN_PROGRESS), paused_at__isnull=True)
    returned = Q(state=State.ASSIGNED, agency__isnull=True)
    asked = Q(state__in=(State.RECEIVED, State.VERIFIED)) | returned
    answered = Q(state=State.RESOLVED)
    return asked | (answered if actor.role == "supervisor" else answered & ~Q(origin="alert"))


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
        exact = {"state": self.state, "ward": self.ward, "agency__code": self.agency, "kind": self.kind}
        rows = rows.filter(**{key: value for key, value in exact.items() if value})
        if self.rank is not None:
            rows = rows.filter(rank=self.rank)
        if self.overdue:
            rows = rows.filter(due_at__lt=now)
        if self.mine:
            rows = rows.filter(waiting_for(actor))
        return matching(rows, self.q, "ref", "title", "place") if self.q else rows

    @property
    def order(self) -> Order:
        return BY_DUE if self.tab == "open" else BY_NEWEST

    def page(self, actor: Actor, world: str, now: datetime, after: str | None) -> Page:
        rows = self.rows(actor, world, now)
        if not self.state:
            rows = rows.filter(state__in=STATES_OF[self.tab])
        return page(rows, self.order, after=after, limit=PAGE)


def counts(asked: Filter, actor: Actor, world: str, now: datetime) -> dict[str, int]:
    """How many each tab holds under the same filter, and how many of the open ones are overdue or wait for this role."""
    bare = replace(asked, overdue=False, mine=False, state="")
    return bare.rows(actor, world, now).aggregate(
        open=Count("pk", filter=Q(state__in=OPEN)),
        answered=Count("pk", filter=Q(state=State.RESOLVED)),
        ended=Count("pk", filter=Q(state__in=ENDED)),
        all=Count("pk"),
        overdue=Count("pk", filter=Q(state__in=OPEN, due_at__lt=now)),
        mine=Count("pk", filter=waiting_for(actor)),
    )

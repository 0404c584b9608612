"""Lists in pages that stay right while rows come and go: keyset cursors, never offsets.

Every list answers `{"items": [...], "next": cursor or null}`. A cursor is opaque to who follows it: where the last page
ended, as (order, value, id). It holds no secret and gives no right, so it is not signed; a broken one is refused.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from vonglau.core.errors import BadInput

DEFAULT, MOST = 100, 1000


@dataclass(frozen=True, slots=True)
class Order:
    """A moment, then the id; or the id alone. Rows without a moment come last in either direction."""

    field: str
    descending: bool = False
    nullable: bool = False


BY_ID = Order("id")


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Any]
    next: str | None


def encode(order: Order, value: object, id: int) -> str:
    if isinstance(value, datetime):
        value = value.isoformat()
    plain = json.dumps([order.field, order.descending, value, id], separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


def decode(order: Order, cursor: str) -> tuple[Any, int]:
    """(value, id) of where the last page ended. BadInput for what we did not write, or wrote for another order."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        field, descending, value, id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error) as problem:
        raise BadInput("This is no cursor of ours; start again without `after`.", pointer="/query/after") from problem
    if (field, descending) != (order.field, order.descending) or not _plausible(order, value, id):
        raise BadInput("This cursor belongs to another list or order; start again.", pointer="/query/after")
    return value, id


def _plausible(order: Order, value: object, id: object) -> bool:
    """Whether the database can be asked about it: a cursor is input like any other."""
    if isinstance(id, bool) or not isinstance(id, int) or not 0 <= id < 2**63:
        return False
    if order.field == "id" or value is None:
        return value is None and (order.nullable or order.field == "id")
    if not isinstance(value, str):
        return False
    try:
        moment = datetime.fromisoformat(value)
        moment.astimezone(
            UTC
        )  # as the database will be asked: the first and the last day of the calendar have no hours before or after
    except (ValueError, OverflowError):
        return False
    return moment.tzinfo is not None


def page(rows: "QuerySet[Any]", order: Order = BY_ID, *, after: str | None = None, limit: int = DEFAULT) -> Page:
    """The page after a cursor. Rows without a moment are a second walk: `NULLS LAST` would sort the whole table."""
    limit = max(1, min(limit, MOST))
    edge, empties_only = Q(), False
    compare, sign = ("lt", "-") if order.descending else ("gt", "")
    if after:
        value, id = decode(order, after)
        edge, empties_only = Q(**{f"id__{compare}": id}), value is None and order.field != "id"
        if value is not None:
            edge = Q(**{f"{order.field}__{compare}": value}) | Q(**{order.field: value}) & edge
    found: list[Any] = []
    if not empties_only:
        walk = rows.filter(edge, **{f"{order.field}__isnull": False}) if order.nullable else rows.filter(edge)
        names = (f"{sign}id",) if order.field == "id" else (f"{sign}{order.field}", f"{sign}id")
        found = list(walk.order_by(*names)[: limit + 1])
    if order.nullable and len(found) <= limit:
        empties = rows.filter(edge if empties_only else Q(), **{f"{order.field}__isnull": True})
        found += empties.order_by(f"{sign}id")[: limit + 1 - len(found)]
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], encode(order, None if order.field == "id" else getattr(last, order.field), last.pk))

"""Pages hold every row once, in order, whatever their size and whatever comes and goes in between."""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from vonglau.core.errors import BadInput
from vonglau.core.incidents.models import Incident
from vonglau.core.tests import factories
from vonglau.kit.paging import BY_ID, Order, decode, encode, page

ORDERS = (BY_ID, Order("id", descending=True), Order("due_at", nullable=True), Order("received_at", descending=True))


def row(number: int, due: int | None, received: int) -> Incident:
    at = factories.MONDAY
    return Incident(
        world="w",
        ref=str(number),
        title="x",
        level="normal",
        received_at=at + timedelta(hours=received),
        due_at=None if due is None else at + timedelta(hours=due),
    )


def walk(order: Order, size: int) -> list[int]:
    seen: list[int] = []
    after = None
    while True:
        found = page(Incident.objects.all(), order, after=after, limit=size)
        assert len(found.items) <= size
        seen += [one.pk for one in found.items]
        after = found.next
        if after is None:
            return seen


class Laws(TestCase):
    @given(
        st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.integers(0, 3)), max_size=12),
        st.integers(1, 6),
        st.sampled_from(ORDERS),
    )
    def test_every_row_once_in_order(self, rows: list[tuple[int | None, int]], size: int, order: Order) -> None:
        with transaction.atomic():
            Incident.objects.bulk_create([row(n, due, received) for n, (due, received) in enumerate(rows)])
            every = list(Incident.objects.all())
            flip = -1 if order.descending else 1

            def key(one: Incident) -> tuple[bool, float, int]:
                value = None if order.field == "id" else getattr(one, order.field)
                return (
                    order.field != "id" and value is None,
                    flip * (value.timestamp() if value else 0.0),
                    flip * one.pk,
                )

            assert walk(order, size) == [one.pk for one in sorted(every, key=key)]
            transaction.set_rollback(True)


@pytest.mark.django_db
def test_rows_that_go_and_come_move_nothing_else() -> None:
    Incident.objects.bulk_create([row(n, n, n) for n in range(6)])
    order = Order("due_at", nullable=True)
    first = page(Incident.objects.all(), order, limit=3)
    first.items[2].delete()
    Incident.objects.bulk_create([row(100, 0, 0), row(101, None, 0)])
    rest = page(Incident.objects.all(), order, after=first.next, limit=10)
    assert [one.ref for one in rest.items] == ["3", "4", "5", "101"]


@given(st.one_of(st.none(), st.datetimes(timezones=st.just(factories.MONDAY.tzinfo))), st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back(value: object, id: int) -> None:
    order = Order("due_at", nullable=True)
    back, same = decode(order, encode(order, value, id))
    assert same == id
    assert (back is None) == (value is None)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        encode(Order("onset"), None, 1),
        encode(Order("due_at", descending=True), None, 1),
        encode(Order("due_at"), None, 1),
        encode(Order("due_at"), "soon", 1),
        encode(Order("due_at"), "2026-01-01T00:00:00", 1),
        encode(Order("due_at"), "0001-01-01T00:00:00+23:59", 1),
        encode(Order("due_at"), "9999-12-31T23:59:59-23:59", 1),
        encode(Order("due_at"), factories.MONDAY, -1),
        encode(Order("due_at"), factories.MONDAY, 2**63),
        encode(Order("due_at"), factories.MONDAY, True),
        encode(Order("due_at"), factories.MONDAY, "1; drop"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_cursor_of_this_order_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode(Order("due_at"), cursor)
    assert refused.value.extra["pointer"] == "/query/after"

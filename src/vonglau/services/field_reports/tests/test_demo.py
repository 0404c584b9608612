"""The invented day: in order, repeatable, and through the same door as people."""

from datetime import UTC, datetime, timedelta

import pytest

from vonglau.core.seams import DemoCall, DemoPlan
from vonglau.core.tests import factories
from vonglau.services.field_reports.demo import day
from vonglau.services.field_reports.models import Report

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def calls(start: datetime = START, hours: int = 24, locality: str = "48", *, calm: bool = False) -> list[DemoCall]:
    plan = DemoPlan(locality=locality, start=start, end=start + timedelta(hours=hours), seed=1, calm=calm)
    return [item for item in day(plan) if isinstance(item, DemoCall)]


def test_a_day_is_in_order_and_within_its_plan() -> None:
    found = calls()
    assert len(found) > 20
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert all(START <= one.at < START + timedelta(hours=24) for one in found)


def test_two_halves_make_the_whole_day() -> None:
    halves = [one.at for one in calls(hours=12)] + [one.at for one in calls(START + timedelta(hours=12), 12)]
    assert halves == [one.at for one in calls()]


def test_calm_days_and_other_places_have_none() -> None:
    assert calls(calm=True) == []
    assert calls(locality="01") == []


@pytest.mark.django_db
def test_what_it_sends_is_kept_once() -> None:
    factories.drill()
    found = calls()[:5]
    for one in [*found, *found]:
        one.act("drill-1")
    assert [report.received_at for report in Report.objects.order_by("received_at", "id")] == [one.at for one in found]
    assert all(report.ward and report.content.description for report in Report.objects.all())

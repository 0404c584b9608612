"""The public's statistics: what a rate is of, who is counted, and what many who ask at once are told."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median_low
from typing import Any

import hypothesis
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.indicators.definitions import Counted
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.services.field_reports import indicators
from vonglau.services.field_reports.models import PublicReport, Report
from vonglau.services.field_reports.public import figures
from vonglau.services.field_reports.published import filters, statistics
from vonglau.services.field_reports.tests.test_open_pages import BASE, _city, body, handled, sent

__all__ = ["_city"]


def test_a_rate_of_nothing_is_no_rate() -> None:
    page = body("statistics/")
    assert "0 %" not in page
    assert "chưa có gì để tính" in page


def test_rates_have_their_numbers_and_agencies_their_mix() -> None:
    factories.agency()
    factories.agency("moi-truong", name_vi="Sở Môi trường")
    for n in range(24):
        handled(sent(category="street_light" if n < 22 else "waste"), outcome="explained")
    for _n in range(2):
        handled(sent(category="waste"), agency="moi-truong")
    late = Report.objects.filter(category="street_light").first()
    assert late is not None
    Incident.objects.filter(pk=late.incident_id).update(handle_due=factories.MONDAY - timedelta(days=900))
    desk.take("live", late.incident.ref, "note", factories.SUPERVISOR, desk.Details(why="Ghi."))
    found = statistics.figures(world("live"), filters.read({"period": "all"}))
    on_time = found.values["reports_on_time"].counted
    assert (on_time.numerator, on_time.denominator) == (25, 26)
    one, other = found.agencies
    assert [one.volume, other.volume] == [24, 2]
    assert sum(one.levels.values()) == 24
    assert one.expected is not None
    assert round(float(one.expected), 4) == round((22 * (21 / 22) + 2 * 1.0) / 24, 4)
    page = body("statistics/", period="all")
    assert "2 trên 2" in page, "too few for a rate"
    assert "100 %" not in page.split("Sở Môi trường")[1].split("</tr>")[0]
    assert found.bars
    assert sum(bar.results for bar in found.bars) == 26
    for indicator in indicators.INDICATORS:
        assert str(indicator.definition) in page


def test_the_centre_and_the_public_count_alike() -> None:
    factories.agency()
    handled(sent())
    found = statistics.figures(world("live"), filters.read({"period": "all"}))
    for code, value in found.values.items():
        indicator = next(one for one in indicators.INDICATORS if one.code == code)
        assert indicator.count(found.scope) == value.counted
        rows = indicator.rows(found.scope, "numerator")
        assert all(indicator.row(one).href for one in rows) if indicator.row else False


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=12))
@hypothesis.settings(
    max_examples=8, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_a_median_is_the_lower_one_in_the_middle(took: list[tuple[int, int]]) -> None:
    PublicReport.objects.all().delete()
    common = {"world": "live", "running": False, "received_at": factories.MONDAY, "updated_at": factories.MONDAY}
    while Report.objects.count() < len(took):
        sent()
    for (level, minutes), report in zip(took, Report.objects.order_by("pk"), strict=False):
        PublicReport.objects.update_or_create(
            report=report, defaults={**common, "reference": report.reference, "level": str(level), "took": minutes}
        )
    rows = PublicReport.objects.filter(report__in=Report.objects.order_by("pk")[: len(took)])
    all_minutes = [minutes for _level, minutes in took]
    assert indicators.median(rows) == (Counted(median_low(all_minutes)) if took else Counted(0, 0))
    by_level = {str(level): [minutes for one, minutes in took if one == level] for level, _minutes in took}
    assert indicators.medians(rows, "level") == {level: median_low(minutes) for level, minutes in by_level.items()}


def test_figures_leave_no_row_to_the_program() -> None:
    """However many reports there are, what comes out of the database is counted there."""
    factories.agency()
    for _n in range(4):
        handled(sent())
    figures.forget()
    with CaptureQueriesContext(connection) as asked:
        statistics.figures(world("live"), filters.read({"period": "all"}))
    for one in asked.captured_queries:
        if "took" in one["sql"]:
            with connection.cursor() as cursor:
                assert len(cursor.execute(one["sql"]).fetchall()) == 1, one["sql"]


def test_the_same_figures_are_counted_once_for_many_who_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    live, asked, real = world("live"), filters.read({}), statistics.figures(world("live"), filters.read({}))
    begun, go, counted = threading.Event(), threading.Event(), []

    def slow(_world: Any, _asked: filters.Asked) -> Any:
        counted.append(1)
        begun.set()
        assert go.wait(20)
        return real

    monkeypatch.setattr(statistics, "figures", slow)
    with ThreadPoolExecutor(figures.AT_ONCE) as pool:
        waiting = [pool.submit(figures._figures, live, asked)]
        assert begun.wait(20)
        waiting += [pool.submit(figures._figures, live, asked) for _n in range(figures.AT_ONCE - 1)]
        while figures._room._value:
            time.sleep(0.001)
        answer = Client().get(f"{BASE}/statistics/")
        assert (answer.status_code, answer["Retry-After"]) == (503, "10"), "the others' threads are not all taken"
        assert "Đang tính số liệu" in answer.content.decode()
        go.set()
        assert [one.result(20) for one in waiting] == [real] * figures.AT_ONCE
    assert counted == [1]
    assert Client().get(f"{BASE}/statistics/").status_code == 200


def test_durations_have_two_units_at_most() -> None:
    assert [figures.duration(n) for n in (0, 59, 61, 600, 2 * 24 * 60)] == [
        "0 phút",
        "59 phút",
        "1 giờ 1 phút",
        "10 giờ",
        "2 ngày",
    ]

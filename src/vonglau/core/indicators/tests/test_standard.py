"""Each rate counts what its definition says; the rows under it are exactly the ones it counted."""

from datetime import timedelta
from fractions import Fraction

import pytest

from vonglau.core.incidents.desk import Details, take
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.tests.test_desk import walk
from vonglau.core.indicators.definitions import Counted, Scope, Value, measure
from vonglau.core.seams import indicators
from vonglau.core.tests.factories import MONDAY, OPERATOR, drill, incident, live

pytestmark = pytest.mark.django_db

DAY = Scope(world="live", start=MONDAY - timedelta(hours=8), end=MONDAY + timedelta(hours=16), locality="48")


@pytest.fixture(autouse=True)
def _world() -> None:
    live()


def value(code: str, scope: Scope = DAY) -> Value:
    return measure(indicators()[code], scope)


def test_nothing_by_nothing_is_not_zero_per_cent() -> None:
    assert value("handled_on_time").ratio is None


def test_handled_on_time_moves_when_a_result_comes_in_time() -> None:
    walk(incident().ref, until="resolved")
    assert value("handled_on_time").counted == Counted(1, 1)


def test_open_and_overdue_counts_against_the_city() -> None:
    walk(incident().ref, until="resolved")
    late = incident(level="urgent")
    take("live", late.ref, "verify", OPERATOR, at=MONDAY)
    assert value("handled_on_time").ratio == Fraction(1, 2)
    take("live", late.ref, "pause", OPERATOR, Details(why="Chờ dân"), at=MONDAY + timedelta(hours=1))
    assert value("handled_on_time").ratio == 1, "waiting for the citizen is nobody's delay"


def test_late_results_stay_late_and_reopened_ones_are_not_results() -> None:
    ref = walk(incident(level="urgent").ref, at=MONDAY - timedelta(days=3), until="in_progress").ref
    take("live", ref, "resolve", OPERATOR, Details(outcome="explained", why="…"), at=MONDAY)
    assert value("handled_on_time").counted == Counted(0, 1)
    assert value("fixed_share").counted == Counted(0, 1)
    take("live", ref, "reopen", OPERATOR, Details(why="Chưa xong"), at=MONDAY)
    assert value("fixed_share").counted == Counted(0, 0)


def test_merged_and_refused_are_in_neither_number() -> None:
    keeper = walk(incident().ref, until="resolved")
    twin, wrong = incident(level="urgent"), incident(level="urgent")
    take("live", twin.ref, "merge", OPERATOR, Details(keeper=keeper.ref), at=MONDAY)
    take(
        "live",
        wrong.ref,
        "refuse",
        OPERATOR,
        Details(outcome="redirected", why="Tố cáo", reason="denunciation", target="inspectorate"),
        at=MONDAY,
    )
    assert value("handled_on_time").counted == Counted(1, 1)


@pytest.mark.parametrize(("days", "timely"), [(3, 0), (0, 1)])
def test_reopened_and_then_in_time_is_late_if_it_was_late_before(days: int, timely: int) -> None:
    ref = walk(incident(level="urgent").ref, at=MONDAY - timedelta(days=days), until="resolved").ref
    if days:
        Incident.objects.update(resolved_at=MONDAY)
    assert value("handled_on_time").counted == Counted(timely, 1)
    take("live", ref, "reopen", OPERATOR, Details(why="Chưa xong"), at=MONDAY)
    assert value("handled_on_time").counted.numerator == 0, "an objection withdraws the result"
    take("live", ref, "start", OPERATOR, at=MONDAY)
    take("live", ref, "resolve", OPERATOR, Details(outcome="explained", why="…"), at=MONDAY)
    assert value("handled_on_time").counted == Counted(timely, 1)


def test_received_on_time() -> None:
    after = Scope(world="live", start=MONDAY, end=MONDAY + timedelta(days=7), locality="48")
    take("live", incident().ref, "verify", OPERATOR, at=MONDAY + timedelta(hours=1))
    take("live", incident().ref, "verify", OPERATOR, at=MONDAY + timedelta(days=5))
    incident()
    assert value("received_on_time", after).counted == Counted(1, 3)


@pytest.mark.parametrize(
    "code", ["handled_on_time", "received_on_time", "fixed_share", "overdue_now", "open_now", "received"]
)
def test_the_rows_are_the_figures(code: str) -> None:
    drill()
    for number in range(4):
        ref = incident(level=["normal", "urgent"][number % 2]).ref
        if number:
            take("live", ref, "verify", OPERATOR, at=MONDAY)
    incident(world="drill-1")
    walk(incident().ref, until="resolved")
    indicator = indicators()[code]
    found = value(code).counted
    rows = set(indicator.rows(DAY, "numerator").values_list("pk", flat=True))
    assert len(rows) == found.numerator
    if found.denominator is not None:
        under = set(indicator.rows(DAY, "denominator").values_list("pk", flat=True))
        assert len(under) == found.denominator
        assert rows <= under
    assert set(indicator.rows(DAY, "numerator").values_list("world", flat=True)) <= {"live"}


def test_divided_once_and_exactly() -> None:
    indicator = indicators()["handled_on_time"]
    made = Value(indicator=indicator, scope=DAY, counted=Counted(1, 3), provenance="measured", at=MONDAY)
    assert made.ratio == Fraction(1, 3)

"""Figures over events: the same integers from the tail, from sealed files and from both; one world, one ward, one period."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vonglau.core.events import Event, from_us, to_us
from vonglau.core.indicators import over_events
from vonglau.core.indicators.definitions import Scope, measure
from vonglau.core.seams import event_types, indicators
from vonglau.engines import open_history, open_writer
from vonglau.engines.history import Asked, derive
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.duck import Limits
from vonglau.engines.history.expressions import events
from vonglau.web.derive import Columns

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 1, 1, 17, tzinfo=UTC)  # the 2nd of January begins in Viet Nam
BRIDGE, BEACH = (108.2272, 16.0611), (108.2470, 16.0600)


class West:
    """Two wards, west and east of a line: what is tested here is not where wards end."""

    def locate_many(self, lon: Any, lat: Any) -> tuple[Any, Any]:
        return np.where(np.asarray(lon) < 108.24, "20242", "20285"), np.zeros(len(lon), dtype=bool)


def columns() -> Derive:
    return Columns(West(), event_types())  # type: ignore[arg-type]


def measured(n: int, sensor: int, hour: float, value: float, world: str = "live", quantity: str = "speed") -> Event:
    lon, lat = (BRIDGE, BEACH)[sensor % 2]
    return Event(
        id=f"m{n}",
        source="/sensors",
        type="vn.vonglau.traffic.measured",
        time_us=to_us(DAY + timedelta(hours=hour)),
        subject=f"s{sensor}",
        lon=lon,
        lat=lat,
        world=world,
        data=b'{"quantity": "%s", "value": %r}' % (quantity.encode(), value),
    )


EVENTS = [
    measured(1, 0, -0.1, 99.0),  # the day before
    measured(2, 0, 0.0, 30.1),
    measured(3, 0, 0.5, 30.2),
    measured(4, 0, 2.5, 0.7),
    measured(5, 1, 1.5, 50.0),
    measured(6, 1, 1.6, 700.0, quantity="flow"),
    measured(7, 2, 4.0, 10.0),  # beyond the period
    measured(8, 3, 1.0, 10.0, world="drill-1"),
]
SCOPE = Scope("live", DAY, DAY + timedelta(hours=4), "48")


@pytest.fixture(params=[0, 4, 8], ids=["sealed", "joined", "tail"])
def city(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(derive.SETTING, f"{__name__}:columns")
    log = open_writer(tmp_path)
    log.append(EVENTS)
    log.seal(keep=request.param, through=100)
    log.close()

    @contextmanager
    def opened(scope: Scope, used: frozenset[str]) -> Iterator[over_events.Events]:
        reader = open_history(tmp_path)
        with events(
            reader, columns(), Asked(scope.world, to_us(scope.start), to_us(scope.end), used), Limits(rows=0)
        ) as found:
            yield found
        reader.close()

    monkeypatch.setattr(over_events, "_open", [opened])
    over_events.forget()
    yield
    over_events.forget()


def test_counts_and_sums_are_exact(city: None) -> None:
    speed = measure(indicators()["traffic_mean_speed"], SCOPE)
    assert (speed.counted.numerator, speed.counted.denominator, speed.counted.scale) == (111_000, 4, 1_000)
    assert speed.ratio == Fraction(111, 4)
    coverage = measure(indicators()["traffic_coverage"], SCOPE)
    assert (coverage.counted.numerator, coverage.counted.denominator) == (3, 8)


def test_what_stands_under_them(city: None) -> None:
    coverage = indicators()["traffic_coverage"]
    rows = coverage.rows(SCOPE, "denominator")
    assert rows.count() == 2
    assert [(one.values["subject"], one.values["hours"], one.values["n"]) for one in rows[0:50]] == [
        ("s1", 1, 2),
        ("s0", 2, 3),
    ]
    assert sum(one.values["hours"] for one in rows) == coverage.count(SCOPE).numerator
    assert coverage.row is not None
    assert coverage.row(rows[0]).name == "s1"
    speed = indicators()["traffic_mean_speed"]
    under = speed.rows(SCOPE, "denominator")
    assert sum(one.values["total"] for one in under) == speed.count(SCOPE).numerator
    assert sum(one.values["n"] for one in under) == speed.count(SCOPE).denominator
    inside = speed.rows(SCOPE, "numerator").filter(pk__in=[under[0].pk]).values_list("pk", flat=True)
    assert inside == [under[0].pk]


def test_one_ward_and_one_world(city: None) -> None:
    there = Scope("live", SCOPE.start, SCOPE.end, "48", ward="20285")
    assert measure(indicators()["traffic_mean_speed"], there).ratio == 50
    drill = Scope("drill-1", SCOPE.start, SCOPE.end, "48")
    assert measure(indicators()["traffic_coverage"], drill).counted.denominator == 4
    nowhere = Scope("drill-2", SCOPE.start, SCOPE.end, "48")
    assert measure(indicators()["traffic_mean_speed"], nowhere).ratio is None
    assert from_us(to_us(DAY)) == DAY

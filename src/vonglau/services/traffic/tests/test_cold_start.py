"""What a new installation hears: nothing about hours it has not seen, everything soon after. On the demo's own city."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
import pytest

from vonglau.core.detection import AlertDraft, Severity, Urgency
from vonglau.core.events import from_us, to_us
from vonglau.core.seams import DemoEvent, DemoPlan
from vonglau.services.traffic import demo
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly
from vonglau.services.traffic.tests.streams import MINUTE, Said, altered, batch, fold, latest, steady, ticking

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SATURDAY = datetime(2026, 11, 7, tzinfo=ZONE).astimezone(UTC)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


def plan(start: datetime, days: int, *, calm: bool) -> DemoPlan:
    return DemoPlan(locality="48", start=start, end=start + days * DAY, seed=start.toordinal(), calm=calm)


def rows(events: Iterable[DemoEvent]) -> Iterator[Said]:
    for one in events:
        event, data = one.event, msgspec.convert(one.event["data"], dict[str, object])
        yield Said(
            at=to_us(datetime.fromisoformat(str(event["time"])).astimezone(UTC)),
            value=float(str(data["value"])),
            subject=str(event["subject"]),
            quantity=str(data["quantity"]),
            source=str(event["source"]),
        )


@cache
def calm(start: datetime, days: int) -> tuple[bytes, list[AlertDraft]]:
    """The state after calm days, and what was said meanwhile."""
    return fold(TrafficAnomaly(), batch(list(rows(demo.day(plan(start, days, calm=True))))))


@pytest.mark.parametrize("weekday", range(3), ids=["from a Saturday", "from a Monday", "from a Thursday"])
def test_calm_days_are_calm_on_whichever_day_a_city_begins(weekday: int) -> None:
    start = SATURDAY + (0, 2, 5)[weekday] * DAY
    _, said = calm(start, 9)
    assert [(alert.subject, from_us(alert.onset_us).astimezone(ZONE)) for alert in latest(said)] == []


@pytest.mark.parametrize("learnt", [3, 9], ids=["one working day", "two weekends and a week"])
def test_the_jams_of_the_day_after_are_found_and_nothing_else(learnt: int) -> None:
    """Two jams less than half an hour apart at one sensor are one episode, so one alert."""
    state, _ = calm(SATURDAY, learnt)
    today = plan(SATURDAY + learnt * DAY, 1, calm=False)
    detector = TrafficAnomaly()
    _, said = detector.fold(detector.load(state), batch(list(rows(demo.day(today)))))
    alerts = latest(said)
    jams = [one for one in demo.troubles(today, demo.sites("48")) if one.share > 0]
    assert len(jams) >= 20

    def about(alert: AlertDraft, jam: demo.Trouble) -> bool:
        ended = from_us(alert.ended_us) if alert.ended_us is not None else today.end
        return alert.subject == jam.site and from_us(alert.onset_us) < jam.end and jam.start < ended

    assert [jam for jam in jams if not any(about(alert, jam) for alert in alerts)] == []
    assert [alert for alert in alerts if not any(about(alert, jam) for jam in jams)] == []
    assert {alert.kind for alert in alerts} == {"congestion"}


def test_the_sensor_that_stops_is_noticed_after_half_an_hour_and_is_no_emergency() -> None:
    today = plan(SATURDAY + DAY, 1, calm=False)
    (quiet,) = [one for one in demo.troubles(today, demo.sites("48")) if one.share == 0]
    before = plan(SATURDAY, 1, calm=True)
    _, said = fold(SensorSilence(), batch(ticking([*rows(demo.day(before)), *rows(demo.day(today))])))
    (alert,) = latest(said)
    assert alert.subject == quiet.site
    assert timedelta(minutes=20) <= from_us(said[0].updated_us) - quiet.start <= timedelta(minutes=35)
    assert (said[0].severity, said[0].urgency) == (Severity.MINOR, Urgency.FUTURE)
    assert alert.ended_us is not None
    assert timedelta(0) <= from_us(alert.ended_us) - quiet.end <= timedelta(minutes=5)


def test_an_hour_is_judged_once_it_was_seen_on_an_earlier_day_of_its_kind() -> None:
    """A sensor that is up from noon on Friday: Saturday is new to it, Monday morning too, Monday afternoon is not."""
    friday = to_us(datetime(2026, 11, 6, 12, tzinfo=ZONE).astimezone(UTC))
    stream = steady(4, start=friday)

    def heard(day: int, hour: int) -> bool:
        start = friday + (day * 24 + hour - 12) * 60 * MINUTE
        return bool(latest(fold(TrafficAnomaly(), batch(altered(stream, 0.3, start, 60 * MINUTE)))[1]))

    assert [heard(1, 9), heard(1, 15), heard(2, 9), heard(2, 15), heard(3, 9), heard(3, 15)] == [
        False,
        False,
        True,
        True,
        False,
        True,
    ]


def test_a_sensor_that_seldom_speaks_is_judged_by_the_hour_around() -> None:
    """Every 35 minutes: many half hours stay empty for days, but what stands beside them was seen."""
    monday = to_us(datetime(2026, 11, 9, tzinfo=ZONE).astimezone(UTC))
    stream = steady(9, every=35 * MINUTE, start=monday)
    jam = monday + (7 * 24 + 9) * 60 * MINUTE
    (alert,) = latest(fold(TrafficAnomaly(), batch(altered(stream, 0.3, jam, 180 * MINUTE)))[1])
    assert jam <= alert.onset_us <= jam + 35 * MINUTE


@pytest.mark.parametrize(("usual", "working_day"), [(50.0, 2), (40.0, 2), (30.0, 3)])
def test_kinds_of_day_that_differ_do_not_hide_a_jam_for_long(usual: float, working_day: int) -> None:
    """At weekends 60, on working days less, at every hour. A jam that takes three quarters is found two days later at the latest."""
    weekend = steady(2, level=60.0, start=to_us(SATURDAY))
    week = steady(working_day, level=usual, start=weekend[-1].at + 5 * MINUTE, seed=2)
    assert latest(fold(TrafficAnomaly(), batch([*weekend, *week]))[1]) == []
    jam = week[-1].at - 600 * MINUTE
    (alert,) = latest(fold(TrafficAnomaly(), batch([*weekend, *altered(week, 0.25, jam, 60 * MINUTE)]))[1])
    assert (alert.kind, alert.onset_us) == ("congestion", jam)


def test_what_strays_from_a_guess_says_nothing_about_regularity() -> None:
    """The first Monday is far from what the weekend let one guess: the scales of measurements stay as narrow as they were."""
    detector = TrafficAnomaly()
    weekend = steady(2, level=60.0, start=to_us(SATURDAY))
    state, _ = detector.fold(detector.initial(), batch(weekend))
    before = float(state["scale"][0].max())
    state, _ = detector.fold(state, batch(steady(1, level=30.0, start=weekend[-1].at + 5 * MINUTE)))
    assert float(state["scale"][0].max()) == before

"""What the anomaly detector says, and when it keeps quiet."""

from dataclasses import replace

import numpy as np
import pytest

from vonglau.core.detection import AlertDraft, Certainty, Severity, Urgency
from vonglau.services.traffic.rules import TrafficAnomaly
from vonglau.services.traffic.rules.anomaly import Tuning
from vonglau.services.traffic.tests.streams import DAY, HOUR, MINUTE, MONDAY, Said, batch, fold, latest, steady, ticking
from vonglau.services.traffic.tests.streams import altered as multiplied

JAM = MONDAY + 3 * DAY + 5 * HOUR


def altered(rows: list[Said], factor: float, start: int = JAM, lasting: int = HOUR) -> list[Said]:
    return multiplied(rows, factor, start, lasting)


def alerts(rows: list[Said], detector: TrafficAnomaly | None = None) -> list[AlertDraft]:
    return latest(fold(detector or TrafficAnomaly("UTC"), batch(rows))[1])


def test_a_calm_week_gives_no_alert() -> None:
    assert alerts(steady(7)) == []


def test_a_jam_is_one_alert_that_says_what_where_how_much_and_since_when() -> None:
    rows = [replace(row, lon=108.22, lat=16.06, more=(("name", "Cầu Rồng"), ("unit", "km/h"))) for row in steady(4)]
    (alert,) = alerts(altered(rows, 0.3))
    assert (alert.kind, alert.severity, alert.certainty) == ("congestion", Severity.SEVERE, Certainty.OBSERVED)
    assert (alert.onset_us, alert.ended_us, alert.urgency) == (JAM, JAM + HOUR, Urgency.PAST)
    assert (alert.subject, alert.lon, alert.lat) == ("s1", 108.22, 16.06)
    facts = alert.facts
    assert (facts["name"], facts["unit"], facts["quantity"], facts["direction"]) == ("Cầu Rồng", "km/h", "speed", "low")
    assert facts["worst_seen"] == pytest.approx(15, rel=0.15)
    assert facts["worst_expected"] == pytest.approx(50, rel=0.05)
    assert facts["loss"] == pytest.approx(0.7, abs=0.05)
    assert facts["low"] < 50 < facts["high"]
    assert facts["learnt_from"] > 800
    assert facts["learnt_days"] == pytest.approx(3.2, abs=0.1)
    assert facts["duration_s"] == 3600
    assert facts["ended_by"] == "usual_again"
    assert len(alert.evidence) == 12
    assert len(alert.series) == 48


def test_it_speaks_soon_then_now_and_then_and_once_more_at_the_end() -> None:
    _, said = fold(TrafficAnomaly("UTC"), batch(altered(steady(4), 0.3)))
    assert said[0].updated_us - JAM <= 5 * MINUTE
    assert said[0].ended_us is None
    assert [draft.ended_us is None for draft in said] == [True] * (len(said) - 1) + [False]
    assert len(said) <= 2 + 90 // 5


@pytest.mark.parametrize(
    ("quantity", "factor", "kind", "severity", "direction"),
    [
        ("speed", 0.3, "congestion", Severity.SEVERE, "low"),
        ("speed", 0.65, "congestion", Severity.MODERATE, "low"),
        ("speed", 0.78, "congestion", Severity.MINOR, "low"),
        ("speed", 2.0, "abnormal_traffic", Severity.MINOR, "high"),
        ("travel_time", 4.0, "congestion", Severity.SEVERE, "high"),
        ("travel_time", 0.2, "abnormal_traffic", Severity.MINOR, "low"),
        ("flow", 0.2, "abnormal_traffic", Severity.MINOR, "low"),
        ("flow", 4.0, "abnormal_traffic", Severity.MINOR, "high"),
    ],
)
def test_which_direction_is_bad_depends_on_the_quantity(
    quantity: str, factor: float, kind: str, severity: Severity, direction: str
) -> None:
    (alert,) = alerts(altered(steady(4, quantity=quantity), factor))
    assert (alert.kind, alert.severity, alert.facts["direction"]) == (kind, severity, direction)


@pytest.mark.parametrize(
    ("level", "factor", "severity"), [(10, 4.0, Severity.SEVERE), (6, 3.0, Severity.MODERATE), (2, 4.0, Severity.MINOR)]
)
def test_a_busy_detector_is_congested_only_when_it_is_really_busy(
    level: float, factor: float, severity: Severity
) -> None:
    (alert,) = alerts(altered(steady(4, level=level, quantity="occupancy"), factor))
    assert (alert.kind, alert.severity) == ("congestion", severity)


def test_a_rush_hour_that_comes_every_day_is_no_alert_once_it_is_known() -> None:
    rows = steady(9)
    for day in range(9):
        rows = altered(rows, 0.5, MONDAY + day * DAY + 17 * HOUR, 2 * HOUR)
    assert [alert for alert in alerts(rows) if alert.onset_us > MONDAY + 4 * DAY] == []


def test_at_an_hour_that_is_usually_slow_the_same_speed_means_nothing_and_elsewhere_much() -> None:
    rows = steady(10)
    for day in range(10):
        rows = altered(rows, 0.5, MONDAY + day * DAY + 17 * HOUR, 2 * HOUR)
    night = MONDAY + 9 * DAY + 2 * HOUR
    late = [alert.onset_us for alert in alerts(altered(rows, 0.5, night)) if alert.onset_us > MONDAY + 4 * DAY]
    assert late == [night]


def test_nothing_is_said_on_the_first_day() -> None:
    assert alerts(altered(steady(1), 0.1, MONDAY + 12 * HOUR)) == []


def test_one_odd_measurement_of_a_fast_sensor_is_not_enough_but_minutes_are() -> None:
    rows = steady(2, every=MINUTE // 3)
    start = MONDAY + 30 * HOUR
    assert alerts(altered(rows, 0.3, start, MINUTE // 3)) == []
    assert len(alerts(altered(rows, 0.3, start, 10 * MINUTE))) == 1


def test_a_short_breather_does_not_split_a_jam() -> None:
    rows = altered(steady(4), 0.3, JAM, HOUR)
    rows = altered(rows, 1 / 0.3, JAM + 20 * MINUTE, 10 * MINUTE)
    (alert,) = alerts(rows)
    assert (alert.onset_us, alert.ended_us) == (JAM, JAM + HOUR)


def test_a_jam_teaches_little() -> None:
    """After three hours at a third, what is expected of that hour has hardly moved: the next day's jam is seen as well."""
    rows = altered(altered(steady(6), 0.3, JAM, 3 * HOUR), 0.3, JAM + DAY, 3 * HOUR)
    first, second = alerts(rows)
    assert second.facts["worst_expected"] == pytest.approx(first.facts["worst_expected"], rel=0.06)
    assert second.severity == Severity.SEVERE


def test_what_stays_becomes_the_usual() -> None:
    rows = altered(steady(12), 0.5, JAM, 20 * DAY)
    said = alerts(rows)
    assert said[0].facts["ended_by"] == "adopted"
    assert said[0].onset_us == JAM
    assert all(alert.ended_us is not None and alert.ended_us < JAM + 4 * DAY for alert in said)


def test_an_episode_of_a_sensor_that_falls_silent_is_closed_by_the_clock() -> None:
    rows = [row for row in altered(steady(4), 0.3) if row.at < JAM + 30 * MINUTE]
    (alert,) = alerts(ticking(rows, until=JAM + 3 * HOUR))
    assert (alert.ended_us, alert.facts["ended_by"]) == (JAM + 25 * MINUTE, "no_data")
    assert alert.updated_us == JAM + 25 * MINUTE + HOUR + MINUTE


def test_without_ticks_it_is_closed_when_the_sensor_speaks_again() -> None:
    rows = [row for row in altered(steady(4), 0.3) if not JAM + 30 * MINUTE <= row.at < JAM + 5 * HOUR]
    (alert,) = alerts(rows)
    assert (alert.ended_us, alert.facts["ended_by"]) == (JAM + 25 * MINUTE, "no_data")


def test_late_measurements_are_counted_not_folded() -> None:
    rows = steady(2)
    detector = TrafficAnomaly("UTC")
    late = [Said(at=rows[-1].at - age, value=1.0) for age in (20 * MINUTE, DAY, 5 * MINUTE)]
    state, _ = detector.fold(detector.initial(), batch([*rows, *late]))
    assert detector.late(state) == 2
    assert state["count"][0] == len(rows) + 1
    assert detector.late(detector.load(detector.dump(state))) == 2


def test_an_unreadable_payload_is_passed_over() -> None:
    whole = batch(altered(steady(4), 0.3))
    broken = replace(
        whole, data=[b'{"quantity":"speed"}, {' if i % 50 == 7 else one for i, one in enumerate(whole.data)]
    )
    detector = TrafficAnomaly("UTC")
    state, said = detector.fold(detector.initial(), broken)
    assert state.totals["unreadable"] == len([i for i in range(len(whole)) if i % 50 == 7])
    assert len(latest(said)) == 1


def test_names_cannot_be_mixed_up() -> None:
    rows = [
        Said(at=MONDAY, value=1.0, source=source, subject=subject)
        for source, subject in [("a b", "c"), ("a", "b c"), ("a\x1f", "\x00"), ("a", None)]
    ]
    detector = TrafficAnomaly("UTC")
    state, _ = detector.fold(detector.initial(), batch(rows))
    assert len(state) == 4
    assert detector.load(detector.dump(state)).keys == state.keys


def test_the_profile_follows_the_zone() -> None:
    """A rush at 17:00 in Viet Nam is at 10:00 UTC: the slot that learns it is the local one."""
    detector = TrafficAnomaly("Asia/Ho_Chi_Minh")
    at = MONDAY + 10 * HOUR
    state, _ = detector.fold(detector.initial(), batch([Said(at=at, value=30.0)]))
    assert np.flatnonzero(state["slot_weight"][0]).tolist() == [34]


def test_a_sensor_that_said_zero_for_days_still_learns() -> None:
    zeros = [replace(row, value=0.0) for row in steady(3, quantity="occupancy")]
    rows = [*zeros, *steady(6, level=20, quantity="occupancy", start=MONDAY + 3 * DAY)]
    said = alerts(rows)
    assert said[0].onset_us == MONDAY + 3 * DAY
    assert all(alert.ended_us is not None for alert in said)


def test_settings_are_declared() -> None:
    """The documented meaning of the bound: one measurement at 6 scales, two at 4, four at 3."""
    tuning = Tuning()
    for count, scales in ((1, 6), (2, 4), (4, 3)):
        assert count * (scales - tuning.drift) >= tuning.bound
        assert (count - 1) * (scales - tuning.drift) < tuning.bound

"""When a sensor that says nothing is worth an alert, and when not."""

from dataclasses import replace

from vonglau.core.detection import AlertDraft, Severity, Urgency
from vonglau.services.traffic.rules import SensorSilence
from vonglau.services.traffic.tests.streams import DAY, HOUR, MINUTE, MONDAY, Said, batch, fold, latest, steady, ticking

GONE = MONDAY + 2 * DAY


def alerts(rows: list[Said]) -> list[AlertDraft]:
    return latest(fold(SensorSilence(), batch(rows))[1])


def without(rows: list[Said], start: int, end: int) -> list[Said]:
    return [row for row in rows if not start <= row.at < end]


def test_a_sensor_that_stops_is_reported_and_its_return_ends_it() -> None:
    rows = without(steady(4, lon=108.2, lat=16.0), GONE, GONE + 5 * HOUR)
    (alert,) = alerts(ticking(rows))
    assert (alert.kind, alert.severity, alert.subject) == ("sensor_silent", Severity.MINOR, "s1")
    assert (alert.onset_us, alert.ended_us) == (GONE - 5 * MINUTE, GONE + 5 * HOUR)
    assert (alert.lon, alert.lat) == (108.2, 16.0)
    assert alert.facts["usual_interval_s"] == 300
    assert alert.facts["allowed_s"] == 1800
    assert alert.facts["silent_s"] == 5 * 3600 + 300
    assert alert.facts["ended_by"] == "heard_again"


def test_it_is_said_at_the_first_tick_that_finds_it_overdue_and_again_each_hour() -> None:
    rows = ticking(without(steady(4), GONE, GONE + 5 * HOUR))
    _, said = fold(SensorSilence(), batch(rows))
    raised = GONE - 5 * MINUTE + 31 * MINUTE
    assert [draft.updated_us for draft in said] == [*(raised + hour * HOUR for hour in range(5)), GONE + 5 * HOUR]
    assert [draft.facts["silent_s"] for draft in said] == [
        *(31 * 60 + hour * 3600 for hour in range(5)),
        5 * 3600 + 300,
    ]
    assert [draft.urgency for draft in said] == [Urgency.FUTURE] * 5 + [Urgency.PAST]
    assert len({draft.identity for draft in said}) == 1


def test_a_measurement_that_was_long_on_its_way_ends_it_too() -> None:
    """It was measured before the silence was noticed. What is said of it is not older than what was said before."""
    rows = ticking(without(steady(3), GONE, GONE + 5 * HOUR))
    late = Said(at=GONE + 10 * MINUTE, value=50.0)
    heard = next(i for i, row in enumerate(rows) if row.at >= GONE + 2 * HOUR)
    _, said = fold(SensorSilence(), batch([*rows[:heard], late]))
    assert said[-1].ended_us == GONE + 10 * MINUTE
    assert said[-1].updated_us == said[-2].updated_us


def test_a_sensor_that_never_comes_back_stays_reported() -> None:
    (alert,) = alerts(ticking(steady(2), until=GONE + 9 * DAY))
    assert alert.ended_us is None


def test_a_probe_that_is_quiet_every_night_is_not_broken() -> None:
    rows = steady(6)
    for day in range(6):
        rows = without(rows, MONDAY + day * DAY + 18 * HOUR, MONDAY + day * DAY + 23 * HOUR)
    assert alerts(ticking(rows)) == []
    (alert,) = alerts(ticking(without(rows, MONDAY + 4 * DAY + 2 * HOUR, MONDAY + 5 * DAY + 2 * HOUR)))
    assert alert.onset_us == MONDAY + 4 * DAY + 2 * HOUR - 5 * MINUTE


def test_our_own_absence_is_not_theirs() -> None:
    """The door was closed for six hours: neither measurements nor ticks came, and afterwards all is well."""
    rows = [row for row in ticking(steady(4)) if not GONE <= row.at < GONE + 6 * HOUR]
    assert alerts(rows) == []


def test_old_measurements_loaded_today_are_not_silent_for_years() -> None:
    """History is loaded while the clock shows today: a tick between two old measurements finds nobody overdue."""
    today = MONDAY + 400 * DAY
    rows = [Said(at=today)]
    for i, row in enumerate(steady(2)):
        rows += [row, Said(at=today + i * MINUTE // 60)]
    assert alerts(rows) == []


def test_all_quantities_of_a_sensor_are_one_sensor() -> None:
    speed = steady(3)
    flow = [replace(row, quantity="flow") for row in without(speed, GONE, GONE + 5 * HOUR)]
    assert alerts(ticking(sorted([*speed, *flow], key=lambda row: row.at))) == []

"""Detectors over a real log: cut anywhere, killed anywhere, the same alerts; a detector that fails stops alone and misses nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vonglau.core.alert_models import Alert, Cursor, DetectorState
from vonglau.core.detection import Detector
from vonglau.core.events import TICK_TYPE, Event, to_us
from vonglau.core.incidents.models import Incident
from vonglau.core.log import Log
from vonglau.core.runner import Runner
from vonglau.core.seams import Service, services
from vonglau.core.worlds import World, WorldKind, ensure_world
from vonglau.engines import open_writer

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAYS = 3


def traffic() -> Service:
    return next(service for service in services() if service.name == "traffic")


def day_of(sensor: int, step: int) -> float:
    """Calm around 50 km/h; the second sensor jams on the last afternoon."""
    wobble = ((step * 7919 + sensor * 104729) % 97) / 97 - 0.5
    jam = sensor == 1 and step > (DAYS - 1) * 288 + 60 and step < (DAYS - 1) * 288 + 84
    return (12.0 if jam else 50.0) + 4 * wobble


def events() -> list[Event]:
    made = []
    for step in range(DAYS * 288):
        at = START + step * STEP
        made.append(Event(id=f"t{step}", source="/clock", type=TICK_TYPE, time_us=to_us(at), world="rec-1", data=b"{}"))
        for sensor in range(3):
            data = {"quantity": "speed", "value": day_of(sensor, step), "unit": "km/h"}
            made.append(
                Event(
                    id=f"{sensor}-{step}",
                    source="/test",
                    type="vn.vonglau.traffic.measured",
                    time_us=to_us(at + timedelta(seconds=sensor)),
                    subject=f"s{sensor}",
                    lon=108.2 + sensor,
                    lat=16.0,
                    data=json.dumps(data).encode(),
                    world="rec-1",
                )
            )
    return made


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    ensure_world("rec-1", WorldKind.RECORDING, "48")
    found = open_writer(tmp_path)
    stream = events()
    for first in range(0, len(stream), 500):
        found.append(stream[first : first + 500])
    yield found
    found.close()


def drain(runner: Runner) -> None:
    while runner.step():
        pass


def said() -> list[tuple[object, ...]]:
    fields = ("identity", "kind", "severity", "onset", "updated", "ended", "facts", "series", "evidence")
    return list(Alert.objects.order_by("identity").values_list(*fields))


def mine() -> tuple[tuple[Service, Detector], ...]:
    return tuple((traffic(), detector) for detector in traffic().detectors)


def test_a_jam_becomes_an_alert_an_incident_and_the_recordings_clock_moves(log: Log) -> None:
    drain(Runner(log, mine(), lambda lon, lat: ("20194", False)))
    jams = Alert.objects.filter(kind="congestion")
    assert [alert.subject for alert in jams] == ["s1"]
    assert jams[0].incident.kind == "traffic_congestion"
    assert jams[0].ward == "20194"
    assert jams[0].evidence
    assert World.objects.get(pk="rec-1").seen_until == START + (DAYS * 288 - 1) * STEP + timedelta(seconds=2)
    assert Incident.objects.filter(world="live").count() == 0


def test_where_the_log_is_cut_and_where_it_was_killed_changes_nothing(log: Log) -> None:
    whole = Runner(log, mine(), limit=100_000)
    drain(whole)
    expected, incidents = said(), Incident.objects.count()
    assert expected
    for model in (Alert, Incident, DetectorState, Cursor):
        model.objects.all().delete()

    small = Runner(log, mine(), limit=211)
    for number in range(7):
        small.step()
        if number == 3:
            small.save()
    killed = Runner(log, mine(), limit=173)
    assert 0 < killed.progress.position < small.progress.position, (
        "goes on from the saved cursor, not from the last fold"
    )
    drain(killed)
    assert said() == expected
    assert Incident.objects.count() == incidents


class Failing(Detector):
    """Raises at its first event once armed."""

    name = "test.failing"
    types = frozenset({"vn.vonglau.traffic.measured"})
    armed = True

    def initial(self) -> int:
        return 0

    def fold(self, state: int, batch):  # type: ignore[no-untyped-def]
        if Failing.armed:
            raise ZeroDivisionError("a bad rule")
        return state + len(batch), []

    def dump(self, state: int) -> bytes:
        return str(state).encode()

    def load(self, dumped: bytes) -> int:
        return int(dumped)


def test_a_detector_that_fails_stops_alone_and_later_misses_nothing(log: Log) -> None:
    both = (*mine(), (replace(traffic(), name="other"), Failing()))
    first = Runner(log, both)
    drain(first)
    first.save()
    assert first.progress.stopped["test.failing", "rec-1"] == "ZeroDivisionError"
    assert Alert.objects.filter(kind="congestion").exists()
    Failing.armed = False
    second = Runner(log, both)
    drain(second)
    second.save()
    counted = sum(int(bytes(row.dump)) for row in DetectorState.objects.filter(detector="test.failing"))
    assert counted == DAYS * 288 * 3

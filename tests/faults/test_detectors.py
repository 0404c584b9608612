"""Detectors that raise, hang, swell and cannot be stored: each stops alone, is an alert, goes on without missing or doubling anything."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vonglau.core import alerts, audit, lanes, stops
from vonglau.core.alert_models import Alert, Cursor, DetectorSkip, DetectorState, DetectorStop
from vonglau.core.detection import AlertDraft, Certainty, Detector, Severity, Urgency, identity
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.events import LIVE, Event, to_us
from vonglau.core.incidents.models import Incident
from vonglau.core.log import Log
from vonglau.core.people.policy import Actor
from vonglau.core.runner import Runner
from vonglau.core.seams import Service
from vonglau.core.watch import Watch
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.engines import open_writer

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 2, tzinfo=UTC)
TYPE = "vn.vonglau.test.counted"
ADMIN = Actor("cli:tester", "administrator")
WORLDS = (LIVE, "rec-1")


class Summing(Detector):
    """Adds up what it is given per key and says an alert for every tenth: order, gaps and repetitions all show in it.

    `trouble` is asked before each event and may do anything to it; the state is changed half-way, as a bad rule would.
    """

    types = frozenset({TYPE})
    buckets = 2

    def __init__(self, name: str, trouble: Any = None) -> None:
        self.name = name  # type: ignore[misc]
        self.trouble = trouble

    def initial(self) -> dict[str, list[int]]:
        return {}

    def fold(self, state: dict[str, list[int]], batch: Any) -> tuple[dict[str, list[int]], list[AlertDraft]]:
        said = []
        for row, pos in enumerate(batch.pos.tolist()):
            key = batch.subject[row]
            value = json.loads(batch.data[row])["n"]
            count, total = state.get(key, [0, 0])
            state[key] = [count + 1, (total * 31 + value) % 1_000_003]
            if self.trouble is not None:
                self.trouble(batch.world[row], pos, value)
            if value % 10 == 0:
                at = int(batch.time[row])
                said.append(
                    AlertDraft(
                        identity=identity(self.name, batch.world[row], key, value),
                        kind="test.tenth",
                        severity=Severity.MINOR,
                        urgency=Urgency.EXPECTED,
                        certainty=Certainty.OBSERVED,
                        onset_us=at,
                        updated_us=at,
                        subject=key,
                        facts={"count": state[key][0], "total": state[key][1]},
                        evidence=(pos,),
                    )
                )
        return state, said

    def dump(self, state: dict[str, list[int]]) -> bytes:
        return json.dumps(state, sort_keys=True).encode()

    def load(self, dumped: bytes) -> dict[str, list[int]]:
        return dict(json.loads(dumped))


SERVICE = Service(name="test", title="Test")


def made(number: int, world: str) -> Event:
    return Event(
        id=str(number),
        source="/test",
        type=TYPE,
        time_us=to_us(START + timedelta(seconds=number)),
        subject=f"k{number % 7}",
        data=json.dumps({"n": number}).encode(),
        world=world,
    )


def events(count: int = 400) -> list[Event]:
    return [made(number, WORLDS[number % 3 == 0]) for number in range(count)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    ensure_world(LIVE, WorldKind.LIVE, "48")
    ensure_world("rec-1", WorldKind.RECORDING, "48")
    found = open_writer(tmp_path / "log")
    found.append(events())
    yield found
    found.close()


def due() -> None:
    """Time passes: what is tried again later is due now."""
    DetectorStop.objects.exclude(retry_at=None).update(retry_at=timezone.now())


def drain(runner: Runner, most: int = 400) -> None:
    for _ in range(most):
        if not runner.step():
            return
    raise AssertionError("it never comes to rest")


def said(detector: str) -> list[tuple[Any, ...]]:
    fields = ("world", "identity", "onset", "updated", "subject", "facts", "evidence")
    return list(Alert.objects.filter(detector=detector).order_by("world", "identity").values_list(*fields))


def states(detector: str) -> list[tuple[Any, ...]]:
    rows = DetectorState.objects.filter(detector=detector).order_by("world", "bucket")
    return [(row.world, row.bucket, bytes(row.dump)) for row in rows]


def runner(log: Log, *detectors: Detector, limit: int = 100, watch: Watch | None = None) -> Runner:
    return Runner(log, tuple((SERVICE, detector) for detector in detectors), limit=limit, watch=watch)


def undisturbed(log: Log, name: str, *, without: frozenset[int] = frozenset()) -> tuple[Any, Any]:
    """What the detector says and knows when nothing goes wrong."""
    DetectorSkip.objects.bulk_create(
        DetectorSkip(detector=name, world=world, position=pos, who="", at=START) for pos in without for world in WORLDS
    )
    whole = runner(log, Summing(name))
    drain(whole)
    whole.save()
    expected = said(name), states(name)
    for model in (Alert, Cursor, DetectorState, DetectorSkip, DetectorStop):
        model.objects.all().delete()
    assert expected[0]
    return expected


class Poison:
    """Raises over the events with these values, in these worlds."""

    def __init__(self, *values: int, world: str | None = None, error: BaseException | None = None) -> None:
        self.values, self.world, self.error = set(values), world, error or ValueError("the payload was 0912345678")

    def __call__(self, world: str, pos: int, value: int) -> None:
        if value in self.values and self.world in (None, world):
            raise self.error


def stop_alert(world: str = LIVE) -> Alert:
    return Alert.objects.get(kind=stops.KIND, world=world)


def test_a_detector_that_raises_stops_alone_and_the_event_is_found(log: Log) -> None:
    good = undisturbed(log, "good")
    poison = Poison(203)
    going = runner(log, Summing("good"), Summing("bad", poison))
    drain(going)
    going.save()
    assert (said("good"), states("good")) == good
    stop = DetectorStop.objects.get()
    assert (stop.detector, stop.world, stop.error) == ("bad", LIVE, "ValueError")
    assert stop.first == stop.last == 204, "positions count from 1"
    assert going.progress.stopped == {("bad", LIVE): "ValueError"}
    alert = stop_alert()
    assert alert.ended is None
    assert (alert.severity, alert.subject) == ("Severe", "bad")
    assert "0912345678" not in json.dumps(alert.facts), "what came in is not told"
    with translation.override("en"):
        assert alerts.headline(alert) == "Detector stopped: bad"
        assert "204" in alerts.explanation(alert)
    with translation.override("vi"):
        assert "204" in alerts.explanation(alert)


def test_when_it_goes_on_it_misses_nothing_says_nothing_twice_and_the_alert_ends(log: Log) -> None:
    expected = undisturbed(log, "bad")
    poison = Poison(203)
    going = runner(log, Summing("bad", poison))
    drain(going)
    assert said("bad") != expected[0]
    log.append([made(number, LIVE) for number in range(400, 450)])
    drain(going)
    poison.values.clear()
    stops.resume("bad", LIVE, ADMIN)
    going.recovery.look()
    drain(going)
    going.save()
    for model in (DetectorStop,):
        assert not model.objects.exists()
    assert stop_alert().ended is not None
    got = said("bad"), states("bad")
    for model in (Alert, Cursor, DetectorState):
        model.objects.all().delete()
    assert got == undisturbed(log, "bad")
    steps = [body["step"] for _row, body in audit.rows("detector/bad")]
    assert steps == ["resume"]


def test_only_the_world_with_the_bad_event_stands_still(log: Log) -> None:
    expected = undisturbed(log, "bad")
    going = runner(log, Summing("bad", Poison(33, world="rec-1")))
    drain(going)
    assert [(stop.world, stop.last) for stop in DetectorStop.objects.all()] == [("rec-1", 34)]
    assert [row for row in said("bad") if row[0] == LIVE] == [row for row in expected[0] if row[0] == LIVE]
    assert stop_alert("rec-1").severity == "Minor"
    assert not Alert.objects.filter(kind=stops.KIND, world=LIVE).exists()


def test_an_event_can_be_skipped_deliberately_and_stays_skipped(log: Log) -> None:
    expected = undisturbed(log, "bad", without=frozenset({204}))
    going = runner(log, Summing("bad", Poison(203)))
    drain(going)
    with pytest.raises(BadInput, match="not where"):
        stops.skip("bad", LIVE, 100, ADMIN)
    with pytest.raises(NotFound, match="not stopped"):
        stops.skip("bad", "rec-1", 204, ADMIN)
    stops.skip("bad", LIVE, 204, ADMIN)
    going.recovery.look()
    drain(going)
    assert going.progress.skipped == 1
    assert not DetectorStop.objects.exists()
    # killed before it saved: what is folded again passes over it too
    again = runner(log, Summing("bad", Poison(203)))
    drain(again)
    again.save()
    assert (said("bad"), states("bad")) == expected
    assert [(body["step"], body.get("at_position")) for _row, body in audit.rows("detector/bad")] == [("skip", 204)]


def test_what_passes_by_itself_is_tried_again_before_anybody_is_told(log: Log) -> None:
    expected = undisturbed(log, "bad")
    poison = Poison(203, error=MemoryError())
    going = runner(log, Summing("bad", poison))
    drain(going)
    stop = DetectorStop.objects.get()
    assert stop.reason == "passing"
    assert stop.retry_at is not None
    assert not Alert.objects.filter(kind=stops.KIND).exists()
    for _ in range(stops.QUIETLY):
        due()
        going.recovery.look()
        drain(going)
    assert stop_alert().ended is None, "it lasts: people should know"
    waits = [stops.back_off(tries, stops.SOONEST, stops.POISON).total_seconds() for tries in range(8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    poison.values.clear()
    due()
    going.recovery.look()
    drain(going)
    going.save()
    assert stop_alert().ended is not None
    assert (said("bad"), states("bad")) == expected


def test_a_rule_that_loops_is_interrupted_and_set_apart(log: Log) -> None:
    good = undisturbed(log, "good")

    def loop(world: str, pos: int, value: int) -> None:
        while value == 203 and world == LIVE:
            try:
                value = value * 1
            except Exception:  # noqa: BLE001 - what a bad rule would do
                continue

    watch = Watch(seconds=0.4)
    going = runner(log, Summing("bad", loop), Summing("good"), watch=watch)
    for _ in range(6):  # narrowed down try by try, with the others going on between
        drain(going)
        due()
        going.recovery.look()
    going.save()
    assert (said("good"), states("good")) == good
    stop = DetectorStop.objects.get()
    assert (stop.reason, stop.first, stop.last) == ("too_long", 204, 204)
    assert stop.retry_at is None, "each try costs everybody its time: a person decides"
    assert stop_alert().facts["waits_for_person"] is True
    watch.close()


class Unstorable(Summing):
    """Its state cannot be written once it has seen enough."""

    armed = True

    def dump(self, state: dict[str, list[int]]) -> bytes:
        if Unstorable.armed and sum(count for count, _ in state.values()) > 50:
            raise TypeError("a set is not JSON")
        return super().dump(state)


def test_a_state_that_cannot_be_written_stops_its_detector_and_nothing_is_lost(log: Log) -> None:
    expected = undisturbed(log, "bad")
    Unstorable.armed = True
    going = runner(log, Summing("good"), Unstorable("bad"), limit=60)
    drain(going)
    going.save()
    assert {(stop.world, stop.reason, stop.error) for stop in DetectorStop.objects.all()} == {
        (LIVE, "unsaved", "TypeError"),
        ("rec-1", "unsaved", "TypeError"),
    }
    assert Cursor.objects.get(reader="detector/good/1").position == 400, "the others' cursors go on"
    Unstorable.armed = False
    again = runner(log, Summing("good"), Unstorable("bad"), limit=60)
    drain(again)
    again.save()
    assert (said("bad"), states("bad")) == expected
    assert not DetectorStop.objects.exists()


def test_a_state_without_bounds_stops_its_detector(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "STATE_BYTES", 40)
    going = runner(log, Summing("bad"))
    drain(going)
    going.save()
    assert {(stop.reason, stop.error) for stop in DetectorStop.objects.all()} == {("unsaved", "StateTooLarge")}
    assert all(len(bytes(row.dump)) <= 40 for row in DetectorState.objects.all())


def test_a_state_that_cannot_be_read_waits_and_may_be_forgotten(log: Log) -> None:
    first = runner(log, Summing("bad"))
    drain(first)
    first.save()
    DetectorState.objects.filter(world=LIVE, bucket=0).update(dump=b"{no JSON")
    log.append([made(number, LIVE) for number in range(400, 440)])
    second = runner(log, Summing("good"), Summing("bad"))
    drain(second)
    stop = DetectorStop.objects.get()
    assert (stop.world, stop.reason, stop.error) == (LIVE, "unreadable", "JSONDecodeError")
    stops.resume("bad", LIVE, ADMIN, fresh=True)
    second.recovery.look()
    drain(second)
    second.save()
    assert not DetectorStop.objects.exists()
    known = {
        key: count
        for row in DetectorState.objects.filter(detector="bad", world=LIVE)
        for key, (count, _) in json.loads(bytes(row.dump)).items()
    }
    assert sum(known.values()) == 40, "it learns anew from its own cursor on"


def test_drafts_that_cannot_be_stored_are_the_detectors_doing(log: Log) -> None:
    class Odd(Summing):
        def fold(self, state: Any, batch: Any) -> Any:
            state, found = super().fold(state, batch)
            return state, [replace(draft, facts={"x": object()}) for draft in found]

    going = runner(log, Odd("bad"), Summing("good"))
    drain(going)
    assert {stop.detector for stop in DetectorStop.objects.all()} == {"bad"}
    assert said("good")


def test_a_new_version_of_the_rule_begins_afresh(log: Log) -> None:
    drain(runner(log, Summing("bad", Poison(203))))
    assert stop_alert().ended is None
    mended = Summing("bad")
    mended.version = 2  # type: ignore[misc]
    drain(runner(log, mended))
    assert not DetectorStop.objects.exists()
    assert stop_alert().ended is not None


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32 - 1), limit=st.sampled_from([7, 60, 1000]))
def test_failing_and_going_on_at_random_changes_nothing(log: Log, seed: int, limit: int) -> None:
    """Errors at any event, kills at any step, saves at any step, resumes at any time: the alerts of an undisturbed run."""
    for model in (Alert, Incident, Cursor, DetectorState, DetectorSkip, DetectorStop):
        model.objects.all().delete()
    expected = undisturbed(log, "bad")
    chance = random.Random(seed)
    left = [chance.randrange(0, 12)]

    def trouble(world: str, pos: int, value: int) -> None:
        if left[0] and chance.random() < 0.05:
            left[0] -= 1
            raise chance.choice([ValueError, MemoryError, KeyError, OSError])("at random")

    going = runner(log, Summing("bad", trouble), Summing("good"), limit=limit)
    for _ in range(60):
        going.step()
        if chance.random() < 0.2:
            going.save()
        if chance.random() < 0.3:
            due()
            going.recovery.look()
        if chance.random() < 0.1:
            going = runner(log, Summing("bad", trouble), Summing("good"), limit=limit)
    left[0] = 0
    due()
    going.recovery.look()
    drain(going)
    going.save()
    assert (said("bad"), states("bad")) == expected
    assert not DetectorStop.objects.exists()
    assert not Alert.objects.filter(kind=stops.KIND, ended=None).exists()


HANG = """
import os, re, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "vonglau.web.settings"
import django; django.setup()
from pathlib import Path
from vonglau.core import watch
watch.GRACE = 0.5
guard = watch.Watch(Path(sys.argv[1]), seconds=0.5)
if guard.blamed is not None:
    print(guard.blamed.detector, guard.blamed.first, guard.blamed.last, guard.blamed.hung, guard.blamed.deaths, flush=True)
    guard.close()
    raise SystemExit(0)
with guard.folding("bad", 1, "live", 12, 34):
    if sys.argv[2] == "hang":
        re.match(r"(a+)+$", "a" * 64 + "b")  # never lets go of the interpreter
    print("in the fold", flush=True)
    sys.stdin.read()
"""


def hanging(folder: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HANG, str(folder), how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_hang_that_keeps_the_interpreter_ends_the_process_and_the_next_one_knows_who_it_was(tmp_path: Path) -> None:
    with hanging(tmp_path, "hang") as first:
        assert first.wait(60) != 0
    with hanging(tmp_path, "again") as second:
        assert second.communicate(timeout=60)[0].split() == ["bad", "12", "34", "True", "1"]
    with hanging(tmp_path, "ok") as third:
        assert third.stdout is not None
        assert "in the fold" in third.stdout.readline(), "blamed once, not for ever"
        third.kill()


def test_a_process_that_is_killed_in_a_fold_is_counted_not_blamed(tmp_path: Path) -> None:
    with hanging(tmp_path, "killed") as first:
        assert first.stdout is not None
        assert "in the fold" in first.stdout.readline()
        first.send_signal(signal.SIGKILL)
    with hanging(tmp_path, "again") as second:
        assert second.communicate(timeout=60)[0].split() == ["bad", "12", "34", "False", "1"]


def test_who_hung_is_set_apart_before_the_next_process_folds(log: Log, tmp_path: Path) -> None:
    expected = undisturbed(log, "good")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "fold.now").write_bytes(
        b'1{"detector":"bad","version":1,"world":"live","first":200,"last":216}\0'.ljust(1024, b"\0")
    )
    (folder / "fold.hung").write_text("Timeout (0:00:30)!")
    watch = Watch(folder)
    going = runner(
        log, Summing("bad", Poison(203, error=AssertionError("it was folded"))), Summing("good"), watch=watch
    )
    stop = DetectorStop.objects.get()
    assert (stop.reason, stop.first, stop.last, stop.stretch) == ("too_long", 200, 216, 1)
    assert stop_alert().ended is None
    drain(going)
    going.save()
    assert (said("good"), states("good")) == expected
    assert not said("bad") or all(row[0] == "rec-1" for row in said("bad"))
    watch.close()


def test_the_watch_costs_next_to_nothing_and_leaves_idle_processes_alone(tmp_path: Path) -> None:
    watch = Watch(tmp_path, seconds=0.2)
    for number in range(200):
        with watch.folding("good", 1, LIVE, number, number):
            pass
    watch.rest()
    time.sleep(0.6)
    assert (tmp_path / "fold.hung").stat().st_size == 0
    assert re.match(rb"0", (tmp_path / "fold.now").read_bytes())
    watch.close()

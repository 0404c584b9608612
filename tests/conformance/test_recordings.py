"""An interval of the log as a recording, replayed into a new world: the same alerts, wherever it was cut and however it is folded.

The log stands in files under either engine of the session: an export reads it by the contract that `test_log.py` holds on both.
"""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conformance.test_runner import Failing
from vonglau.core.alert_models import Alert, Cursor, DetectorState
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.events import LIVE, TICK_TYPE, TIME_ASSUMED, Event, to_us
from vonglau.core.incidents.models import Incident
from vonglau.core.log import LogReader
from vonglau.core.people.policy import Actor
from vonglau.core.recordings import layout, revive
from vonglau.core.recordings.export import Spec, export
from vonglau.core.runner import Runner
from vonglau.core.seams import services
from vonglau.core.worlds import World, WorldKind, ensure_world, world
from vonglau.engines.embedded import EmbeddedLog, open_writer

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAYS = 4
BY = Actor("cli:tester", "administrator")
TRAFFIC = next(service for service in services() if service.name == "traffic")
DETECTORS = tuple((TRAFFIC, detector) for detector in TRAFFIC.detectors)


def speed(sensor: int, step: int) -> float | None:
    """Around 50 km/h. Sensor 1 jams on the third and the fourth day, sensor 2 falls silent, sensor 3 jams over the third midnight."""
    hour = step / 12
    if sensor == 2 and 55 <= hour < 61:
        return None
    jam = (sensor == 1 and (58 <= hour < 60 or 80 <= hour < 82)) or (sensor == 3 and 70 <= hour < 74)
    wobble = ((step * 7919 + sensor * 104729) % 97) / 97 - 0.5
    return (12.0 if jam else 50.0) + 4 * wobble


def events() -> list[Event]:
    """As a live log has them: ticks between, some measurements late, another world's events among them."""
    made: list[tuple[datetime, Event]] = []
    for step in range(DAYS * 288):
        at = START + step * STEP
        for world_id in (LIVE, "rec-9"):
            made.append(
                (
                    at,
                    Event(
                        id=str(step),
                        source="/vonglau/clock",
                        type=TICK_TYPE,
                        time_us=to_us(at),
                        world=world_id,
                        data=b"{}",
                    ),
                )
            )
        for sensor in range(5):
            value = speed(sensor, step)
            if value is None:
                continue
            late = timedelta(minutes=7) if (step + sensor) % 41 == 0 else timedelta()
            when = at + timedelta(seconds=sensor)
            made.append(
                (
                    when + late,
                    Event(
                        id=f"{sensor}-{step}",
                        source="/test",
                        type="vn.vonglau.traffic.measured",
                        time_us=to_us(when),
                        subject=f"s{sensor}",
                        lon=108.2 + sensor / 10 if sensor else None,
                        lat=16.0 if sensor else None,
                        data=json.dumps({"quantity": "speed", "value": value, "unit": "km/h"}).encode(),
                        extensions={TIME_ASSUMED: True}
                        if sensor == 4
                        else {"traceparent": "00-1"}
                        if sensor == 3
                        else {},
                    ),
                )
            )
        if step % 50 == 0:
            made.append(
                (at, Event(id=f"o{step}", source="/other", type="other", time_us=to_us(at), world="rec-9", data=b"1"))
            )
    return [event for _at, event in sorted(made, key=lambda pair: pair[0])]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    ensure_world(LIVE, WorldKind.LIVE, "48", "Đà Nẵng", "Da Nang")
    ensure_world("rec-9", WorldKind.RECORDING, "48")
    found = open_writer(tmp_path / "log")
    stream = events()
    for first in range(0, len(stream), 900):
        found.append(stream[first : first + 900])
    yield found
    found.close()


def folded(log: LogReader, limit: int = 5_000) -> Runner:
    going = Runner(log, DETECTORS, limit=limit)
    while going.step():
        pass
    going.save()
    return going


def alerts_of(world_id: str) -> list[tuple[Any, ...]]:
    """What is said, without what depends on which log it lies in."""
    fields = ("kind", "subject", "severity", "certainty", "onset", "ended", "facts", "series", "lon", "lat")
    rows = Alert.objects.filter(world=world_id).exclude(kind__startswith="core.").order_by("onset", "kind", "subject")
    return list(rows.values_list(*fields))


class Until:
    """A reader that knows nothing behind a position: the log as it was then."""

    def __init__(self, log: LogReader, through: int) -> None:
        self.log, self.through = log, through

    def head(self) -> int:
        return self.through

    def batch(self, after: int, limit: int) -> Any:
        found = self.log.batch(after, limit)
        kept = found.take([row for row, pos in enumerate(found.pos.tolist()) if pos <= self.through])
        cells = {name: getattr(kept, name) for name in type(kept).__slots__}
        return type(kept)(**{**cells, "through": min(found.through, self.through)})


def spec(start: float, end: float, **more: Any) -> Spec:
    """Hours since the beginning."""
    return Spec(
        world=LIVE,
        start=START + timedelta(hours=start),
        end=START + timedelta(hours=end),
        installation="Da Nang",
        **more,
    )


def exported(log: EmbeddedLog, out: Path, asked: Spec) -> layout.About:
    return export(log, DETECTORS, world(asked.world), asked, out)


def replayed(log: EmbeddedLog, path: Path, name: str) -> revive.Revived:
    made = revive.revive(path, name, DETECTORS, BY)
    chunk = list(revive.events(path, name))
    for first in range(0, len(chunk), 700):
        log.append(chunk[first : first + 700])
    return made


def expected(log: EmbeddedLog, about: layout.About) -> list[tuple[Any, ...]]:
    """Live's alerts as they stood at the interval's end, of those that were open when it began or changed in it."""
    kept = (Alert, Cursor, DetectorState)
    for model in (*kept, Incident):
        model.objects.all().delete()
    folded(Until(log, about.after))  # type: ignore[arg-type]
    over = set(Alert.objects.exclude(ended=None).values_list("identity", flat=True))
    folded(Until(log, about.through))  # type: ignore[arg-type]
    Alert.objects.filter(identity__in=over).delete()
    found = alerts_of(LIVE)
    for model in (*kept, Incident):
        model.objects.all().delete()
    return found


@pytest.mark.parametrize(("start", "end", "limit"), [(57.5, 96, 5_000), (59, 81, 211), (71, 72, 60), (56, 58.5, 5_000)])
def test_a_replayed_interval_gives_the_alerts_that_live_gave(
    log: EmbeddedLog, tmp_path: Path, start: float, end: float, limit: int
) -> None:
    """Cut in the middle of a jam, before it, behind it, in the middle of a silence."""
    about = exported(log, tmp_path / "out.parquet", spec(start, end))
    want = expected(log, about)
    made = replayed(log, tmp_path / "out.parquet", "again")
    assert made.empty == {}
    folded(log, limit)
    assert alerts_of("again") == want
    assert want, "the interval says something"


@pytest.mark.parametrize("through_share", [0.3, 0.7])
def test_it_is_cut_across_the_border_of_sealed_and_tail(log: EmbeddedLog, tmp_path: Path, through_share: float) -> None:
    whole = exported(log, tmp_path / "tail.parquet", spec(50, 90))
    log.seal(keep=0, through=math.floor(log.head() * through_share))
    about = exported(log, tmp_path / "out.parquet", spec(50, 90))
    assert about.sha256 == whole.sha256, "where the events lie makes no difference"
    want = expected(log, about)
    replayed(log, tmp_path / "out.parquet", "again")
    folded(log)
    assert alerts_of("again") == want


def test_evidence_never_points_into_another_world(log: EmbeddedLog, tmp_path: Path) -> None:
    exported(log, tmp_path / "out.parquet", spec(59, 81))
    head = log.head()
    replayed(log, tmp_path / "out.parquet", "again")
    folded(log)
    found = [position for alert in Alert.objects.filter(world="again") for position in alert.evidence]
    assert found
    assert min(found) > head
    assert {one.event.world for one in log.get(found)} == {"again"}


def test_without_a_lead_in_the_detectors_begin_from_nothing(log: EmbeddedLog, tmp_path: Path) -> None:
    about = exported(log, tmp_path / "out.parquet", spec(57, 61, lead_in=timedelta()))
    assert (about.lead_in, about.alerts) == ("none", 0)
    replayed(log, tmp_path / "out.parquet", "again")
    folded(log)
    assert alerts_of("again") == []
    some = exported(log, tmp_path / "some.parquet", spec(57, 61, lead_in=timedelta(hours=40)))
    assert some.lead_in == "144000"
    assert some.states


def test_only_some_types_and_the_detectors_that_need_no_more(log: EmbeddedLog, tmp_path: Path) -> None:
    about = exported(log, tmp_path / "out.parquet", spec(10, 12, types=frozenset({"vn.vonglau.traffic.measured"})))
    assert set(about.detectors) == {"traffic.anomaly", "traffic.silence"}
    with pytest.raises(BadInput, match="Nothing happened"):
        exported(log, tmp_path / "none.parquet", spec(10, 12, types=frozenset({"other"})))
    assert not (tmp_path / "none.parquet").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_world_replays_one_recording_and_may_be_interrupted(log: EmbeddedLog, tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    exported(log, first, spec(57, 61))
    exported(log, second, spec(57, 62))
    made = revive.revive(first, "again", DETECTORS, BY)
    log.append(list(revive.events(first, "again"))[:100])
    going = folded(log)
    assert not made.again
    assert replayed(log, first, "again").again
    while going.step():
        pass
    head = log.head()
    replayed(log, first, "again")
    assert log.head() == head, "sent twice, stored once"
    with pytest.raises(BadInput, match="not this recording"):
        revive.revive(second, "again", DETECTORS, BY)
    with pytest.raises(BadInput, match="not this recording"):
        revive.revive(second, LIVE, DETECTORS, BY)
    assert World.objects.get(pk="again").own_ticks


def test_a_rule_that_changed_since_or_failed_begins_from_nothing_and_is_named(log: EmbeddedLog, tmp_path: Path) -> None:
    Failing.armed = True
    out = tmp_path / "out.parquet"
    about = export(log, (*DETECTORS, (TRAFFIC, Failing())), world(LIVE), spec(57, 61), out)
    assert about.without == {"test.failing": "ZeroDivisionError"}
    changed = type("Changed", (type(DETECTORS[0][1]),), {"version": 99})()
    made = revive.revive(out, "again", ((TRAFFIC, changed), DETECTORS[1]), BY)
    assert made.empty == {"traffic.anomaly": f"version {DETECTORS[0][1].version} then, 99 now"}
    assert {row.detector for row in DetectorState.objects.filter(world="again")} == {"traffic.silence"}


def test_it_holds_what_the_log_holds_and_nothing_of_people(log: EmbeddedLog, tmp_path: Path) -> None:
    """Reports, contacts and accounts are rows of the state; no column of a recording is made from them."""
    exported(log, tmp_path / "out.parquet", spec(57, 61))
    rows = list(layout.rows(tmp_path / "out.parquet"))
    stored = {one.pos: one.event for one in log.read(0, 100_000, world=LIVE)[0]}
    for row in rows:
        cells = dict(zip(layout.COLUMNS, row, strict=True))
        if cells["record"] == layout.EVENT:
            event = stored[cells["pos"]]
            assert (cells["source"], cells["id"], cells["data"]) == (event.source, event.id, event.data.decode())
        else:
            assert cells["detector"].startswith("traffic.")
            allowed = {"record", "detector", "version"} | (
                {"bucket", "state"} if cells["record"] == "state" else {"data"}
            )
            assert {name for name, value in cells.items() if value is not None} == allowed


def damaged(path: Path, into: Path, change: Any) -> Path:
    said = pq.ParquetFile(path).metadata.metadata[layout.KEY]
    pq.write_table(change(pq.read_table(path).replace_schema_metadata({layout.KEY: said})), into)
    return into


def test_damage_and_later_layouts_are_refused_and_added_columns_are_not(log: EmbeddedLog, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    exported(log, out, spec(57, 61))
    assert layout.verify(out) == layout.about(out)
    whole = out.read_bytes()
    (tmp_path / "short.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFile, match="Parquet"):
        layout.verify(tmp_path / "short.parquet")
    fewer = damaged(out, tmp_path / "fewer.parquet", lambda table: table.slice(0, len(table) - 1))
    with pytest.raises(BadFile, match="SHA-256"):
        revive.revive(fewer, "again", DETECTORS, BY)
    assert not World.objects.filter(pk="again").exists(), "nothing is made of a bad file"
    more = damaged(out, tmp_path / "more.parquet", lambda t: t.append_column("later", pa.nulls(len(t), pa.string())))
    assert layout.verify(more).events == layout.about(out).events

    def relabelled(**members: Any) -> Any:
        def change(table: pa.Table) -> pa.Table:
            said = {**msgspec.json.decode(table.schema.metadata[layout.KEY]), **members}
            return table.replace_schema_metadata({**table.schema.metadata, layout.KEY: msgspec.json.encode(said)})

        return change

    assert layout.verify(damaged(out, tmp_path / "new.parquet", relabelled(added="x"))).layout == 1
    with pytest.raises(BadFile, match="update the program"):
        layout.about(damaged(out, tmp_path / "later.parquet", relabelled(layout=2)))
    with pytest.raises(BadFile, match="damaged"):
        layout.about(damaged(out, tmp_path / "odd.parquet", relabelled(events="many")))
    plain = damaged(out, tmp_path / "plain.parquet", lambda table: table.replace_schema_metadata(None))
    assert not layout.is_recording(plain)
    with pytest.raises(BadFile, match="--mapping"):
        layout.about(plain)

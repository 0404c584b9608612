"""What every engine's log must do. An engine joins by adding its name to `ENGINES`; there are no exemptions."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests import engines
from vonglau.core.errors import BadInput, Conflict, NotFound, Unavailable
from vonglau.core.events import Event, Fault
from vonglau.core.log import Log, LogReader, Outcome, Rejected
from vonglau.engines import embedded, postgresql

ENGINES: dict[str, tuple[Callable[[Path], Log], Callable[[Path], LogReader]]] = {
    "embedded": (embedded.open_writer, embedded.open_reader),
    "postgresql": (
        lambda folder: postgresql.open_writer(engines.of_folder(folder), folder),
        lambda folder: postgresql.open_reader(engines.of_folder(folder), folder),
    ),
}
pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())
NOW_US = 1_767_225_600_000_000  # 2026-01-01
ACCEPTED, DUPLICATE, QUARANTINED = Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.QUARANTINED


class Engine:
    """Opens logs of one kind in one folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self._open_writer, self._open_reader = ENGINES[name]

    @contextmanager
    def writer(self) -> Iterator[Log]:
        log = self._open_writer(self.folder)
        try:
            yield log
        finally:
            log.close()

    @contextmanager
    def reader(self) -> Iterator[LogReader]:
        reader = self._open_reader(self.folder)
        try:
            yield reader
        finally:
            reader.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return Engine(request.param, tmp_path)


@pytest.fixture
def log(engine: Engine) -> Iterator[Log]:
    with engine.writer() as log:
        yield log


def event(n: int = 0, **changed: object) -> Event:
    usual = Event(
        id=f"e{n}",
        source="/sensors/7",
        type="vn.example.speed",
        time_us=NOW_US + n * 1_000_000,
        subject=f"road-{n % 3}",
        lon=108.2 + n / 1e6,
        lat=16.05,
        data=b'{"speed": %d}' % n,
    )
    return replace(usual, **changed)


def rejected(raw: bytes = b"{", **changed: object) -> Rejected:
    return Rejected(**{"raw": raw, "fault": Fault("/id", "missing"), "world": "live", **changed})


def everything(reader: LogReader) -> list[Event]:
    found, cursor = [], 0
    while cursor is not None:
        page, cursor = reader.read(cursor, 7)
        found += [one.event for one in page]
    return found


def outcomes(receipts: list) -> list[Outcome]:
    return [one.outcome for one in receipts]


class TestAppending:
    def test_an_empty_log_has_head_zero_and_nothing_to_read(self, log: Log) -> None:
        assert log.head() == 0
        assert log.read(0, 10) == ([], None)
        assert len(log.batch(0, 10)) == 0
        assert log.batch(5, 10).through == 5
        assert log.append([]) == []

    def test_what_was_appended_is_read_back_field_by_field(self, log: Log) -> None:
        odd = event(
            1,
            subject=None,
            lon=None,
            lat=None,
            data=b"",
            world="drill-1",
            extensions={"a": 1, "b": True, "c": "Vọng Lâu"},
        )
        hostile = event(2, id="'; DROP TABLE event; --", source="/<script>", type="%s{{x}}", subject="\U0001f6d1" * 50)
        receipts = log.append([event(0), odd, hostile])
        assert outcomes(receipts) == [ACCEPTED] * 3
        assert [one.pos for one in receipts] == [1, 2, 3]
        assert everything(log) == [event(0), odd, hostile]
        assert log.head() == 3

    def test_positions_are_dense_and_recorded_time_never_goes_back(self, log: Log) -> None:
        for n in range(20):
            log.append([event(n), rejected(), event(n)])
        found, _ = log.read(0, 100)
        assert [one.pos for one in found] == list(range(1, 21))
        times = [one.recorded_us for one in found]
        assert times == sorted(times)
        assert abs(times[-1] - time.time() * 1e6) < 60e6

    def test_a_large_append_is_one_run(self, log: Log) -> None:
        receipts = log.append([event(n) for n in range(3_001)])
        assert [one.pos for one in receipts] == list(range(1, 3_002))
        assert log.batch(0, 10_000).id == [f"e{n}" for n in range(3_001)]

    def test_an_event_no_door_lets_through_is_refused_and_the_log_stays_usable(self, log: Log) -> None:
        for bad in (event(1, subject="\ud800"), event(1, data=b"\xff"), event(1, id="\udfff"), event(1, time_us=2**62)):
            with pytest.raises(BadInput):
                log.append([event(0), bad])
        assert log.head() == 0
        assert outcomes(log.append([event(0)])) == [ACCEPTED]

    def test_it_is_still_there_after_reopening(self, engine: Engine) -> None:
        with engine.writer() as log:
            log.append([event(n) for n in range(5)])
        with engine.writer() as log:
            assert outcomes(log.append([event(4), event(5)])) == [DUPLICATE, ACCEPTED]
            assert everything(log) == [event(n) for n in range(6)]

    def test_a_second_writer_is_refused_with_the_reason(self, engine: Engine) -> None:
        with engine.writer() as log:
            with pytest.raises(Unavailable, match=r"already writing"), engine.writer():
                pass
            assert outcomes(log.append([event(0)])) == [ACCEPTED]
        with engine.writer():
            pass


class TestIdentity:
    def test_the_same_event_is_stored_once(self, log: Log) -> None:
        assert outcomes(log.append([event(0), event(1), event(0)])) == [ACCEPTED, ACCEPTED, DUPLICATE]
        again = log.append([event(1), event(2), event(2)])
        assert outcomes(again) == [DUPLICATE, ACCEPTED, DUPLICATE]
        assert [one.pos for one in again] == [2, 3, 3]
        assert log.head() == 3

    @pytest.mark.parametrize(
        ("changed", "pointer"),
        [
            ({"data": b"{}"}, "/data"),
            ({"type": "other"}, "/type"),
            ({"subject": None}, "/subject"),
            ({"lon": None, "lat": None}, "/lon"),
            ({"lat": 16.1}, "/lat"),
            ({"extensions": {"dataschema": "x:y"}}, "/dataschema"),
            ({"time_us": NOW_US + 1}, "/time"),
            ({"time_us": NOW_US + 40 * 86_400_000_000}, "/time"),
            ({"time_us": NOW_US - 40 * 86_400_000_000}, "/time"),
        ],
    )
    def test_the_same_identity_with_other_content_or_time_waits_in_quarantine(
        self, log: Log, changed: dict, pointer: str
    ) -> None:
        log.append([event(0)])
        for _ in range(2):
            (receipt,) = log.append([event(0, **changed)], by="token-a")
            assert receipt.outcome is QUARANTINED
            assert receipt.fault is not None
            assert receipt.fault.pointer == pointer
            waiting = log.quarantined(receipt.quarantine_id)
            assert (waiting.event_id, waiting.source, waiting.state, waiting.by) == (
                "e0",
                "/sensors/7",
                "open",
                "token-a",
            )
        assert everything(log) == [event(0)]

    def test_a_contradiction_inside_one_append_is_seen(self, log: Log) -> None:
        receipts = log.append([event(0), event(0, data=b"{}"), event(0)])
        assert outcomes(receipts) == [ACCEPTED, QUARANTINED, DUPLICATE]

    def test_worlds_and_sources_have_identities_of_their_own(self, log: Log) -> None:
        receipts = log.append([event(0), event(0, world="drill-1"), event(0, source="/sensors/8")])
        assert outcomes(receipts) == [ACCEPTED] * 3

    def test_an_assumed_time_does_not_make_a_retry_another_event(self, log: Log) -> None:
        log.append([event(0, extensions={"time_assumed": True})])
        later = event(0, time_us=NOW_US + 60_000_000_000, extensions={"time_assumed": True})
        assert outcomes(log.append([later])) == [DUPLICATE]


class TestQuarantine:
    def test_any_bytes_can_wait(self, log: Log) -> None:
        raws = [b"", b"\x00\xff\xfe", b"'; DROP TABLE quarantine", bytes(range(256)) * 100]
        receipts = log.append(
            [rejected(raw, id="\ud800x\x00", source="<b>", fault=Fault("/a~1b", "why \udc00")) for raw in raws],
            by=["a", "b", None, "d"],
        )
        found, cursor = log.quarantine(0, 10)
        assert cursor is None
        assert [one.raw for one in found] == raws
        assert [one.id for one in found] == [one.quarantine_id for one in receipts]
        assert [one.by for one in found] == ["a", "b", None, "d"]
        assert all(one.state == "open" and one.pointer == "/a~1b" for one in found)

    def test_pages_and_filters(self, log: Log) -> None:
        log.append([rejected(b"%d" % n, world="live" if n % 2 else "drill-1") for n in range(9)])
        first, cursor = log.quarantine(0, 4)
        second, end = log.quarantine(cursor, 5)
        assert [one.raw for one in first + second] == [b"%d" % n for n in range(9)]
        assert end is None
        assert [one.raw for one in log.quarantine(0, 9, world="drill-1")[0]] == [b"0", b"2", b"4", b"6", b"8"]
        log.settle(first[0].id, "discarded")
        assert len(log.quarantine(0, 20)[0]) == 8
        assert [one.raw for one in log.quarantine(0, 20, state="discarded")[0]] == [b"0"]
        assert len(log.quarantine(0, 20, state=None)[0]) == 9
        assert log.quarantined(10**9) is None

    def test_resubmitting_appends_the_mended_event_once(self, log: Log) -> None:
        (receipt,) = log.append([rejected()])
        settled = log.settle(receipt.quarantine_id, "resubmitted", event(0))
        assert (settled.outcome, settled.pos) == (ACCEPTED, 1)
        assert everything(log) == [event(0)]
        assert log.quarantined(receipt.quarantine_id).state == "resubmitted"
        with pytest.raises(Conflict):
            log.settle(receipt.quarantine_id, "resubmitted", event(1))
        with pytest.raises(Conflict):
            log.settle(receipt.quarantine_id, "discarded")
        with pytest.raises(NotFound):
            log.settle(10**9, "discarded")
        assert outcomes(log.append([event(0)])) == [DUPLICATE]

    def test_a_replacement_that_contradicts_the_log_changes_nothing(self, log: Log) -> None:
        log.append([event(0)])
        (receipt,) = log.append([rejected()])
        settled = log.settle(receipt.quarantine_id, "resubmitted", event(0, data=b"1"))
        assert settled.outcome is QUARANTINED
        assert settled.fault.pointer == "/data"
        assert log.quarantined(receipt.quarantine_id).state == "open"
        assert log.head() == 1
        assert len(log.quarantine(0, 10)[0]) == 1
        assert log.settle(receipt.quarantine_id, "resubmitted", event(0)).outcome is DUPLICATE

    def test_a_settlement_is_one_of_two(self, log: Log) -> None:
        (receipt,) = log.append([rejected()])
        for state, replacement in (("open", None), ("resubmitted", None), ("discarded", event(0))):
            with pytest.raises(BadInput):
                log.settle(receipt.quarantine_id, state, replacement)


class TestReading:
    @pytest.fixture(params=[0, 40, 100], ids=["tail only", "joined", "sealed only"])
    def filled(self, log: Log, request: pytest.FixtureRequest) -> Log:
        log.append([event(n, type=f"type-{n % 5}", world="live" if n % 2 else "drill-1") for n in range(100)])
        log.seal(keep=100 - request.param, through=100)
        return log

    def test_pages_are_complete_and_filters_hold(self, filled: Log) -> None:
        assert [one.id for one in everything(filled)] == [f"e{n}" for n in range(100)]
        for world, type_ in (("live", None), (None, "type-2"), ("drill-1", "type-4"), ("nowhere", None)):
            wanted = [
                f"e{n}"
                for n in range(100)
                if (world is None or world == ("live" if n % 2 else "drill-1"))
                and (type_ is None or type_ == f"type-{n % 5}")
            ]
            found, cursor = [], 0
            while cursor is not None:
                page, cursor = filled.read(cursor, 3, world=world, type=type_)
                assert len(page) <= 3
                found += [one.event.id for one in page]
            assert found == wanted

    def test_before_bounds_a_page(self, filled: Log) -> None:
        found, cursor = filled.read(10, 100, before=51)
        assert [one.pos for one in found] == list(range(11, 51))
        assert cursor is None
        found, cursor = filled.read(10, 5, before=51)
        assert ([one.pos for one in found], cursor) == ([11, 12, 13, 14, 15], 15)

    @pytest.mark.parametrize("limit", [1, 7, 40, 41, 100, 1000])
    def test_batches_in_any_cut_give_the_whole_log(self, filled: Log, limit: int) -> None:
        ids, cursor = [], 0
        while len(batch := filled.batch(cursor, limit)):
            assert len(batch) <= limit
            assert batch.through == batch.pos[-1]
            assert len(batch) == limit or batch.through == 100
            assert batch.pos.tolist() == list(range(cursor + 1, cursor + 1 + len(batch)))
            ids += batch.id
            cursor = batch.through
        assert ids == [f"e{n}" for n in range(100)]

    def test_columns_say_what_rows_say(self, filled: Log) -> None:
        filled.append([event(100, subject=None, lon=None, lat=None, data=b"")])
        batch = filled.batch(0, 1000)
        rows, _ = filled.read(0, 1000)
        assert batch.time.dtype == batch.pos.dtype == np.int64
        for i, one in enumerate(rows):
            e = one.event
            assert (batch.pos[i], batch.time[i], batch.world[i]) == (one.pos, e.time_us, e.world)
            assert (batch.source[i], batch.id[i], batch.type[i]) == (e.source, e.id, e.type)
            assert (batch.subject[i], batch.data[i]) == (e.subject, e.data)
            assert (batch.lon[i], batch.lat[i]) == (e.lon, e.lat) or (np.isnan(batch.lon[i]) and e.lon is None)

    def test_get_answers_in_the_order_asked_and_leaves_out_what_is_not_there(self, filled: Log) -> None:
        found = filled.get([100, 3, 41, 0, 40, 101, 3])
        assert [one.pos for one in found] == [100, 3, 41, 40, 3]
        assert found[0].event.id == "e99"

    def test_a_duplicate_is_known_wherever_its_twin_is(self, filled: Log) -> None:
        same = [event(n, type=f"type-{n % 5}", world="live" if n % 2 else "drill-1") for n in range(100)]
        receipts = filled.append(same)
        assert outcomes(receipts) == [DUPLICATE] * 100
        assert [one.pos for one in receipts] == list(range(1, 101))
        other = [replace(one, data=b"other") for one in same]
        assert outcomes(filled.append(other)) == [QUARANTINED] * 100
        assert filled.head() == 100

    def test_sealing_respects_both_bounds_and_says_how_many(self, log: Log) -> None:
        log.append([event(n) for n in range(50)])
        assert log.seal(keep=50, through=50) == 0
        assert log.seal(keep=20, through=10) == 10
        assert log.seal(keep=20, through=10) == 0
        assert log.seal(keep=20, through=1000) == 20
        assert everything(log) == [event(n) for n in range(50)]
        assert log.append([event(50)])[0].pos == 51


class TestFollowing:
    def test_version_changes_with_every_commit_and_only_then(self, engine: Engine, log: Log) -> None:
        with engine.reader() as reader:
            seen = reader.version()
            assert reader.version() == seen
            for n in range(3):
                log.append([event(n)])
                assert reader.version() != seen
                seen = reader.version()
                assert reader.version() == seen
            log.append([event(0)])
            assert reader.version() == seen

    def test_a_reader_of_its_own_sees_what_is_committed(self, engine: Engine, log: Log) -> None:
        with engine.reader() as reader:
            log.append([event(0), rejected()])
            assert reader.head() == 1
            assert everything(reader) == [event(0)]
            assert len(reader.quarantine(0, 5)[0]) == 1

    def test_there_must_be_a_log_to_read(self, engine: Engine) -> None:
        with pytest.raises(Unavailable), engine.reader():
            pass

    def test_positions_become_visible_in_order_while_the_log_is_written_and_sealed(
        self, engine: Engine, log: Log
    ) -> None:
        done = threading.Event()
        seen: list[str] = []

        def follow() -> None:
            with engine.reader() as reader:
                cursor = 0
                while True:
                    finished = done.is_set()
                    batch = reader.batch(cursor, 37)
                    seen.extend(batch.id)
                    cursor = batch.through
                    if not len(batch) and finished:
                        return

        follower = threading.Thread(target=follow)
        follower.start()
        try:
            for start in range(0, 2_000, 50):
                log.append([event(n) for n in range(start, start + 50)])
                if start % 400 == 0:
                    log.seal(keep=100, through=start)
        finally:
            done.set()
            follower.join(60)
        assert seen == [f"e{n}" for n in range(2_000)]


@contextmanager
def fresh(name: str, base: Path) -> Iterator[Log]:
    folder = base / f"run-{time.monotonic_ns()}"
    with Engine(name, folder).writer() as log:
        yield log


ITEMS = st.lists(
    st.one_of(
        st.builds(
            lambda n, data, shift: event(n, data=data, time_us=NOW_US + n * 1_000_000 + shift),
            st.integers(0, 6),
            st.sampled_from([b"1", b"2"]),
            st.sampled_from([0, 0, 0, 5, 86_400_000_000]),
        ),
        st.builds(rejected, st.binary(max_size=20)),
    ),
    max_size=25,
)


@pytest.mark.parametrize("name", ENGINES)
@given(items=ITEMS, cuts=st.lists(st.integers(0, 25), max_size=4), seals=st.lists(st.integers(0, 25), max_size=2))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_twice_is_once_and_cuts_do_not_matter(
    name: str, items: list, cuts: list[int], seals: list[int], tmp_path: Path
) -> None:
    with fresh(name, tmp_path) as whole:
        at_once = whole.append(items)
        stored = everything(whole)
    assert sum(one.outcome is ACCEPTED for one in at_once) == len(stored)
    assert sum(isinstance(one, Rejected) for one in items) <= sum(one.outcome is QUARANTINED for one in at_once)

    with fresh(name, tmp_path) as log:
        in_pieces = []
        bounds = [0, *sorted(cuts), len(items)]
        for start, end in itertools.pairwise(bounds):
            in_pieces += log.append(items[start:end])
        assert [(one.outcome, one.pos) for one in in_pieces] == [(one.outcome, one.pos) for one in at_once]
        assert everything(log) == stored
        again = log.append(stored)
        assert [(one.outcome, one.pos) for one in again] == [(DUPLICATE, n + 1) for n in range(len(stored))]
        for keep in seals:
            log.seal(keep=keep, through=100)
            assert everything(log) == stored
        assert outcomes(log.append(stored)) == [DUPLICATE] * len(stored)
        waiting = sum(one.outcome is QUARANTINED for one in in_pieces)
        assert len(log.quarantine(0, 100)[0]) == waiting

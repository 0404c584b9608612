"""Time passes as events: of clocks that run, and of recordings that are driven by what is appended."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vonglau.core.errors import Unavailable
from vonglau.core.events import TICK_TYPE, Event, to_us
from vonglau.core.log import Outcome
from vonglau.engines import open_writer
from vonglau.gateways.events.commit import Committer
from vonglau.gateways.events.tests.helpers import BATCH, cloud_event, open_door, post, run, text
from vonglau.gateways.events.ticks import SOURCE, Ticker, tick

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
MINUTE_US = 60_000_000


@dataclass
class Clock:
    id: str = "live"
    driven: bool = False
    own_ticks: bool = False
    at: datetime = START

    def now(self) -> datetime:
        return self.at


def event(n: int, world: str = "rec", seconds: float = 0) -> Event:
    return Event(id=f"e{n}", source="/s", type="t", world=world, time_us=to_us(START + timedelta(seconds=seconds)))


def test_a_tick_says_the_time_and_has_the_number_of_its_boundary():
    number = to_us(START) // MINUTE_US
    one = tick("drill-1", number, MINUTE_US)
    assert (one.type, one.source, one.id, one.world, one.subject) == (TICK_TYPE, SOURCE, str(number), "drill-1", None)
    assert (one.time, one.data) == (START, b'{"clock":"2026-01-01T08:00:00Z"}')


def test_running_clocks_tick_once_at_each_boundary():
    live, drill = Clock(), Clock("drill-1")
    ticker = Ticker(lambda: [live, drill])
    assert [one.world for one in ticker.due()] == ["live", "drill-1"]
    assert ticker.due() == []
    live.at += timedelta(seconds=59)
    drill.at += timedelta(minutes=3, seconds=1)
    (one,) = ticker.due()
    assert (one.world, one.time) == ("drill-1", START + timedelta(minutes=3))
    live.at += timedelta(seconds=1)
    assert [one.time for one in ticker.due()] == [START + timedelta(minutes=1)]


def test_a_recording_ticks_when_its_events_cross_a_boundary(tmp_path):
    log = open_writer(tmp_path)
    recording = Clock("rec", driven=True, at=datetime(1970, 1, 1, tzinfo=UTC))
    moved = []
    ticker = Ticker(lambda: [recording], advanced=lambda world, us: moved.append((world, us)))

    def batch(*items: Event) -> list[datetime]:
        return [one.time for one in ticker.follow(items, log.append(items))]

    assert batch(event(0, seconds=5)) == [START]
    assert batch(event(1, seconds=30), event(2, seconds=10)) == []
    assert batch(event(3, seconds=119)) == [START + timedelta(minutes=1)]
    assert batch(event(4, seconds=7)) == []  # late: the clock does not go back
    assert (
        batch(event(3, seconds=119), event(5, "live", seconds=999)) == []
    )  # a duplicate and another world do not move it
    assert batch(event(6, seconds=3600), event(7, seconds=200)) == [START + timedelta(hours=1)]
    assert [us for _, us in moved] == [to_us(START + timedelta(seconds=s)) for s in (5, 30, 119, 3600)]
    assert ticker.due() == []
    log.close()


def test_a_recording_that_goes_on_ticks_from_where_it_was():
    seen = Clock("rec", driven=True, at=START + timedelta(minutes=10))
    ticker = Ticker(lambda: [seen])
    from vonglau.core.log import Receipt

    accepted = [Receipt(Outcome.ACCEPTED, 1)]
    assert ticker.follow([event(0, seconds=30)], accepted) == []
    assert [one.time for one in ticker.follow([event(1, seconds=661)], accepted)] == [START + timedelta(minutes=11)]


def test_a_tick_stands_right_behind_the_batch_that_crossed(tmp_path):
    async def inside():
        recording = Clock("rec", driven=True, at=datetime(1970, 1, 1, tzinfo=UTC))
        ticker = Ticker(lambda: [recording])
        async with open_door(tmp_path, clock=lambda world: None, follow=ticker.follow) as (door, log):
            for n in range(3):
                time = (START + timedelta(seconds=50 * n)).isoformat()
                assert (await post(door, text(cloud_event(n, time=time, exercise="rec")), token="writer")).body[
                    "accepted"
                ] == 1
            await door.close()
            found = [(one.event.type, one.event.id) for one in log.read(0, 10)[0]]
            base = to_us(START) // MINUTE_US
            assert found == [
                ("vn.example.seen", "e0"),
                (TICK_TYPE, str(base)),
                ("vn.example.seen", "e1"),
                ("vn.example.seen", "e2"),
                (TICK_TYPE, str(base + 1)),
            ]
            assert door.counters.accepted == 3

    run(inside)


def test_ticks_stand_between_the_events_of_one_batch(tmp_path):
    """However many events come at once, the recording's clock passes between them as it would have live."""

    async def inside():
        recording = Clock("rec", driven=True, at=datetime(1970, 1, 1, tzinfo=UTC))
        ticker = Ticker(lambda: [recording])
        hooks = {"follow": ticker.follow, "weave": ticker.weave}
        minutes = [0, 1, 3, 2, 190]
        batch = [
            cloud_event(n, time=(START + timedelta(minutes=at)).isoformat(), exercise="rec")
            for n, at in enumerate(minutes)
        ]
        async with open_door(tmp_path, clock=lambda world: None, **hooks) as (door, log):
            body = (await post(door, text(batch), BATCH, token="writer")).body
            assert (body["accepted"], body["quarantined"]) == (5, [])
            again = (await post(door, text(batch), BATCH, token="writer")).body
            assert again["duplicates"] == 5
            await door.close()
            found = log.read(0, 1_000)[0]
        base = to_us(START) // MINUTE_US
        told = [int(one.event.id) - base if one.event.type == TICK_TYPE else one.event.id for one in found]
        behind = told.index("e4")
        assert told[:6] == ["e0", 1, "e1", 2, 3, "e2"]
        assert told[told.index("e3") + 1 : behind] == [*range(4, 184)], "every minute for three hours across a gap"
        assert len([one for one in told if isinstance(one, int)]) == len({one for one in told if isinstance(one, int)})
        assert sorted(one for one in told if isinstance(one, int)) == [one for one in told if isinstance(one, int)]

    run(inside)


def test_the_loop_appends_goes_on_after_trouble_and_a_restart_doubles_nothing(tmp_path):
    log = open_writer(tmp_path)
    clock = Clock()

    async def inside():
        committer = Committer(log)
        failures = [Unavailable()]

        async def submit(items, by):
            if failures:
                raise failures.pop()
            return await committer.submit(items, by)

        loop = asyncio.create_task(Ticker(lambda: [clock]).run(submit))
        await asyncio.sleep(0.05)
        assert log.head() == 0
        clock.at += timedelta(minutes=1)
        while log.head() == 0:
            await asyncio.sleep(0.01)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        again = asyncio.create_task(Ticker(lambda: [clock]).run(committer.submit))
        while committer.counters.duplicates == 0:
            await asyncio.sleep(0.01)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        await committer.close()
        assert [one.event.time for one in log.read(0, 10)[0]] == [START + timedelta(minutes=1)]

    run(inside)
    log.close()

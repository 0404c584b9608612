"""Group commit: who shares a transaction, who is refused, and what a failure means for whom."""

import asyncio
import threading

import pytest

from vonglau.core.errors import Overloaded, StorageFull, Unavailable, VongLauError
from vonglau.core.events import Event, Fault
from vonglau.core.log import Outcome, Rejected
from vonglau.engines import open_writer
from vonglau.gateways.events.commit import WAITING_S, Committer
from vonglau.gateways.events.pace import Pace
from vonglau.gateways.events.tests.helpers import run


def event(n: int, **changed) -> Event:
    return Event(**{"id": f"e{n}", "source": "/s", "type": "t", "time_us": n, **changed})


class Held:
    """The log with a gate before each transaction, and a memory of what was appended together."""

    def __init__(self, log) -> None:
        self.log, self.gate, self.appends = log, threading.Event(), []
        self.raises: list[Exception] = []

    def append(self, items, *, by=None):
        self.gate.wait(30)
        self.appends.append((list(items), by))
        if self.raises:
            raise self.raises.pop(0)
        return self.log.append(items, by=by)

    def __getattr__(self, name):
        return getattr(self.log, name)


@pytest.fixture
def held(tmp_path):
    log = open_writer(tmp_path)
    yield Held(log)
    log.close()


async def settled(committer: Committer, rows: int) -> None:
    while committer.counters.waiting != rows:
        await asyncio.sleep(0.001)


def test_requests_that_wait_together_are_committed_together(held):
    async def scenario():
        committer = Committer(held)
        first = asyncio.create_task(committer.submit([event(0)], "a"))
        await settled(committer, 1)
        await asyncio.sleep(0.05)  # the writer has taken the first and stands at the gate
        rest = [
            asyncio.create_task(committer.submit([event(n), Rejected(b"x", Fault("", "no"), "live")], f"token-{n}"))
            for n in (1, 2, 3)
        ]
        await settled(committer, 7)
        held.gate.set()
        answers = await asyncio.gather(first, *rest)
        assert [len(items) for items, _ in held.appends] == [1, 6]
        assert held.appends[1][1] == ["token-1", "token-1", "token-2", "token-2", "token-3", "token-3"]
        assert [[one.outcome for one in answer] for answer in answers[1:]] == [
            [Outcome.ACCEPTED, Outcome.QUARANTINED]
        ] * 3
        assert [answer[0].pos for answer in answers] == [1, 2, 3, 4]
        assert [one.by for one in held.quarantine(0, 10)[0]] == ["token-1", "token-2", "token-3"]
        counters = committer.counters
        assert (counters.accepted, counters.quarantined, counters.commits, counters.waiting) == (4, 3, 2, 0)
        assert sum(counters.commit_histogram) == 2
        assert counters.commit_s >= counters.last_commit_s > 0
        await committer.close()

    run(scenario)


def test_a_transaction_is_bounded(held):
    async def scenario():
        committer = Committer(held, group_rows=10)
        tasks = []
        for start in range(0, 80, 4):
            tasks.append(asyncio.create_task(committer.submit([event(n) for n in range(start, start + 4)], None)))
        await settled(committer, 80)
        held.gate.set()
        await asyncio.gather(*tasks)
        assert max(len(items) for items, _ in held.appends) <= 20
        assert [item.id for items, _ in held.appends for item in items] == [f"e{n}" for n in range(80)]
        await committer.close()

    run(scenario)


def test_beyond_the_bound_it_says_so_at_once_and_recovers(held):
    async def scenario():
        committer = Committer(held, waiting_rows=5)
        first = asyncio.create_task(
            committer.submit([event(n) for n in range(9)], None)
        )  # alone, a large one may come in
        await settled(committer, 9)
        with pytest.raises(Overloaded):
            await committer.submit([event(20)], None)
        with pytest.raises(Overloaded):
            committer.admit()
        assert committer.counters.refused == 2
        held.gate.set()
        await first
        assert (await committer.submit([event(20)], None))[0].outcome is Outcome.ACCEPTED
        await committer.close()

    run(scenario)


def test_what_would_wait_too_long_for_a_slow_disk_is_refused(held):
    async def scenario():
        committer, now = Committer(held), [0.0]
        committer.pace = Pace(lambda: now[0])
        first = asyncio.create_task(committer.submit([event(0)], "a"))
        await settled(committer, 1)
        while not committer.pace.under_way:  # the writer stands at the gate: the disk does not answer
            await asyncio.sleep(0.001)
        second = asyncio.create_task(committer.submit([event(1)], "a"))
        await settled(committer, 2)
        now[0] = WAITING_S + 1
        with pytest.raises(Overloaded, match="disk is slow"):
            await committer.submit([event(2)], "a")
        held.gate.set()
        assert [one.outcome for one in await first + await second] == [Outcome.ACCEPTED] * 2
        await committer.close()
        assert held.head() == 2

    run(scenario)


@pytest.mark.parametrize("error", [StorageFull, Unavailable])
def test_storage_errors_are_answered_to_all_and_pass(held, error):
    async def scenario():
        held.raises = [error()]
        held.gate.set()
        committer = Committer(held)
        with pytest.raises(error):
            await committer.submit([event(0)], None)
        assert (await committer.submit([event(0)], None))[0].outcome is Outcome.ACCEPTED
        assert (committer.counters.accepted, committer.counters.waiting) == (1, 0)
        await committer.close()

    run(scenario)


def test_one_poisonous_request_does_not_harm_the_others(held):
    async def scenario():
        committer = Committer(held)
        blocker = asyncio.create_task(committer.submit([event(99)], None))
        await settled(committer, 1)
        await asyncio.sleep(0.05)
        tasks = [
            asyncio.create_task(committer.submit([event(n, subject="\ud800" if n == 1 else None)], None))
            for n in range(3)
        ]
        await settled(committer, 4)
        held.gate.set()
        good, bad, fine = await asyncio.gather(*tasks, return_exceptions=True)
        assert good[0].outcome is fine[0].outcome is Outcome.ACCEPTED
        assert isinstance(bad, VongLauError)
        await blocker
        await committer.close()

    run(scenario)


def test_a_defect_is_logged_and_answered_and_the_writer_lives_on(held, caplog):
    async def scenario():
        held.raises = [ZeroDivisionError("defect")]
        held.gate.set()
        committer = Committer(held)
        with pytest.raises(VongLauError, match="kept nothing"):
            await committer.submit([event(0)], None)
        assert (await committer.submit([event(0)], None))[0].outcome is Outcome.ACCEPTED
        await committer.close()

    run(scenario)
    assert "ZeroDivisionError" in caplog.text


def test_closing_writes_and_answers_what_waits(held):
    async def scenario():
        committer = Committer(held)
        tasks = [asyncio.create_task(committer.submit([event(n)], None)) for n in range(5)]
        await settled(committer, 5)
        closing = asyncio.create_task(committer.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await committer.submit([event(9)], None)
        held.gate.set()
        await closing
        assert [(await task)[0].outcome for task in tasks] == [Outcome.ACCEPTED] * 5
        await committer.close()
        assert held.head() == 5

    run(scenario)


def test_a_client_that_went_away_does_not_stop_its_items(held):
    async def scenario():
        committer = Committer(held)
        gone = asyncio.create_task(committer.submit([event(0)], None))
        await settled(committer, 1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        held.gate.set()
        await settled(committer, 0)
        assert held.head() == 1
        await committer.close()

    run(scenario)


def test_calls_run_between_transactions_in_order(held):
    async def scenario():
        held.gate.set()
        committer = Committer(held)
        results = await asyncio.gather(
            committer.submit([event(0)], None),
            committer.call(held.head),
            committer.submit([event(1)], None),
            committer.call(held.head),
        )
        assert (results[1], results[3]) == (1, 2)
        await committer.close()

    run(scenario)


def test_nothing_to_submit_needs_no_transaction(held):
    async def scenario():
        committer = Committer(held)
        assert await committer.submit([], None) == []
        await committer.close()

    run(scenario)

"""Group commit: one thread writes, and items of concurrent requests share a durable transaction.

While one transaction is on its way to the disk, the next one gathers. Every request is answered after the commit that holds
its items. What waits is bounded, in items and in the seconds that the disk needs for them as it is just now: beyond that the door says so
at once (429) instead of letting everybody wait.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeVar

from vonglau.core.errors import NotAllowed, NotFound, Overloaded, Unavailable, VongLauError
from vonglau.core.events import Event
from vonglau.core.log import Log, Outcome, Receipt, Rejected
from vonglau.gateways.events.pace import SLOW_S, Pace

logger = logging.getLogger(__name__)

Items = Sequence[Event | Rejected]
Follow = Callable[[Items, Sequence[Receipt]], Sequence[Event]]
"""What is appended right behind a transaction, e.g. the ticks of a recording whose clock it moved."""

Weave = Callable[[Items], tuple[Items, Sequence[int]] | None]
"""What is put between a transaction's items, and where each of them then stands; None: nothing."""

GROUP_ROWS = 5_000
"""Items after which a transaction is closed: some 30 ms."""

WAITING_ROWS = 50_000
"""Items that may wait for the writer."""

WAITING_S = 10.0
"""Seconds of writing that may wait: less than what senders wait for an answer, or they would send again what is on its way."""

PAUSE_S = 0.001
"""Longest pause after a commit, so that sealing gets at the lock and readers at the file."""

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the histogram of commit times, seconds."""

T = TypeVar("T")


@dataclass(slots=True)
class Counters:
    """What the door counts since it was started."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    waiting: int = 0
    """Items that wait for the writer now."""
    commits: int = 0
    last_commit_s: float = 0.0
    commit_s: float = 0.0
    commit_histogram: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    refused: int = 0
    """Requests turned away because too much was waiting."""
    statuses: dict[int, int] = field(default_factory=dict)
    """Requests by HTTP status."""

    def committed(self, seconds: float) -> None:
        self.commits += 1
        self.last_commit_s = seconds
        self.commit_s += seconds
        self.commit_histogram[next((n for n, bound in enumerate(BOUNDS_S) if seconds <= bound), len(BOUNDS_S))] += 1

    def received(self, receipts: Sequence[Receipt]) -> None:
        for one in receipts:
            if one.outcome is Outcome.ACCEPTED:
                self.accepted += 1
            elif one.outcome is Outcome.DUPLICATE:
                self.duplicates += 1
            else:
                self.quarantined += 1


class _Job:
    """A request's items, or a call that needs the writer, and whom to answer."""

    __slots__ = ("by", "call", "future", "items", "loop", "rows")

    def __init__(self, items: Items, by: str | None, call: Callable[[], object] | None = None) -> None:
        self.items = items
        self.by = by
        self.call = call
        self.rows = max(len(items), 1)
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[object] = self.loop.create_future()


class Committer:
    """Owns the writing thread. Its methods are called from one event loop; the log's writer from this thread only."""

    def __init__(
        self,
        log: Log,
        *,
        follow: Follow | None = None,
        weave: Weave | None = None,
        group_rows: int = GROUP_ROWS,
        waiting_rows: int = WAITING_ROWS,
    ) -> None:
        self.counters = Counters()
        self.pace = Pace()
        self._log = log
        self._follow = follow
        self._weave = weave
        self._group_rows = group_rows
        self._waiting_rows = waiting_rows
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def admit(self, rows: int = 1) -> None:
        """Raise when no more can wait: before a body is read, and again with the number of its items."""
        if self._closed:
            raise Unavailable("The door is closing; nothing was kept, try again.")
        # one large request may always come in when nothing waits, whatever the bound
        waiting = self.counters.waiting
        if not waiting:
            return
        took = self.pace.seconds()
        if waiting + rows > self._waiting_rows or took * (1 + waiting // self._group_rows) > WAITING_S:
            self.counters.refused += 1
            why = f" (each write takes {took:.1f} s: the disk is slow)" if took >= SLOW_S else ""
            raise Overloaded(f"{waiting} events are waiting to be written{why}; slow down and try again.")

    async def submit(self, items: Items, by: str | None) -> list[Receipt]:
        """Receipts once the items are durable. Raises Overloaded, Unavailable, StorageFull; then nothing was kept."""
        if not items:
            return []
        self.admit(len(items))
        receipts: list[Receipt] = await self._answer(_Job(items, by))  # type: ignore[assignment]
        self.counters.received(receipts)
        return receipts

    async def call(self, call: Callable[[], T]) -> T:
        """Run something in the writing thread, between two transactions."""
        self.admit()
        return await self._answer(_Job((), None, call))  # type: ignore[return-value]

    async def settle(
        self, id: int, state: str, replacement: Event | None = None, *, worlds: frozenset[str] | None = None
    ) -> Receipt | None:
        """`Log.settle` in the writing thread, for an item of one of these worlds (None: any)."""

        def settle() -> Receipt | None:
            waiting = self._log.quarantined(id)
            if waiting is None:
                raise NotFound(f"There is no item {id} in quarantine.")
            if worlds is not None and waiting.world not in worlds:
                raise NotAllowed(
                    f"Item {id} belongs to the world `{waiting.world}`, which this token may not write to."
                )
            return self._log.settle(id, state, replacement)

        receipt = await self.call(settle)
        if receipt is not None and receipt.outcome is not Outcome.QUARANTINED:
            self.counters.received([receipt])
        return receipt

    async def _answer(self, job: _Job) -> object:
        self.counters.waiting += job.rows
        self._queue.put(job)
        return await job.future

    async def close(self) -> None:
        """Write what waits, answer it, and end the thread. New items are refused from now on."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    # the writing thread

    def _run(self) -> None:
        carried: _Job | None = None
        while True:
            job = carried or self._queue.get()
            carried = None
            if job is None:
                return
            if job.call is not None:
                self._finish([(job, *self._attempt(job.call))])
                continue
            group, rows = [job], job.rows
            while rows < self._group_rows:
                try:
                    following = self._queue.get_nowait()
                except Empty:
                    break
                if following is None or following.call is not None or rows + following.rows > 2 * self._group_rows:
                    carried = following
                    if following is None:
                        self._queue.put(None)
                    break
                group.append(following)
                rows += following.rows
            taken = self._commit(group)
            time.sleep(min(taken, PAUSE_S))

    def _commit(self, group: list[_Job]) -> float:
        """One transaction for the group; the seconds it took."""
        items = group[0].items if len(group) == 1 else [item for job in group for item in job.items]
        senders: str | list[str | None] | None = group[0].by
        if any(job.by != senders for job in group):
            senders = [job.by for job in group for _ in job.items]
        places: Sequence[int] | None = None
        if self._weave is not None and (woven := self._weave(items)) is not None:
            items, places = woven
            senders = _spread(senders, places, len(items))
        self.pace.begin()
        receipts, error = self._attempt(lambda: self._log.append(items, by=senders))
        taken = self.pace.end(committed=receipts is not None)
        if receipts is None:
            if len(group) > 1 and not isinstance(error, Unavailable):
                for job in group:  # one of them is poison: the others must not suffer for it
                    self._commit([job])
            else:
                self._finish([(job, None, error) for job in group])
            return taken
        self.counters.committed(taken)
        if self._follow is not None:
            self._append_followers(items, receipts)
        if places is not None:
            receipts = [receipts[place] for place in places]
        done: list[tuple[_Job, object, BaseException | None]] = []
        start = 0
        for job in group:
            done.append((job, receipts[start : start + len(job.items)], None))
            start += len(job.items)
        self._finish(done)
        return taken

    def _append_followers(self, items: Items, receipts: Sequence[Receipt]) -> None:
        follow = self._follow
        if follow is None:
            return
        _, error = self._attempt(lambda: self._log.append(follow(items, receipts)))
        if error is not None:
            logger.error("ticks behind a batch could not be written: %s", error)

    @staticmethod
    def _attempt(call: Callable[[], T]) -> tuple[T | None, BaseException | None]:
        """The writer outlives whatever happens in one transaction: this is its supervisor."""
        try:
            return call(), None
        except VongLauError as error:
            return None, error
        except Exception as error:
            logger.exception("a transaction of the event log failed")
            broken = VongLauError("The event log failed and kept nothing of this request; its own log says why.")
            broken.__cause__ = error
            return None, broken

    def _finish(self, done: list[tuple[_Job, object, BaseException | None]]) -> None:
        loop = done[0][0].loop
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(self._resolve, done)

    def _resolve(self, done: list[tuple[_Job, object, BaseException | None]]) -> None:
        for job, result, error in done:
            self.counters.waiting -= job.rows
            if job.future.done():  # the client went away; its items are stored all the same
                continue
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)


def _spread(senders: str | list[str | None] | None, places: Sequence[int], rows: int) -> list[str | None]:
    """Each item's sender at the item's new place; what was put between has none."""
    spread: list[str | None] = [None] * rows
    for number, place in enumerate(places):
        spread[place] = senders[number] if isinstance(senders, list) else senders
    return spread

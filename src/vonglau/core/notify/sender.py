"""Sends what is due: one coordinating thread has the database, others do nothing but send.

Fair by lanes: a lane has a bounded number of sends at a time, and lanes that failed last (suspects) share a few places together, so that
endpoints which hang until their time-out can never take the places of those that answer. Several senders may run, in one process or
on several hosts: `outbox.claim` gives each notice to one of them.
"""

import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from vonglau.core.notify import outbox
from vonglau.core.notify.channel import Channel, Delivered, NotDelivered, Send
from vonglau.core.notify_models import Notice

log = logging.getLogger("vonglau.notify")

SLOTS = 24
SUSPECT_SLOTS = 6
TURN_SECONDS = 0.2
"""How long a turn waits for something to come back before it looks for new work."""
EXPIRE_SECONDS = 30.0

Step = Callable[[str, Notice], None]
"""Called after each step that cannot be undone: claimed (committed), sent (not recorded yet), recorded (committed)."""


def _no_step(name: str, notice: Notice) -> None:
    """Nothing to do between steps."""


@dataclass(frozen=True, slots=True)
class Back:
    """A send that came back."""

    notice: Notice
    answer: Delivered | NotDelivered


class Sender:
    """`deliver` works until nothing is due and nothing is under way."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        *,
        slots: int = SLOTS,
        suspect_slots: int = SUSPECT_SLOTS,
        step: Step = _no_step,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        self.channels, self.slots, self.suspect_slots = dict(channels), slots, suspect_slots
        self.step, self.clock = step, clock
        self.delivered = self.failed = 0
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="send")
        self._back: queue.SimpleQueue[Back] = queue.SimpleQueue()
        self._busy: Counter[str] = Counter()
        self._suspects: dict[str, bool] = {}
        self._expired_at = 0.0

    def deliver(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Returns how many were delivered. When asked to stop, what is under way is still recorded."""
        before = self.delivered
        while True:
            # What was claimed and is moot keeps nobody busy, and more may be due behind it.
            claimed = 0 if stopping() else self.turn()
            if not claimed and not self._busy.total():
                return self.delivered - before
            if self._busy.total():
                self._collect(TURN_SECONDS)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def turn(self) -> int:
        """Look for dead claims and for what is due, and start it. Returns how many sends were started."""
        now = self.clock()
        outbox.recover(now)
        if time.monotonic() - self._expired_at > EXPIRE_SECONDS:
            outbox.expire(now)
            self._expired_at = time.monotonic()
        wanted = self._places(now)
        if not wanted:
            return 0
        claimed = outbox.claim(wanted, now)
        for notice in claimed:
            self._start(notice)
        return len(claimed)

    def _places(self, now: datetime) -> list[tuple[str, int]]:
        """How many to claim of each lane that has something due, the least busy lane first."""
        lanes = [lane for channel in self.channels.values() for lane in channel.lanes(now)]
        self._suspects.update((lane.name, lane.suspect) for lane in lanes)
        free = self.slots - self._busy.total()
        suspects = self.suspect_slots - sum(n for name, n in self._busy.items() if self._suspects.get(name))
        wanted: dict[str, int] = {}
        open_lanes = [lane for lane in lanes if self._busy[lane.name] < lane.parallel]
        open_lanes.sort(key=lambda lane: (self._busy[lane.name], lane.suspect))
        for lane in open_lanes:
            room = min(free, suspects) if lane.suspect else free
            if room <= 0 or not outbox.due(lane.name, now).exists():
                continue
            most = min(room, lane.parallel - self._busy[lane.name])
            if not lane.suspect:
                most = min(most, max(1, self.slots // 4))
            wanted[lane.name] = most
            free -= most
            suspects -= most if lane.suspect else 0
        return list(wanted.items())

    def _start(self, notice: Notice) -> None:
        self.step("claimed", notice)
        if not outbox.still_wanted(notice):
            return
        try:
            send = self.channels[notice.channel].prepare(notice)
        except NotDelivered as problem:
            self._record(Back(notice, problem))
            return
        except (
            Exception
        ) as problem:  # a supervisor: a key that is missing, or a folder, is this notice's failure and nobody else's
            log.exception("a channel failed", extra={"channel": notice.channel, "notice": notice.pk})
            self._record(Back(notice, NotDelivered(f"{type(problem).__name__}: {problem}")))
            return
        self._busy[notice.lane] += 1
        self._pool.submit(self._send, notice, send)

    def _send(self, notice: Notice, send: Send) -> None:
        """In a thread of its own: sends, and says what came of it, whatever that is."""
        try:
            answer: Delivered | NotDelivered = send()
        except NotDelivered as problem:
            answer = problem
        except Exception as problem:  # a supervisor: a channel's mistake must not lose the notice or its place
            log.exception("a channel failed", extra={"channel": notice.channel, "notice": notice.pk})
            answer = NotDelivered(f"{type(problem).__name__}: {problem}")
        self._back.put(Back(notice, answer))

    def _collect(self, seconds: float) -> None:
        """Record what came back; wait for the first of it so long at most."""
        try:
            back = self._back.get(timeout=seconds)
        except queue.Empty:
            return
        while True:
            self._busy[back.notice.lane] -= 1
            self.step("sent", back.notice)
            self._record(back)
            try:
                back = self._back.get_nowait()
            except queue.Empty:
                return

    def _record(self, back: Back) -> None:
        notice, answer, now = back.notice, back.answer, self.clock()
        problem = answer if isinstance(answer, NotDelivered) else None
        with transaction.atomic():
            if isinstance(answer, NotDelivered):
                mine = outbox.record_failed(notice, answer, now)
            else:
                mine = outbox.record_delivered(notice, answer, now)
            self.channels[notice.channel].settled(notice, problem, now)
        self.step("recorded", notice)
        if mine and problem is None:
            self.delivered += 1
        elif mine:
            self.failed += 1
        time.sleep(0.001)  # SQLite's writers do not queue: others get their turn between two commits

"""Follows the change rows and hands each to the streams that may see it: read once, encoded once, cut to size once per view.

A thread asks the database every few milliseconds whether anything was committed (SQLite: `PRAGMA data_version`, for which no file is
read; PostgreSQL: the newest row, whose positions become visible in order: see engines/postgresql/state) and reads new rows when so.
Streams of one view share one ring of ready bytes; a client that falls behind the ring's end is cut, and resumes by its Last-Event-ID.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import DatabaseError, connection
from django.utils import timezone

from vonglau.core import outages
from vonglau.core.changes import Change
from vonglau.core.failing import Failing

log = logging.getLogger("vonglau.stream")

POLL_SECONDS = 0.01
PAGE = 500
RING = 2_000
"""Messages a client may fall behind before it is cut."""
RING_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class View:
    """What a stream may see: a world, and within it everything of the centre or one agency's incidents."""

    world: str
    agency: str | None = None
    """None: the whole centre. Otherwise the code of the agency whose incidents alone are shown."""

    def shows(self, kind: str, agency: str) -> bool:
        return self.agency is None or (kind == "incident" and agency == self.agency)


@dataclass(frozen=True, slots=True)
class Entry:
    """A change, ready to be sent."""

    position: int
    world: str
    kind: str
    agency: str
    at: datetime
    text: bytes


def encoded(row: Change) -> Entry:
    """One SSE event. JSON escapes line ends, so the data is one line whatever it holds."""
    body = {**row.body, "position": row.pk, "what": row.kind, "ref": row.ref, "world": row.world}
    if "kind" not in row.body:
        body["kind"] = row.kind
    data = msgspec.json.encode(body)
    text = b"id: %d\nevent: %s\ndata: %s\n\n" % (row.pk, row.kind.encode(), data)
    return Entry(row.pk, row.world, row.kind, row.agency, row.at, text)


class Channel:
    """The ring of one view. `after` gives what is new to a cursor; None means that the cursor has fallen out of the ring."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.position = 0
        """The last position looked at, shown or not."""
        self.readers = 0
        self.first, self.end, self.size = 0, 0, 0
        self._ring: deque[bytes] = deque()
        self._news: asyncio.Future[None] | None = None

    def put(self, chunk: bytes, position: int) -> None:
        self.position = position
        if chunk:
            self._ring.append(chunk)
            self.end += 1
            self.size += len(chunk)
            while len(self._ring) > RING or self.size > RING_BYTES:
                self.size -= len(self._ring.popleft())
                self.first += 1
            self.wake()

    def wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._news = None

    def after(self, cursor: int) -> bytes | None:
        if cursor < self.first:
            return None
        if cursor >= self.end:
            return b""
        if cursor == self.end - 1:
            return self._ring[-1]
        return b"".join(list(self._ring)[cursor - self.first :])

    async def news(self, timeout: float) -> None:
        """Return when something may be new, or after `timeout` seconds."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._news], timeout=timeout)


class Hub:
    """One per process. `start` in the running loop; `close` ends all streams at once."""

    def __init__(self, observe: Callable[[float], None] = lambda seconds: None) -> None:
        self.head = 0
        self.closed = False
        self.channels: dict[View, Channel] = {}
        self._observe = observe
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.head = await asyncio.to_thread(newest)
        self._thread = threading.Thread(target=self._follow, name="stream", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every stream now: the browser comes back by `retry:`."""
        self.closed = True
        self._stop.set()
        for channel in self.channels.values():
            channel.wake()

    def wait(self) -> None:
        """Until the following thread has ended, after `close`."""
        if self._thread is not None:
            self._thread.join()

    def join(self, view: View) -> Channel:
        channel = self.channels.get(view)
        if channel is None:
            channel = self.channels[view] = Channel(view)
            channel.position = self.head
        channel.readers += 1
        return channel

    def leave(self, channel: Channel) -> None:
        channel.readers -= 1
        if channel.readers == 0:
            self.channels.pop(channel.view, None)

    def publish(self, entries: Sequence[Entry]) -> None:
        """In the loop: one chunk per view, whatever the number of its streams."""
        self.head = max(self.head, entries[-1].position)
        for channel in self.channels.values():
            view = channel.view
            chunk = b"".join(
                entry.text
                for entry in entries
                if entry.world == view.world
                and entry.position > channel.position
                and view.shows(entry.kind, entry.agency)
            )
            channel.put(chunk, self.head)
        now = timezone.now()
        self._observe((now - entries[0].at).total_seconds())

    def _follow(self) -> None:
        """The thread: supervises itself, because a stream that stands still is worse than one that stumbles."""
        position, seen, failing = self.head, None, Failing()
        while not self._stop.wait(POLL_SECONDS):
            try:
                version = _version()
                if version == seen:
                    continue
                entries = read(position, PAGE)
                if len(entries) < PAGE:
                    seen = version
                if (was := failing.well()) is not None:
                    log.warning("%s works again after %d failures in %.0f s", "the change stream", *was)
            except DatabaseError as error:
                outage = outages.outage(error)
                if failing.worth_saying(outage or error):
                    if outage is not None:
                        log.error("%s waits: %s", "the change stream", outage)
                    else:
                        log.exception("the change stream cannot read the state; it tries again")
                connection.close()
                seen = None
                self._stop.wait(0.5)
                continue
            if entries and self._loop is not None:
                position = entries[-1].position
                self._loop.call_soon_threadsafe(self.publish, entries)
        connection.close()


def _version() -> int:
    """Changes whenever another connection committed; read before the rows, so that none is missed."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        # Asked a hundred times a second: past Django's cursor, which would cost more than the question.
        return int(connection.connection.execute("PRAGMA data_version").fetchone()[0])
    with connection.wrap_database_errors:
        connection.ensure_connection()
        row = connection.connection.execute("SELECT max(id) FROM core_change").fetchone()
    return int(row[0] or 0)


def newest() -> int:
    """The last position; 0 when nothing ever changed."""
    return Change.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def oldest() -> int:
    return Change.objects.order_by("pk").values_list("pk", flat=True).first() or 0


def read(after: int, limit: int, through: int | None = None, world: str | None = None) -> list[Entry]:
    rows = Change.objects.filter(pk__gt=after).order_by("pk")
    if through is not None:
        rows = rows.filter(pk__lte=through)
    if world is not None:
        rows = rows.filter(world=world)
    return [encoded(row) for row in rows[:limit]]

"""The door process: takes events in, serves the change stream, answers for everybody's health, passes the rest to Django.

It alone writes the log. It reads tokens and clocks from the state database in threads, a second or two old at most: what comes in never
waits for the state, and Django's middleware is not in its way.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec
from django.conf import settings

from vonglau.core import outages, seams
from vonglau.core.errors import StorageFull, Unavailable, VongLauError
from vonglau.core.failing import Failing
from vonglau.core.models import Cursor
from vonglau.core.runner import reader_of
from vonglau.engines.history import derive
from vonglau.gateways.events.commit import Committer
from vonglau.gateways.events.door import EVENTS, Door
from vonglau.gateways.events.ticks import Ticker
from vonglau.kit import asgi, tokens
from vonglau.kit.asgi import Receive, Scope, Send
from vonglau.kit.exposition import exposition
from vonglau.kit.hub import Hub
from vonglau.kit.metrics import Numbers
from vonglau.kit.stream import Streams
from vonglau.web import health, retaining
from vonglau.web.backends import Backends
from vonglau.web.clocks import Clocks
from vonglau.web.derive import MAKER
from vonglau.web.gate import Gate, Limits, Networks, Refusal
from vonglau.web.hop import key_of
from vonglau.web.keys import EVERYTHING, Keyring, internal_token
from vonglau.web.opening import open_log
from vonglau.web.proxy import Proxy

log = logging.getLogger("vonglau.front")

SPARE_BYTES = 64 * 1024 * 1024
"""Free room on the disk below which the door is not ready any more."""
SEAL_LOOK_SECONDS = 5.0
RETAIN_SECONDS = 86_400.0
RETAIN_AFTER_SECONDS = 600.0


class Front:
    """The ASGI application. `start` before serving; `close_streams` when asked to stop; `stop` when nothing is served any more."""

    def __init__(
        self, data: Path, backends: Backends, *, streams: int, limits: Limits, proxies: Networks = (), hsts: int = 0
    ) -> None:
        """`streams`: how many at a time. `proxies`: where the operator's own stand, whose X-Forwarded headers are believed.

        `hsts`: for how many seconds a browser that came over TLS is to come by nothing else; 0: it is not told.
        """
        self.data = data
        self.numbers = Numbers("door", data)
        self.keys, self.clocks = Keyring(data), Clocks()
        self.hub = Hub(lambda seconds: self.numbers.observe("vonglau_stream_lag_seconds", seconds))
        self.streams = Streams(self.hub, streams, self.numbers.count)
        self.tls_only = [(b"strict-transport-security", b"max-age=%d; includeSubDomains" % hsts)] if hsts else []
        self.gate = Gate(self.keys, limits, proxies=proxies)
        self.proxy = Proxy(backends, self.numbers.count, key=key_of(internal_token(data)))
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="door")
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        asyncio.get_running_loop().set_default_executor(self.pool)
        derive.use(MAKER)
        self.log = await asyncio.to_thread(open_log, self.data)
        with suppress(Unavailable):  # who sends a token is told so until they can be read; `_refresh` says why
            await asyncio.to_thread(self.keys.refresh)
            await asyncio.to_thread(self.clocks.refresh)
        ticker = Ticker(self.clocks.worlds)
        self.committer = Committer(self.log, follow=ticker.follow, weave=ticker.weave)
        self.door = Door(
            self.committer,
            types=seams.event_types(),
            authorise=self.keys.find,
            clock=self.clocks.now,
            meet=self.clocks.meet,
        )
        await self.hub.start()
        await self.proxy.open()
        self.numbers.on_write(self._measure)
        self.tasks.append(asyncio.ensure_future(ticker.run(self.committer.submit)))
        for seconds, task in (
            (0.25, self._refresh),
            (1.0, self._write),
            (SEAL_LOOK_SECONDS, self._seal),
            (RETAIN_SECONDS, self._retain),
        ):
            self.tasks.append(asyncio.ensure_future(self._every(seconds, task)))

    async def close_streams(self) -> None:
        await self.streams.close()

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await self.door.close()
        await self.proxy.close()
        await asyncio.to_thread(self.numbers.write)
        await asyncio.to_thread(self.log.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if asgi.header(scope, b"authorization") is not None:
            try:
                await self.keys.meet(scope)
            except Unavailable as problem:  # not 401: nobody can tell whether the token is good
                await asgi.failed(send, problem)
                return
        verdict = self.gate.look(scope)
        if self.tls_only and scope["scheme"] == "https":
            send = _adding(send, self.tls_only)
        if isinstance(verdict, Refusal):
            self.numbers.count("vonglau_refused_requests", status=str(verdict.status))
            await self.proxy.refuse(scope, send, verdict.status, verdict.detail, verdict.headers)
            return
        if verdict is not None:
            send = _adding(send, verdict.headers())  # what is left of the caller's rate
        if self.door.serves(scope) and (path == EVENTS or self._from_within(scope)):
            await self.door(scope, receive, send)
        elif path == "/api/stream":
            await self.streams(scope, receive, send)
        elif path == "/healthz":
            await asgi.respond(send, 200, b'{"status": "ok"}')
        elif path == "/readyz":
            await self._ready(send)
        elif path == "/metrics":
            await self._metrics(scope, send)
        else:
            await self.proxy(scope, receive, send)

    def _from_within(self, scope: Scope) -> bool:
        """Quarantine is settled here for our own processes alone: they have asked who may, and write it into the audit chain."""
        token = tokens.bearer(asgi.header(scope, b"authorization"))
        return token is not None and self.keys.find(token) is EVERYTHING

    async def _ready(self, send: Send) -> None:
        checks = {
            "door": await self._probe(),
            "web": health.web(*await self.proxy.alive()),
            "worker": await asyncio.to_thread(health.worker, self.data),
        }
        ready = all(check["ok"] for check in checks.values())
        body = msgspec.json.encode({"ready": ready, "checks": checks})
        await asgi.respond(send, 200 if ready else 503, body, more=[] if ready else [(b"retry-after", b"2")])

    async def _probe(self) -> dict[str, object]:
        """An empty transaction in the writing thread, in its turn behind what waits."""

        def commit() -> None:
            if shutil.disk_usage(self.data).free < SPARE_BYTES:
                raise StorageFull
            self.log.probe()

        began = time.perf_counter()
        try:
            await asyncio.wait_for(self.committer.call(commit), health.COMMIT_SECONDS)
        except (VongLauError, TimeoutError) as problem:
            return {
                "ok": False,
                "why": " ".join(
                    filter(None, (str(problem) or "The log's writer does not come back.", self.committer.pace.slow()))
                ),
            }
        slow = self.committer.pace.slow()
        return {
            "ok": True,
            "commit_ms": round((time.perf_counter() - began) * 1000, 2),
            **({"why": slow} if slow else {}),
        }

    async def _metrics(self, scope: Scope, send: Send) -> None:
        """To this machine, and to programmes with the scope `read`: figures tell a stranger too much."""
        token = tokens.bearer(asgi.header(scope, b"authorization"))
        grant = self.keys.find(token) if token else None
        if not (_here(scope) or (grant is not None and "read" in grant.scopes)):
            detail = "Metrics are for this machine, or for a token with the scope `read`."
            await asgi.problem(send, 403, "Forbidden", detail)
            return
        try:
            with outages.translated():
                await asyncio.to_thread(self.numbers.write)
                body = await asyncio.to_thread(exposition, self.data)
        except Unavailable as problem:
            await asgi.failed(send, problem)
            return
        await asgi.respond(send, 200, body, b"text/plain; version=0.0.4; charset=utf-8")

    # what goes on beside the requests

    async def _every(self, seconds: float, task: Callable[[], Awaitable[None]]) -> None:
        """A supervisor: what fails is logged, once while it is the same, and tried again."""
        failing, name = Failing(), getattr(task, "__name__", str(task)).strip("_")
        while True:
            try:
                await task()
                if (was := failing.well()) is not None:
                    log.warning("%s works again after %d failures in %.0f s", name, *was)
            except Exception as problem:
                outage = outages.outage(problem)
                if failing.worth_saying(outage or problem):
                    if outage is not None:
                        log.error("%s waits: %s", name, outage)
                    else:
                        log.exception("%s failed; it is tried again", name)
            await asyncio.sleep(seconds)

    async def _refresh(self) -> None:
        if self.keys.stale():
            await asyncio.to_thread(self.keys.refresh)
        if self.clocks.stale():
            await asyncio.to_thread(self.clocks.refresh)

    async def _write(self) -> None:
        await asyncio.to_thread(self.numbers.write)

    async def _seal(self) -> None:
        """Move the older half of a long tail to Parquet, never past what a detector has yet to fold."""
        longest = settings.VONGLAU_TAIL
        if self.log.tail_rows() < longest:
            return
        through = await asyncio.to_thread(_folded)
        rows = await asyncio.to_thread(self.log.seal, keep=longest // 2, through=through)
        if not rows:
            return
        self.numbers.count("vonglau_sealed_rows", rows)
        log.info("sealed", extra={"rows": rows, "through": through})

    async def _retain(self) -> None:
        """Once a day, and a while after the start: what has been kept long enough goes."""
        await asyncio.sleep(RETAIN_AFTER_SECONDS)
        if not isinstance(self.log, retaining.Keeping):
            return
        taken, renewed = await asyncio.to_thread(retaining.run, self.log, "the server")
        if taken or renewed:
            log.info("retention", extra={"events": sum(one.rows for one in taken), "renewed": renewed})

    def _measure(self) -> None:
        counters, numbers = self.door.counters, self.numbers
        numbers.total("vonglau_events", counters.accepted, outcome="accepted")
        numbers.total("vonglau_events", counters.duplicates, outcome="duplicate")
        numbers.total("vonglau_events", counters.quarantined, outcome="quarantined")
        for status, count in dict(counters.statuses).items():
            numbers.total("vonglau_door_requests", count, status=str(status))
        numbers.spread("vonglau_commit_seconds", [float(n) for n in counters.commit_histogram], counters.commit_s)
        numbers.gauge("vonglau_commit_recent_seconds", round(self.committer.pace.seconds(), 4))
        numbers.gauge("vonglau_queue_items", counters.waiting)
        numbers.gauge("vonglau_stream_clients", self.streams.open)
        numbers.gauge("vonglau_log_head", self.log.head())
        numbers.gauge("vonglau_tail_rows", self.log.tail_rows())
        since = self.log.tail_since_us()
        numbers.gauge("vonglau_tail_age_seconds", max(0.0, time.time() - since / 1e6) if since else 0.0)


def _adding(send: Send, headers: asgi.Headers) -> Send:
    """Adds these to the answer's own headers."""

    async def adding(message: asgi.Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return adding


def _here(scope: Scope) -> bool:
    """Asked from this very machine, and not passed on by a proxy on it."""
    client = (scope.get("client") or ("", 0))[0]
    return client in ("127.0.0.1", "::1") and asgi.header(scope, b"x-forwarded-for") is None


def _folded() -> int:
    """The position up to which every installed detector has folded and saved."""
    readers = [reader_of(detector) for _service, detector in seams.detectors()]
    done = dict(Cursor.objects.filter(pk__in=readers).values_list("pk", "position"))
    return min((done.get(reader, 0) for reader in readers), default=0)

"""One ASGI application on one socket that the supervisor opened, in this very process.

granian's embedded server: no second process to lose, and the socket outlives us, so that clients wait in its queue instead of being
refused while a process is started again.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

log = logging.getLogger("vonglau.serving")

BACKLOG = 2048
STOP_SECONDS = 3


class InheritedServer(Server):
    """Serves a listening socket it was given."""

    def __init__(self, application: Any, descriptor: int, *, unix: bool, at_once: int) -> None:
        super().__init__(
            application,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=at_once,
            log_enabled=False,
        )
        self.descriptor, self.unix = descriptor, unix
        self.workers_kill_timeout = STOP_SECONDS

    def _init_shared_socket(self) -> None:
        # Their type stub knows the holder as something that only they make.
        holder: Any = SocketHolder
        self._shd = holder(self.descriptor, self.unix, BACKLOG)


async def serve(
    application: Any,
    descriptor: int,
    *,
    unix: bool,
    at_once: int,
    stop: asyncio.Event,
    on_stop: Callable[[], Awaitable[None]],
) -> None:
    """Serve until `stop` is set. `on_stop` runs first: it ends what would never end by itself (streams)."""
    server = InheritedServer(application, descriptor, unix=unix, at_once=at_once)
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    await on_stop()
    server.stop()  # type: ignore[no-untyped-call]
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(serving, STOP_SECONDS + 1)


def stop_event() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def run(main: Callable[[], Awaitable[None]]) -> None:
    uvloop.run(main())  # type: ignore[arg-type]


def hold_collector() -> None:
    """No cyclic garbage is looked for until `set_aside`: a start makes a hundred thousand objects that stay, and would be walked again
    and again (a seventh of its processor time, measured)."""
    gc.disable()


def set_aside() -> None:
    """The start is over: what it made stays until the end, and the collector never walks it again. A full collection would, now and
    then, and hold up the fold or every stream for 60 to 90 ms (measured); so it has only what came since."""
    gc.freeze()
    gc.enable()


def raise_open_files() -> None:
    """Every stream is an open file: take as many as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def follow_life(descriptor: int) -> None:
    """End when the supervisor ends, however it ends: its side of the pipe closes with it."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            os.read(descriptor, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="life", daemon=True).start()

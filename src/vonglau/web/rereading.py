"""Looking again in the state's tables for what the door does not know yet: a world or a token that was made a moment ago."""

import asyncio
import time
from collections.abc import Callable


class Rereading:
    """A read that begins after one asked for it; whoever asks meanwhile shares it, and between two reads there is a pause.

    So what exists when a request comes is never taken for missing because a read that began before was still under way, and who
    asks for what never existed costs a read per pause however often he asks. Of one event loop.
    """

    def __init__(self, read: Callable[[], object], pause: float) -> None:
        """`read` runs in a thread. `pause`: seconds from the start of one read to the next."""
        self._read, self._pause = read, pause
        self._began = float("-inf")
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    async def again(self) -> None:
        """Return when such a read is over; raises what it raised."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._run())
        await asyncio.shield(self._next)

    async def _run(self) -> None:
        async with self._turn:
            await asyncio.sleep(max(0.0, self._began + self._pause - time.monotonic()))
            self._next, self._began = None, time.monotonic()
            await asyncio.to_thread(self._read)

"""The lean door alone, as one ASGI application for `bench.ingest`: every check, durable, nothing else in the process."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vonglau.core.events import EventType
from vonglau.engines import open_writer
from vonglau.gateways.events.commit import Committer
from vonglau.gateways.events.door import Door, Grant
from vonglau.services.traffic.payloads import EVENT_TYPE, Measured

TOKEN = "bench"
GRANT = Grant("bench", frozenset({"events:write"}), frozenset({"live"}))


class Application:
    def __init__(self) -> None:
        self.door: Door | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self.door is not None:
            await self.door(scope, receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        log = open_writer(Path(os.environ["VONGLAU_BENCH_DATA"]))
        self.door = Door(
            Committer(log),
            types={EVENT_TYPE: EventType(name=EVENT_TYPE, title={"en": "Measurement"}, payload=Measured)},
            authorise={TOKEN: GRANT}.get,
            clock=lambda world: datetime.now(UTC),
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.door.close()
        log.close()
        await send({"type": "lifespan.shutdown.complete"})


app = Application()

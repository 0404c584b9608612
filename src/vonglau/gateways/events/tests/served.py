"""The door as granian serves it, for test_server.py."""

import os
from datetime import UTC, datetime
from typing import Any

from vonglau.engines import open_writer
from vonglau.gateways.events.commit import Committer
from vonglau.gateways.events.door import Door
from vonglau.gateways.events.tests.helpers import GRANTS, TYPES

_open: dict[str, Any] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await _open["door"](scope, receive, send)
        return
    await receive()
    _open["log"] = open_writer(os.environ["VONGLAU_TEST_DATA"])
    _open["door"] = Door(
        Committer(_open["log"]), types=TYPES, authorise=GRANTS.get, clock=lambda world: datetime.now(UTC)
    )
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await _open["door"].close()
    _open["log"].close()
    await send({"type": "lifespan.shutdown.complete"})

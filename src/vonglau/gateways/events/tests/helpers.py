"""Events as senders write them, and a door to send them to."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from vonglau.core.events import EventType
from vonglau.engines import open_writer
from vonglau.gateways.events.commit import Committer
from vonglau.gateways.events.decode import Bounds
from vonglau.gateways.events.door import Door, Grant

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DECLARED = "vn.example.measured"
STRUCTURED = b"application/cloudevents+json"
BATCH = b"application/cloudevents-batch+json"


class Lane(msgspec.Struct, forbid_unknown_fields=True):
    speed: Annotated[float, msgspec.Meta(ge=0)]


class Payload(msgspec.Struct, forbid_unknown_fields=True):
    value: Annotated[float, msgspec.Meta(ge=0)]
    lanes: list[Lane] = []
    names: dict[str, int] = {}


TYPES = {
    DECLARED: EventType(name=DECLARED, title={"en": "Measured"}, payload=Payload),
    "vn.example.free": EventType(name="vn.example.free", title={"en": "Free"}, payload=None),
}

GRANTS = {
    "writer": Grant("writer", frozenset({"events:write"})),
    "drill": Grant("drill", frozenset({"events:write", "quarantine:write"}), frozenset({"drill-1"})),
    "mender": Grant("mender", frozenset({"events:write", "quarantine:write"}), frozenset({"live", "drill-1"})),
    "camera": Grant("camera", frozenset({"events:write"}), frozenset({"live"}), ("/sensors/7", "urn:vn:dn:camera:")),
    "reader": Grant("reader", frozenset({"read"})),
}


def cloud_event(n: int = 0, **changed: Any) -> dict[str, Any]:
    """A good event of an undeclared type; None removes a member."""
    usual = {
        "specversion": "1.0",
        "id": f"e{n}",
        "source": "/sensors/7",
        "type": "vn.example.seen",
        "time": "2026-01-01T12:00:00Z",
        "data": {"n": n},
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def bounds(worlds: frozenset[str] | None = None, now: datetime | None = NOW) -> Bounds:
    return Bounds(worlds, lambda world: now)


class Answer:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = json.loads(b"".join(one.get("body", b"") for one in messages[1:]))


async def post(
    door: Door,
    body: bytes | list[bytes],
    media: bytes = STRUCTURED,
    token: str | None = "mender",
    path: str = "/api/events",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    """One request; a list is sent chunk by chunk."""
    chunks = list(body) if isinstance(body, list) else [body]
    sent = list(headers) + ([(b"content-type", media)] if media else [])
    if token is not None:
        sent.append((b"authorization", b"Bearer " + token.encode()))
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await door({"type": "http", "method": "POST", "path": path, "headers": sent}, receive, send)
    return Answer(messages)


@asynccontextmanager
async def open_door(folder: Any, clock: Callable[[str], datetime | None] = lambda world: NOW, **options: Any):
    log = open_writer(folder)
    door = Door(Committer(log, **options), types=TYPES, authorise=GRANTS.get, clock=clock)
    try:
        yield door, log
    finally:
        await door.close()
        log.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))

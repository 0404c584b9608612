"""The lean door: `POST /api/events` and the mending of quarantined items, as one ASGI callable without Django.

A problem is answered as RFC 9457 says; an answer of 202 means that every item is durable, in the log or in quarantine.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from vonglau.core.errors import BadInput, NotAllowed, NotFound, VongLauError
from vonglau.core.events import Event, EventType, Fault
from vonglau.core.log import Outcome, Receipt, Rejected
from vonglau.gateways.events import modes
from vonglau.gateways.events.commit import Committer
from vonglau.gateways.events.decode import FOREIGN, Bounds, Clock, Decoder, rejected
from vonglau.kit.asgi import Receive, Scope, Send, failed, header, respond

EVENTS = "/api/events"
_QUARANTINE = re.compile(r"/api/quarantine/([0-9]{1,18})/(resubmit|discard)\Z")
_SLICE = 500
"""Items decoded before other requests get a turn: some 2 ms."""

WRITE, MEND = "events:write", "quarantine:write"

DRAINED_BYTES = 128 << 20
DRAIN_SECONDS = 10.0
"""How much of a body that is too large is read and thrown away, and for how long, so that its sender sees the 413."""


Meet = Callable[[Iterable[str]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token may do. `worlds` None: any. `sources`: what the source of its events begins with; none given: anything."""

    name: str
    scopes: frozenset[str]
    worlds: frozenset[str] | None = None
    sources: tuple[str, ...] = ()


class Unauthorised(VongLauError):
    """Send a valid token: `Authorization: Bearer …` (made with `vonglau token create`)."""

    status = 401
    title = "Unauthorised"


class Unprocessable(BadInput):
    """The event cannot be taken as it is; nothing has changed."""

    status = 422
    title = "Not an event"


class Door:
    """Takes events. `authorise` is asked for every request and should be cheap; `clock` says what time it is in a world.

    Mounted by what stands before it, for the requests that `serves` accepts. `close` it before the event loop ends.
    """

    def __init__(
        self,
        committer: Committer,
        *,
        types: Mapping[str, EventType],
        authorise: Callable[[str], Grant | None],
        clock: Clock,
        meet: Meet | None = None,
    ) -> None:
        """`meet` looks again for worlds that the clock does not know, and says whether one of them is there now."""
        self.committer = committer
        self.counters = committer.counters
        self._decoder = Decoder(types)
        self._authorise = authorise
        self._clock, self._meet = clock, meet

    @staticmethod
    def serves(scope: Scope) -> bool:
        """True for requests that are answered here; everything else, such as GET, belongs to others."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        path = scope["path"]
        return path == EVENTS or bool(_QUARANTINE.match(path))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one POST. Any other request is not found."""
        try:
            if scope["path"] == EVENTS:
                status, body = 202, await self._events(scope, receive)
            else:
                status, body = 200, await self._mend(scope, receive)
            await respond(send, status, body)
        except VongLauError as error:
            status = error.status
            await failed(send, error)
        self.counters.statuses[status] = self.counters.statuses.get(status, 0) + 1

    async def close(self) -> None:
        """Stop accepting, write and answer what waits."""
        await self.committer.close()

    def grant(self, scope: Scope, needed: str) -> Grant:
        """Whose request this is. Raises `Unauthorised` and `NotAllowed`."""
        scheme, _, token = (header(scope, b"authorization") or b"").partition(b" ")
        found = self._authorise(token.strip().decode("latin-1")) if scheme.lower() == b"bearer" else None
        if found is None:
            raise Unauthorised
        if needed not in found.scopes:
            raise NotAllowed(f"The token {found.name!r} lacks the scope {needed}.")
        return found

    async def _events(self, scope: Scope, receive: Receive) -> bytes:
        grant = self.grant(scope, WRITE)
        self.committer.admit()
        body = await _body(scope, receive)
        items = await self._decoded(scope, body, grant)
        if grant.sources and items and all(map(_foreign, items)):
            raise NotAllowed(f"{items[0].fault.reason} Nothing was kept.", pointer="/source")  # type: ignore[union-attr]
        receipts = await self.committer.submit(items, grant.name)
        return _answer(items, receipts)

    async def _decoded(self, scope: Scope, body: bytes, grant: Grant) -> list[Event | Rejected]:
        """The items; once more when they name a world that was made a moment ago, so that they don't go to quarantine for it."""
        bounds = Bounds(grant.worlds, self._clock, grant.sources)
        items = await self.decode(scope["headers"], body, bounds)
        if self._meet is not None and bounds.missing and await self._meet(bounds.missing):
            items = await self.decode(scope["headers"], body, Bounds(grant.worlds, self._clock, grant.sources))
        return items

    async def decode(self, headers: modes.Headers, body: bytes, bounds: Bounds) -> list[Event | Rejected]:
        """The items of a request; other requests get a turn in between."""
        received = modes.read(headers, body)
        if received.fault is not None:
            return [rejected(bytes(received.pieces[0]), received.fault, bounds)]
        items: list[Event | Rejected] = []
        for start in range(0, len(received.pieces), _SLICE):
            if start:
                await asyncio.sleep(0)
            items += self._decoder.items(received.pieces[start : start + _SLICE], bounds, clean=received.clean)
        return items

    async def _mend(self, scope: Scope, receive: Receive) -> bytes:
        """Resubmit a quarantined item as the mended event in the body, or discard it."""
        asked = _QUARANTINE.match(scope["path"])
        if asked is None:
            raise NotFound("There is nothing here; events go to POST /api/events.")
        grant = self.grant(scope, MEND)
        id, step = int(asked[1]), asked[2]
        if step == "discard":
            await self.committer.settle(id, "discarded", worlds=grant.worlds)
            return msgspec.json.encode({"outcome": "discarded"})
        items = await self._decoded(scope, await _body(scope, receive), grant)
        if len(items) != 1:
            raise BadInput("Send the one mended event as the body.")
        (mended,) = items
        if isinstance(mended, Rejected):
            raise Unprocessable(mended.fault.reason, pointer=mended.fault.pointer)
        receipt = await self.committer.settle(id, "resubmitted", mended, worlds=grant.worlds)
        if receipt is None or receipt.fault is not None:
            fault = receipt.fault if receipt is not None and receipt.fault is not None else Fault("", "")
            raise Unprocessable(fault.reason, pointer=fault.pointer)
        return msgspec.json.encode({"outcome": receipt.outcome, "pos": receipt.pos})


def _foreign(item: Event | Rejected) -> bool:
    return isinstance(item, Rejected) and item.fault.reason.startswith(FOREIGN)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The request's body. Raises `TooLarge` when it is, whatever Content-Length claims, and keeps nothing of what is beyond."""
    length = header(scope, b"content-length")
    claimed = int(length) if length is not None and length.isdigit() else 0
    chunks: list[bytes] = []
    size = 0
    while claimed <= modes.BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("The request ended before its body was complete; nothing was kept.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > modes.BODY_BYTES:
            break
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    chunks.clear()
    if claimed <= DRAINED_BYTES:
        with suppress(TimeoutError):
            await asyncio.wait_for(_drain(receive), DRAIN_SECONDS)
    raise _too_large()


async def _drain(receive: Receive) -> None:
    """Let a sender finish, within bounds: most clients read no answer before they have sent all they had to say."""
    size = 0
    while size <= DRAINED_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


def _too_large() -> modes.TooLarge:
    return modes.TooLarge(f"The body is larger than {modes.BODY_BYTES >> 20} MiB: send it in parts.")


def _answer(items: list[Event | Rejected], receipts: list[Receipt]) -> bytes:
    """Counts, and why which item waits in quarantine."""
    accepted = duplicates = 0
    quarantined = []
    for index, receipt in enumerate(receipts):
        if receipt.outcome is Outcome.ACCEPTED:
            accepted += 1
        elif receipt.outcome is Outcome.DUPLICATE:
            duplicates += 1
        else:
            fault = receipt.fault or Fault("", "")
            quarantined.append(
                {
                    "index": index,
                    "id": items[index].id,
                    "pointer": fault.pointer,
                    "reason": fault.reason,
                    "quarantine_id": receipt.quarantine_id,
                }
            )
    return msgspec.json.encode({"accepted": accepted, "duplicates": duplicates, "quarantined": quarantined})

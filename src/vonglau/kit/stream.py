"""GET /api/stream?world=&after= : the change stream (SSE). Contract 9 of the house.

Served beside Django, to accounts (session cookie) and programmes (Bearer token with scope `read`). It starts at the head, with an event
`hello` that names the position and the world's clock, or goes on after `Last-Event-ID` (the header, or `after`). A position that has
been pruned, or that this installation never gave, is answered by an event `reset`: reload, then follow. Who may see what is looked at
again every minute, so that a signed-out or deactivated account is cut.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

import msgspec
from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from vonglau.core import outages
from vonglau.core.errors import BadInput, NotAllowed, VongLauError
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World, world
from vonglau.kit import asgi, hub, tokens
from vonglau.kit.asgi import Receive, Scope, Send
from vonglau.kit.guards import ENROL, chosen_world
from vonglau.kit.hub import Channel, Hub, View

HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 60.0
SLOW_SECONDS = 20.0
"""A client that does not take a message for so long is cut: it resumes by its Last-Event-ID."""
RETRY_MS = 2000
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class SignIn(VongLauError):
    """Sign in, or send a valid token as `Authorization: Bearer …`."""

    status = 401
    title = "Not signed in"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client sent, as far as the stream needs it."""

    session_key: str | None
    token: str | None
    world: str | None
    after: int | None
    address: str = ""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadInput("The position must be a whole number: the `id` of an event of this stream.", pointer="/after")
    return int(text)


def asked(scope: Scope) -> Asked:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    cookies = parse_cookie((asgi.header(scope, b"cookie") or b"").decode("latin-1"))
    last = (asgi.header(scope, b"last-event-id") or b"").decode("latin-1") or query.get("after", [""])[0]
    authorization = asgi.header(scope, b"authorization")
    return Asked(
        session_key=None if authorization else cookies.get(settings.SESSION_COOKIE_NAME),
        token=tokens.bearer(authorization),
        world=query.get("world", [None])[0],
        after=_number(last) if last else None,
        address=str((scope.get("client") or ("",))[0]),
    )


def _actor(what: Asked) -> tuple[Actor | None, Any]:
    """Who asks, and the session if there is one."""
    if what.token:
        token = tokens.find(what.token, what.address)
        return (Actor.of_token(token) if token else None), None
    if not what.session_key:
        return None, None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(what.session_key)
    user = get_user(request)
    if not user.is_authenticated or request.session.get(ENROL):
        return None, request.session
    return Actor.of_user(user), request.session


def admitted(what: Asked) -> tuple[World, View]:
    """The world and view this client may follow. Raises SignIn, NotAllowed, NotFound, Unavailable. For a thread: reads the database."""
    with outages.translated():
        return _admitted(what)


def _admitted(what: Asked) -> tuple[World, View]:
    close_old_connections()
    actor, session = _actor(what)
    if actor is None:
        raise SignIn
    if what.world and not actor.may_enter(what.world):
        raise NotAllowed(f"This token does not reach the world {what.world!r}; its own is {actor.world!r}.")
    of = world(what.world) if what.world else chosen_world(session, actor)
    if policy.may_see_centre(actor):
        return of, View(of.pk)
    if actor.role == "agency" and actor.agency_code:
        return of, View(of.pk, actor.agency_code)
    raise NotAllowed(
        "The change stream needs an account of the centre or of an agency, or a token with the scope `read`."
    )


def _hello(of: World, position: int, name: bytes = b"hello") -> bytes:
    now = of.now().isoformat(timespec="milliseconds")
    data = msgspec.json.encode({"position": position, "world": of.pk, "now": now, "rate": of.rate})
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (position, name, data)


class Streams:
    """The endpoint. `limit` is how many streams may be open at a time."""

    def __init__(self, follow: Hub, limit: int, count: Callable[..., None] = lambda name, **labels: None) -> None:
        self.hub, self.limit, self.count = follow, limit, count
        self.open = 0
        self._talks: set[asyncio.Task[bool]] = set()

    async def close(self) -> None:
        """End every stream: those that listen end by themselves, those that do not are cut a moment later."""
        self.hub.close()
        if self._talks:
            await asyncio.wait(self._talks, timeout=0.5)
        for talk in self._talks:
            talk.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await asgi.problem(
                send, 405, "Method Not Allowed", "The change stream is read with GET.", [(b"allow", b"GET")]
            )
            return
        if self.open >= self.limit or self.hub.closed:
            self.count("vonglau_stream_refused")
            detail = "Too many open streams; come back a little later."
            await asgi.problem(send, 503, "Service Unavailable", detail, [(b"retry-after", b"5")])
            return
        self.open += 1
        try:
            what = asked(scope)
            of, view = await asyncio.to_thread(admitted, what)
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            await self._run(what, of, view, receive, send)
        except SignIn as error:
            await asgi.failed(send, error, [(b"www-authenticate", b'Bearer realm="vonglau"')])
        except VongLauError as error:
            await asgi.failed(send, error)
        finally:
            self.open -= 1

    async def _run(self, what: Asked, of: World, view: View, receive: Receive, send: Send) -> None:
        channel = self.hub.join(view)
        gone = asyncio.ensure_future(_gone(receive))
        talk = asyncio.ensure_future(self._talk(what, of, channel, send))
        self._talks.add(talk)
        try:
            await asyncio.wait([gone, talk], return_when=asyncio.FIRST_COMPLETED)
            if talk.done() and not talk.cancelled() and talk.result():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._talks.discard(talk)
            self.hub.leave(channel)
            for task in (gone, talk):
                task.cancel()

    async def _talk(self, what: Asked, of: World, channel: Channel, send: Send) -> bool:
        """False when the client does not listen any more, so that even an end would not reach it."""
        try:
            await self._tell(what, of, channel, send)
        except TimeoutError:
            self.count("vonglau_stream_cut", reason="slow")
            return False
        except DatabaseError as problem:
            if outages.outage(problem) is None:
                raise
            self.count("vonglau_stream_cut", reason="away")  # the browser comes back by `retry:`
        return True

    async def _tell(self, what: Asked, of: World, channel: Channel, send: Send) -> None:
        cursor, border = channel.end, channel.position
        await say(send, b"retry: %d\n\n" % RETRY_MS)
        await self._catch_up(what.after, border, of, channel.view, send)
        recheck = time.monotonic() + RECHECK_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, hides nothing
        while not self.hub.closed:
            chunk = channel.after(cursor)
            if chunk is None:
                self.count("vonglau_stream_cut", reason="slow")
                return
            if chunk:
                cursor = channel.end
                await say(send, chunk)
            else:
                before = channel.end
                await channel.news(HEARTBEAT_SECONDS)
                if channel.end == before and not self.hub.closed:
                    # The id alone moves the client's Last-Event-ID past what it may not see, so that it is never pruned away.
                    await say(send, b": alive\nid: %d\n\n" % channel.position)
            if time.monotonic() >= recheck:
                if not await self._still(what, channel.view):
                    self.count("vonglau_stream_cut", reason="rights")
                    return
                recheck = time.monotonic() + RECHECK_SECONDS

    async def _catch_up(self, after: int | None, border: int, of: World, view: View, send: Send) -> None:
        """From the asked position to where the channel takes over, page by page from the database."""
        if after is None:
            await say(send, _hello(of, border))
            return
        first = await asyncio.to_thread(hub.oldest)
        if after > border or (first and after < first - 1):
            await say(send, _hello(of, border, b"reset"))
            return
        await say(send, _hello(of, after))
        while after < border:
            entries = await asyncio.to_thread(hub.read, after, hub.PAGE, border, of.pk)
            if not entries:
                return
            after = entries[-1].position
            shown = b"".join(entry.text for entry in entries if view.shows(entry.kind, entry.agency))
            if shown:
                await say(send, shown)

    async def _still(self, what: Asked, view: View) -> bool:
        """Whether the client may still see what it sees."""
        try:
            _of, now = await asyncio.to_thread(admitted, what)
        except VongLauError:
            return False
        return now == view


async def say(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass

"""The web process: Django behind the door's proxy, over a private socket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vonglau.web.settings")

import django

from vonglau.kit import asgi
from vonglau.kit.asgi import Receive, Scope, Send
from vonglau.web.bridge import Bridge

ALIVE = "/-/alive"

django.setup()
bridge = Bridge()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """What only the door can say about a client is taken from its headers: it drops a client's own."""
    if scope["type"] != "http":
        return
    if scope["path"] == ALIVE:
        await asgi.respond(send, 200, b'{"alive": true}')
        return
    forwarded = asgi.header(scope, b"x-forwarded-for")
    if forwarded:
        scope["client"] = (forwarded.decode("latin-1"), 0)
    scope["scheme"] = (asgi.header(scope, b"x-forwarded-proto") or b"http").decode("latin-1")
    await bridge(scope, receive, send)

"""Whole answers and problem documents (RFC 9457) over ASGI, without Django: the door's process never loads it."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from vonglau.core.errors import Unavailable, VongLauError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_REFERENCE = "/api/docs"
"""The page that explains each type of problem; the same as in `kit.problems`."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this name (small letters), None when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


_ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Of no answer a copy is kept, and a browser that opens one by itself takes it for what it is and runs nothing."""


async def respond(send: Send, status: int, body: bytes, media: bytes = b"application/json", more: Headers = ()) -> None:
    headers = [(b"content-type", media), (b"content-length", b"%d" % len(body)), *_ALWAYS, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def failed(send: Send, error: VongLauError) -> None:
    """An error as its problem document; Retry-After where trying again helps, the challenge where a token is missing."""
    more: list[tuple[bytes, bytes]] = []
    if isinstance(error, Unavailable):
        more.append((b"retry-after", b"%d" % error.retry_after))
    if error.status == 401:
        more.append((b"www-authenticate", b"Bearer"))
    slug = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
    document = {
        "type": f"{_REFERENCE}#{slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        **error.extra,
    }
    await respond(send, error.status, msgspec.json.encode(document), b"application/problem+json", more)

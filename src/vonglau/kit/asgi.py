"""The little that plain ASGI endpoints share: types, header look-up, whole answers and problem documents (RFC 9457)."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from vonglau.core.errors import VongLauError
from vonglau.kit import documents

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROBLEM = documents.MEDIA_TYPE.encode()


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this name (small letters), None when there is none."""
    return next((value for key, value in scope["headers"] if key == name), None)


def joined(scope: Scope, name: bytes) -> bytes:
    """All lines of a header as one list, in their order (RFC 9110, 5.3): who adds a line of their own comes last."""
    return b", ".join(value for key, value in scope["headers"] if key == name)


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


async def problem(send: Send, status: int, title: str, detail: str, more: Headers = ()) -> None:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    await respond(send, status, msgspec.json.encode(body), _PROBLEM, more)


async def failed(send: Send, error: VongLauError, more: Headers = ()) -> None:
    """An error of ours as its problem document, with Retry-After where trying again helps."""
    again = [(name.lower().encode(), value.encode()) for name, value in documents.headers(error).items()]
    await respond(send, error.status, msgspec.json.encode(documents.of(error)), _PROBLEM, [*again, *more])

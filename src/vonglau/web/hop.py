"""The hop from the door to web processes on another host: a request is believed only with the door's signature.

The door says for whom it asks (X-Forwarded-For, -Proto, -Host). On one host that goes over a Unix socket in a private folder; over TCP
anybody who reaches the port could say so too. Therefore each request carries a MAC over what the web process acts on, made with a key
that both sides derive from `door.token`. It does not hide what passes: that is the work of the network between the hosts.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Iterable

import msgspec

from vonglau.kit import asgi
from vonglau.kit.asgi import Receive, Scope, Send

log = logging.getLogger("vonglau.hop")

HEADER = "X-Vonglau-Hop"
WINDOW_SECONDS = 60
"""How long a signature holds: more than clocks of one installation may differ, too short to be of use to a listener."""
COVERED = ("host", "cookie", "authorization", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")

Pairs = Iterable[tuple[str, bytes]]
"""Names, and values as they are sent."""


def key_of(token: str) -> bytes:
    """The hop's key from the house's token: whoever learns the one must not hold the other."""
    return hmac.new(token.encode(), b"vonglau web hop 1", hashlib.sha256).digest()


def _mac(key: bytes, at: int, method: str, target: str, headers: Pairs) -> str:
    said: dict[str, list[str]] = {name: [] for name in COVERED}
    for name, value in headers:
        if name.lower() in said:
            said[name.lower()].append(value.decode("latin-1"))
    body = msgspec.json.encode([at, method, target.removesuffix("?"), [said[name] for name in COVERED]])
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def sign(key: bytes, method: str, target: str, headers: Pairs, now: float | None = None) -> str:
    """The header's value for a request with these headers. `target`: path and query as they are sent."""
    at = int(time.time() if now is None else now)
    return f"{at} {_mac(key, at, method, target, headers)}"


def fault(key: bytes, said: str, method: str, target: str, headers: Pairs, now: float | None = None) -> str:
    """Why a request is not the door's; empty when it is."""
    at, _, mac = said.partition(" ")
    if not (at.isascii() and at.isdigit() and len(at) < 12 and mac.isascii()):
        return "it carries no signature of the door"
    if not hmac.compare_digest(mac, _mac(key, int(at), method, target, headers)):
        return "its signature is not of our door: both hosts must hold the same door.token"
    apart = abs((time.time() if now is None else now) - int(at))
    if apart > WINDOW_SECONDS:
        return f"it was signed {apart:.0f} s away from our clock: set the clocks of both hosts (NTP)"
    return ""


class FromTheDoor:
    """An ASGI application that lets the door's requests through, and answers 403 to any other."""

    def __init__(self, application: asgi.Application, key: bytes) -> None:
        self._application, self._key = application, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw = bytes(scope.get("raw_path") or scope["path"].encode())
            query = bytes(scope["query_string"])
            target = (raw + b"?" + query).decode("latin-1")
            pairs = [(name.decode("latin-1"), bytes(value)) for name, value in scope["headers"]]
            signed = (asgi.header(scope, HEADER.lower().encode()) or b"").decode("latin-1")
            why = fault(self._key, signed, scope["method"], target, pairs)
            if why:
                log.warning("a request that is not the door's was refused", extra={"why": why, "from": _peer(scope)})
                await asgi.problem(send, 403, "Forbidden", f"Ask the door: this request was refused, {why}.")
                return
        await self._application(scope, receive, send)


def _peer(scope: Scope) -> str:
    return str((scope.get("client") or ("",))[0])

"""Asking the door: the one process that writes the log. Pages and the worker reach it over HTTP, with a token of the house.

The address is `settings.VONGLAU_DOOR`: `http://host:port`, https where a network lies between, or
`unix:/path/of/socket`. The token lies in `door.token` of the folder of secrets, readable by its owner only.
"""

import http.client
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from vonglau.core import keyfiles
from vonglau.core.errors import Locked, Unavailable

TIMEOUT = 15.0
"""Seconds: a commit takes milliseconds; a door that restarts is back within a few seconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said: the status, and its JSON (an empty object where it sent none)."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def pointer(self) -> str:
        """Which member is at fault (RFC 6901), where the door names one."""
        return str(self.body.get("pointer", ""))

    @property
    def reason(self) -> str:
        """Advice in English, as integrators get it."""
        return str(self.body.get("reason") or self.body.get("detail") or "")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connection() -> http.client.HTTPConnection:
    address = settings.VONGLAU_DOOR
    if address.startswith("unix:"):
        return _UnixConnection(address.removeprefix("unix:"))
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unavailable("No door is set: pages that write the log need `vonglau serve` (VONGLAU_DOOR).")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=TIMEOUT)


def token() -> str:
    try:
        return keyfiles.read(Path(settings.VONGLAU_SECRETS) / keyfiles.DOOR_TOKEN)
    except Locked as problem:
        raise Unavailable(f"The door's token cannot be read: {problem.message}") from problem


def post(path: str, body: bytes = b"", *, content_type: str = "application/json", by: str = "") -> Answer:
    """POST to the door as a part of the house. `by` names the person for whom. Raises Unavailable when it does not answer."""
    link = connection()
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": content_type}
    if by:
        headers["X-Vonglau-By"] = by.encode("ascii", "backslashreplace").decode()
    try:
        link.request("POST", path, body=body, headers=headers)
        response = link.getresponse()
        data = response.read()
    except (OSError, http.client.HTTPException) as problem:
        raise Unavailable("The door does not answer; nothing was changed. Try again in a few seconds.") from problem
    finally:
        link.close()
    answer = Answer(response.status, _object(data))
    if answer.status in (429, 503, 507):
        raise Unavailable(answer.reason or "The door is busy; nothing was changed. Try again in a few seconds.")
    return answer


def _object(data: bytes) -> dict[str, Any]:
    try:
        plain = msgspec.json.decode(data) if data else {}
    except msgspec.DecodeError:
        return {}
    return plain if isinstance(plain, dict) else {}


def resubmit(number: int, event: bytes, *, by: str = "") -> Answer:
    """Hand in the mended CloudEvent (JSON) of a quarantined item. 2xx: it is in the log; 422: still not usable, and why."""
    return post(f"/api/quarantine/{number}/resubmit", event, content_type="application/cloudevents+json", by=by)


def discard(number: int, *, by: str = "") -> Answer:
    """Settle a quarantined item without putting anything into the log; what was sent stays visible."""
    return post(f"/api/quarantine/{number}/discard", by=by)

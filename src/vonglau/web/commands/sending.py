"""Sends events to a running server, with patience: batches, retries, and the pace of what was recorded.

Sent twice is stored once, so whatever was interrupted is simply run again.
"""

import http.client
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vonglau.core.errors import BadInput, Unavailable

BATCH = 1000
BATCH_BYTES = 4 * 1024 * 1024
ATTEMPTS = 30
LONGEST_WAIT = 30.0


@dataclass(slots=True)
class Counts:
    """What became of the events. `failed`: never answered with 202; they are not in the log as far as we know."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    failed: int = 0
    rejected: int = 0
    """Rows that the mapping could not turn into events: not sent, listed in a file of their own."""
    passed_over: int = 0
    """Rows that the mapping's `where` leaves out."""
    unreadable: int = 0
    """Lines that are no JSON object: sent all the same, so that they wait in quarantine; counted here too."""
    seconds: float = 0.0
    retries: int = 0


@dataclass(slots=True)
class Sender:
    """One connection to a server, with patience."""

    url: str
    token: str
    counts: Counts = field(default_factory=Counts)
    _link: http.client.HTTPConnection | None = None

    def send(self, lines: list[bytes]) -> None:
        """One batch. Raises BadInput when the server will never take it, Unavailable when patience ends."""
        self.counts.sent += len(lines)
        try:
            answer = self._patiently(b"[" + b",".join(lines) + b"]")
        except (BadInput, Unavailable):
            self.counts.failed += len(lines)
            raise
        self.counts.accepted += answer["accepted"]
        self.counts.duplicates += answer["duplicates"]
        self.counts.quarantined += len(answer["quarantined"])

    def _patiently(self, body: bytes) -> dict[str, Any]:
        why = ""
        for attempt in range(ATTEMPTS):
            wait = min(LONGEST_WAIT, 0.5 * 2**attempt)
            try:
                status, headers, said = self._post(body)
            except (OSError, http.client.HTTPException) as gone:
                self.close()
                why = f"{self.url} does not answer ({gone})"
                if attempt >= 8:
                    break
            else:
                if status == 202:
                    found: dict[str, Any] = msgspec.json.decode(said)
                    return found
                why = f"the server answered {status}: {_detail(said)}"
                if status not in (429, 502, 503, 504, 507):
                    raise BadInput(f"Stopped: {why}")
                with suppress(ValueError):
                    wait = min(LONGEST_WAIT, max(0.1, float(headers.get("retry-after", ""))))
            self.counts.retries += 1
            time.sleep(wait)
        raise Unavailable(
            f"Stopped after many attempts: {why}. Run the same command again later: what was taken is not stored twice."
        )

    def _post(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.url)
        if self._link is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._link = kind(parts.hostname or "", parts.port, timeout=60)
        self._link.request(
            "POST",
            parts.path.rstrip("/") + "/api/events",
            body,
            {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {self.token}"},
        )
        answer = self._link.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _detail(said: bytes) -> str:
    with suppress(msgspec.DecodeError, TypeError):
        body = msgspec.json.decode(said)
        return str(body.get("detail", body)) if isinstance(body, dict) else str(body)
    return said[:300].decode("utf-8", "replace")


class _Timed(msgspec.Struct):
    time: datetime | None = None


def time_of(line: bytes) -> float | None:
    """Unix time of an event, None where it has none that can be read."""
    with suppress(msgspec.DecodeError, msgspec.ValidationError):
        moment = msgspec.json.decode(line, type=_Timed).time
        return moment.timestamp() if moment is not None and moment.tzinfo is not None else None
    return None


class Pace:
    """Waits so that `speed` seconds of the recording pass in one of ours. None: as fast as the server takes them."""

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self._first: float | None = None
        self._began = 0.0

    def due_in(self, line: bytes) -> float:
        if self.speed is None:
            return 0.0
        moment = time_of(line)
        if moment is None:
            return 0.0
        if self._first is None:
            self._first, self._began = moment, time.monotonic()
        return (moment - self._first) / self.speed - (time.monotonic() - self._began)


def send_all(lines: Iterable[bytes], sender: Sender, speed: float | None, sent: Callable[[], None]) -> None:
    """CloudEvents as JSON texts, in their order; `sent` is called after each batch."""
    pace, size = Pace(speed), 0
    batch: list[bytes] = []
    for line in lines:
        wait = pace.due_in(line)
        if batch and (len(batch) >= BATCH or size >= BATCH_BYTES or wait > 0.02):
            sender.send(batch)
            sent()
            batch, size = [], 0
            wait = pace.due_in(line)
        if wait > 0:
            time.sleep(wait)
        batch.append(line)
        size += len(line)
    if batch:
        sender.send(batch)
        sent()

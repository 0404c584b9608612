"""One POST to a checked address, with every wait bounded: connecting, each read, and all of it together.

Nothing of the house goes along: no cookies, no proxy of the environment, no redirect. Of the answer only the first bytes are read.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from vonglau.core.notify.channel import NotDelivered
from vonglau.gateways.notices.addresses import Allowed, Resolve, Target, resolve, target

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0
ANSWER_BYTES = 2_048
RETRY_MOST = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`words`: the beginning of its body, as text."""

    status: int
    words: str
    retry_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    total: float = TOTAL_SECONDS


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The system's authorities; SSL_CERT_FILE names others."""
    return ssl.create_default_context()


class _Connection(http.client.HTTPConnection):
    """Connects to the address that was checked, and speaks to it under its name."""

    def __init__(self, to: Target, waits: Waits, tls: ssl.SSLContext | None) -> None:
        super().__init__(to.host, to.port, timeout=waits.connect)
        self._to, self._waits, self._tls = to, waits, tls

    def connect(self) -> None:
        plain = socket.create_connection((self._to.address, self._to.port), self._waits.connect)
        self.sock = plain
        if self._to.secure:
            self.sock = (self._tls or _tls()).wrap_socket(plain, server_hostname=self._to.host)
        self.sock.settimeout(self._waits.read)


def post(
    to: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    waits: Waits | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send it. Raises NotDelivered when no answer came; any answer, good or bad, is returned."""
    waits = waits or Waits()
    connection = _Connection(to, waits, tls)
    late = threading.Event()

    def cut() -> None:
        """A sender that drips its answer byte by byte would outlast every single read."""
        late.set()
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(waits.total, cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", to.path, body, dict(headers))
        answer = connection.getresponse()
        words = answer.read(ANSWER_BYTES).decode("utf-8", "replace")
        return Answer(answer.status, " ".join(words.split())[:200], _retry_after(answer.getheader("Retry-After")))
    except ssl.SSLCertVerificationError as problem:
        raise NotDelivered(f"The certificate of {to.host} is not valid: {problem.verify_message}") from problem
    except TimeoutError as problem:
        raise NotDelivered(f"{to.host} did not answer within {waits.read:g} s.") from problem
    except (OSError, http.client.HTTPException, ValueError) as problem:
        if late.is_set():
            raise NotDelivered(f"{to.host} did not finish its answer within {waits.total:g} s.") from problem
        raise NotDelivered(f"{to.host}: {type(problem).__name__}: {problem}") from problem
    finally:
        watch.cancel()
        connection.close()


@dataclass(frozen=True, slots=True)
class Wire:
    """How a channel reaches strangers' addresses. `look_up`, `tls` and `waits` are the usual ones unless a test says otherwise."""

    allowed: Allowed
    look_up: Resolve = resolve
    tls: ssl.SSLContext | None = None
    waits: Waits | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Look the name up, check every address of it, and post to the one that was checked. Raises NotDelivered."""
        return post(target(url, self.allowed, self.look_up), body, headers, waits=self.waits, tls=self.tls)


def _retry_after(said: str | None) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3); None for what is neither."""
    if not said:
        return None
    if said.strip().isascii() and said.strip().isdigit():
        return min(float(said.strip()[:9]), RETRY_MOST)
    try:
        when = parsedate_to_datetime(said)
    except (ValueError, OverflowError):  # the latter for a year or a number beyond all bounds
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), RETRY_MOST)

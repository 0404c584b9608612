"""Where the door finds web processes: a Unix socket on its own host, addresses on others, the least busy first.

Who does not answer is asked last for a few seconds, and never given up: a host that comes back is used again by itself.
"""

import time
from dataclasses import dataclass, field

import aiohttp

from vonglau.web.roles import UNIX, checked

CONNECTIONS = 128
"""Open at a time to one address."""
WAIT_SECONDS = 30.0
"""Until a web process begins to answer."""
CONNECT_SECONDS = 2.0
ALIVE_SECONDS = 1.5
REST_SECONDS = 3.0
"""How long an address that could not be reached is asked last."""


@dataclass(slots=True)
class Backend:
    """One address. `session` is there between `open` and `close`."""

    address: str
    session: aiohttp.ClientSession | None = None
    busy: int = 0
    """Requests on their way."""
    rests_until: float = field(default=0.0)

    @property
    def signed(self) -> bool:
        """Over a network each request proves that it is the door's; a private socket needs no proof."""
        return not self.address.startswith(UNIX)

    @property
    def base(self) -> str:
        return f"http://{self.address}" if self.signed else "http://web"

    def open(self) -> None:
        path = self.address.removeprefix(UNIX)
        connector: aiohttp.BaseConnector = (
            aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=20)
            if self.signed
            else aiohttp.UnixConnector(path=path, limit=CONNECTIONS, keepalive_timeout=20)
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=WAIT_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    def rest(self) -> None:
        self.rests_until = time.monotonic() + REST_SECONDS


class Backends:
    """All of them. `open` in the running loop, `close` at the end."""

    def __init__(self, addresses: list[str]) -> None:
        self.all = [Backend(checked(address)) for address in dict.fromkeys(addresses)]

    def open(self) -> None:
        for one in self.all:
            one.open()

    async def close(self) -> None:
        for one in self.all:
            if one.session is not None:
                await one.session.close()

    def in_turn(self) -> list[Backend]:
        """The order in which to ask: those that rest last, then the least busy first."""
        now = time.monotonic()
        return sorted(self.all, key=lambda one: (one.rests_until > now, one.busy))

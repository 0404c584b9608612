"""What one host of an installation serves: all of it, or some roles, with addresses where the others stand.

A role of a data folder is held by one supervisor at a time. Where the state database is shared by several hosts the worker also waits for
its turn there (`engines/turn.py`), and the log lets one door write.
"""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from vonglau.core import holders
from vonglau.core.errors import BadInput, Unavailable

ROLES = ("door", "web", "worker")
BACKLOG = 2048
UNIX = "unix:"


def checked(address: str) -> str:
    """`host:port`, `[v6]:port` or `unix:/path`. Raises BadInput."""
    if address.startswith(UNIX + "/"):
        return address
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host:
        raise BadInput(f"{address!r} is no address of web processes: give host:port, such as 10.0.0.5:8100.")
    return address


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to serve. Raises BadInput for roles that could not reach each other."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    web: int = 1
    tier: str = "city"
    demo: bool = False
    names: tuple[str, ...] = ()
    """Further host names it answers to."""
    origin: str = ""
    """The public address when a proxy of the operator's stands in front."""
    only: frozenset[str] = frozenset(ROLES)
    web_at: tuple[str, ...] = ()
    """Web processes of other hosts."""
    web_listen: str = ""
    """Where the web processes of this host listen for a door elsewhere; absent: a private socket for the door beside them."""
    door: str = ""
    """Where the door stands when it is not here."""
    shared: bool = False
    """Whether a server keeps the state, so that figures are put there."""

    def encoded(self) -> str:
        """As one word for the supervisor's own process. It holds no secret."""
        plain = {**asdict(self), "data": str(self.data), "only": sorted(self.only)}
        return json.dumps(plain)

    @staticmethod
    def decoded(text: str) -> "Plan":
        plain = json.loads(text)
        lists = {key: tuple(plain[key]) for key in ("names", "web_at")}
        return Plan(**{**plain, **lists, "data": Path(plain["data"]), "only": frozenset(plain["only"])})

    def __post_init__(self) -> None:
        door, web = "door" in self.only, "web" in self.only
        for address in self.web_at:
            checked(address)
        if door and not web and not self.web_at:
            raise BadInput("A door without web processes beside it must know where they are: give --web-at host:port.")
        if self.web_at and not door:
            raise BadInput("--web-at is for the host of the door; this one runs none.")
        if web and not door and not self.web_listen:
            raise BadInput(
                "Web processes without a door beside them need --web-listen host:port, where it reaches them."
            )
        if web and door and self.web_listen:
            raise BadInput("Web processes beside the door are reached over a private socket: leave --web-listen out.")
        if self.web_listen:
            checked(self.web_listen)
        if not door and not self.door:
            raise BadInput("On a host without a door say where it stands: --door http://10.0.0.1:8000 (VONGLAU_DOOR).")


def hold(plan: Plan) -> list[int]:
    """Take the plan's roles of the data folder. The system lets go of them when the process ends, however it ends."""
    folder = plan.data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    held: list[int] = []
    for role in sorted(plan.only):
        try:
            held.append(holders.take(folder / f"{role}.lock"))
        except holders.Taken as who:
            for one in held:
                os.close(one)
            raise Unavailable(
                f"{plan.data} is already being served by {who} ({role}): stop it first, or serve another folder."
            ) from who
    return held


def served_by(data: Path) -> str:
    """Who holds a role of this folder just now; empty when nobody does."""
    return next(filter(None, map(holders.holder, sorted((data / "run").glob("*.lock")))), "")


def listen(address: str) -> socket.socket:
    """A listening socket on `host:port` (port 0: a free one) or `unix:/path`. Raises BadInput when it cannot be had."""
    if address.startswith(UNIX):
        return _listen_unix(Path(address.removeprefix(UNIX)))
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, int(port)))
        opened.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        opened.close()
        raise BadInput(f"Cannot listen on {address} ({error}): choose another --host or --port.") from error
    return opened


def _listen_unix(path: Path) -> socket.socket:
    """Readable by our own user alone: who reaches it is believed. The role's lock says that a socket found there is a dead one's."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        opened.bind(str(path))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise BadInput(f"Cannot listen on unix:{path} ({error}): choose another path.") from error
    finally:
        os.umask(before)
    return opened

"""What the service manager is told (sd_notify): ready, still alive, stopping. Without one, nothing happens."""

import os
import socket
from contextlib import suppress


def say(state: str) -> None:
    """One datagram to the socket the manager named; a manager that does not listen is no reason to stop serving."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
        link.connect(address)
        link.send(state.encode())


def without(environment: dict[str, str]) -> dict[str, str]:
    """For children: only the supervisor speaks to the manager."""
    return {key: value for key, value in environment.items() if key not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}

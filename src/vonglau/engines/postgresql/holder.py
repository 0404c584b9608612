"""One writer per log: an advisory lock of the session that appends.

The lock belongs to the very session in which events are committed. Who loses the session loses the lock, and can append nothing
until both are taken again; so there are never two writers, whatever the network does. A pooler that shares sessions between
transactions would break that: connect to the server itself.
"""

import os
import socket
import time
from dataclasses import dataclass
from typing import Any

from psycopg import errors

from vonglau.core.errors import Unavailable
from vonglau.core.holders import said
from vonglau.engines.database import Database, advisory_key
from vonglau.engines.postgresql.connection import Connection

PATIENCE_SECONDS = 1.0
"""For a session that is just ending."""
DEAD_SECONDS = 30.0
"""A process of this host that has died holds it until its last statement has ended and the server notices. It cannot come back.
Also the longest that a lock is asked for which, between two questions, nobody holds."""
ENDING_SECONDS = 5.0
"""A door that is being stopped writes and answers what waits first."""

_HOLDER = """
SELECT l.pid, a.application_name, a.backend_start FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes this log: a process of a host."""

    key: int

    @classmethod
    def of(cls, database: Database) -> "Holder":
        return cls(advisory_key("log", database.log_schema))

    @staticmethod
    def name() -> str:
        """How others see us in the server's list of sessions, and in the reason they are refused with."""
        return f"vonglau door {socket.gethostname()[:32]} pid {os.getpid()}"

    def take(self, db: Connection, former: int = 0) -> None:
        """Take the lock for this session. `former`: the server's process of a session of ours that was lost; it is ended if it
        still holds the lock. Raises `Unavailable`, naming the holder, when another has it."""
        began = time.monotonic()
        while True:
            row = db.execute("SELECT pg_try_advisory_lock(%s)", (self.key,)).fetchone()
            if row is not None and row[0]:
                return
            holder = db.execute(_HOLDER, (self.key,)).fetchone()
            if holder is not None and holder[0] == former and holder[1] == self.name():
                _end(db, former)
            elif time.monotonic() - began > (DEAD_SECONDS if holder is None or _dead(holder) else PATIENCE_SECONDS):
                raise Unavailable(
                    f"Another process is already writing this event log: {_who(holder)}. "
                    "Only one door may: stop it first, or use another database."
                )
            time.sleep(0.05)

    def refuse_second(self, db: Connection) -> None:
        """Raise `Unavailable`, naming the holder, while another has the lock; take nothing."""
        until = time.monotonic() + ENDING_SECONDS
        while (holder := db.execute(_HOLDER, (self.key,)).fetchone()) is not None:
            if time.monotonic() > until:
                raise Unavailable(
                    f"The events of this database are already being taken by {_who(holder)}. Only one door may: stop it first, serve "
                    "other roles here (--only web, --only worker), or use another database."
                )
            time.sleep(0.1)


def _who(holder: tuple[Any, ...] | None) -> str:
    if holder is None:
        return "another session"
    pid, name, began = holder
    since = f", since {said(began)}" if began is not None else ""
    return f"{name or 'a session'} (server process {pid}){since}"


def _dead(holder: tuple[Any, ...]) -> bool:
    """Whether it calls itself a process of this host that is not there any more. Of another host nobody here can tell."""
    ours, found = Holder.name(), str(holder[1])
    front = ours.removesuffix(str(os.getpid()))
    number = found.removeprefix(front)
    if not found.startswith(front) or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there, and another user's
        return False
    return False


def _end(db: Connection, pid: int) -> None:
    try:
        db.execute("SELECT pg_terminate_backend(%s)", (pid,))
    except errors.InsufficientPrivilege:
        return

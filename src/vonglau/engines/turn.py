"""One process of a kind in the whole installation: who folds, others stand by.

On one machine the supervisor's lock on the data folder says so already. Where a server keeps the state, an advisory lock of the very
session in which the holder commits does: whoever loses the session loses both at once, and the server gives the lock to the next. A
pooler that shares sessions between transactions would break that: connect to the server itself.
"""

from django.db import DatabaseError, connection

from vonglau.engines.database import SCHEMA, STATE_SCHEMA, advisory_key


class Turn:
    """Take, hold and let go in one thread: the one that commits. `what` names the kind of process."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._number = advisory_key(what, connection.settings_dict.get(SCHEMA, STATE_SCHEMA))
        self._session: object | None = None

    def take(self) -> bool:
        """Whether it is ours now. Raises DatabaseError when the server is away."""
        if connection.vendor == "sqlite":
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._number])
            taken = bool(cursor.fetchone()[0])
        self._session = connection.connection if taken else None
        return taken

    def held(self) -> bool:
        """Whether the session that took it still stands; asks the server, so once a second is enough."""
        if connection.vendor == "sqlite":
            return True
        if self._session is None or connection.connection is not self._session:
            return False
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return False
        return True

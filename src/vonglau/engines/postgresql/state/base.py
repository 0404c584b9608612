"""PostgreSQL for Django, with the guarantee the state's code is written for: writes come one after another.

On SQLite every transaction is `BEGIN IMMEDIATE`: it waits for the one before it, sees all of it, and rows become visible in the
order in which they were numbered. Here the same is had by an advisory lock that every write takes first and that ends with its
commit (PostgreSQL lets go of locks once the commit is visible). So a counter, an audit head, a position of the change stream or a
check before an insert is as safe as on SQLite, no two transactions can deadlock, and reads never wait.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from vonglau.engines.database import SCHEMA, STATE_SCHEMA, advisory_key

_WRITES = ("INSERT", "UPDATE", "DELETE")


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with the writer's lock at the beginning of each transaction and around each single write."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.execute_wrappers.append(self._in_turn)
        key = advisory_key("state", self.settings_dict.get(SCHEMA, STATE_SCHEMA))
        self._take = f"SELECT pg_advisory_xact_lock({key})"

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """`atomic` alone passes the second argument, when it begins. A connection that was lost is made again: nothing has
        happened in this transaction yet."""
        begins = force_begin_transaction_with_broken_autocommit and not autocommit
        for last in (False, True):
            super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
            if not begins:
                return
            try:
                with self.wrap_database_errors:
                    self.connection.execute(self._take)
            except OperationalError:
                lost = self.connection.closed
                self.close()
                if last or not lost:
                    raise
            except BaseException:
                self.close()
                raise
            else:
                return

    def _in_turn(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """A write outside of any transaction becomes one of its own."""
        if self.in_atomic_block or not self.get_autocommit() or not str(sql).lstrip().startswith(_WRITES):
            return execute(sql, params, many, context)
        with transaction.atomic(using=self.alias):
            return execute(sql, params, many, context)

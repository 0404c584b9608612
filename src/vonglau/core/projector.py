"""Runs a projection over the log: each stretch in one transaction with its cursor, exactly once."""

import time
from collections import defaultdict
from collections.abc import Callable

from django.db import transaction

from vonglau.core import changes, seams
from vonglau.core.alert_models import Cursor
from vonglau.core.log import Batch, LogReader
from vonglau.core.projection import Locate, Projection

LIMIT = 2_000
"""Events a transaction: some tens of milliseconds, so that people's clicks never wait long."""
PAUSE_SECONDS = 0.001


class Projector:
    """One for each projection, in the worker; a thread of its own, so that a broken one stops nobody else."""

    def __init__(self, reader: LogReader, projection: Projection, locate: Locate, *, limit: int = LIMIT) -> None:
        self.reader, self.projection, self.locate, self.limit = reader, projection, locate, limit
        self.cursor = f"projection/{projection.name}/{projection.version}"
        self._seen = -1

    def follow(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Up to the log's head; nothing when nothing was committed since."""
        version = self.reader.version()
        if version == self._seen:
            return
        while not stopped() and self.step():
            time.sleep(PAUSE_SECONDS)
        self._seen = version

    def step(self) -> int:
        """One stretch of the log. Returns how many positions were passed; 0 at the head.

        The log is read before the transaction begins: reading sealed files may take long, and the state has one writer at a time. Whoever
        else moved the cursor meanwhile has done the work, and the stretch is read again from where it stands.
        """
        while True:
            start = Cursor.objects.filter(pk=self.cursor).values_list("position", flat=True).first()
            batch = seams.upgrades().batch(self.reader.batch(start or 0, self.limit))
            passed = batch.through - (start or 0)
            if start is not None and passed <= 0:
                return 0
            if self._keep(start, batch):
                return max(passed, 0)

    def _keep(self, start: int | None, batch: Batch) -> bool:
        """One stretch and the cursor in one transaction; False when the cursor stands elsewhere by now. `start`: None before the first."""
        rows: dict[str, list[int]] = defaultdict(list)
        for row, type_ in enumerate(batch.type):
            if type_ in self.projection.types:
                rows[batch.world[row]].append(row)
        with transaction.atomic():
            cursor = Cursor.objects.select_for_update().filter(pk=self.cursor).first()
            if (cursor and cursor.position) != start:
                return False
            if cursor is None:
                self.projection.forget()
                cursor = Cursor.objects.create(pk=self.cursor, position=0)
            for world, mine in rows.items():
                self.projection.apply(world, batch.take(mine), self.locate)
                changes.announce(world, "indicator", self.projection.name)
            cursor.position = max(batch.through, cursor.position)
            cursor.save(update_fields=["position"])
        return True

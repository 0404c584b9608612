"""Projections: a service's own tables, kept up to date with its events. What pages list and indicators count.

A detector decides and may not touch a database; a projection only keeps what was said. `apply` runs in one transaction with the
projection's cursor, so every event counts exactly once, whenever the worker is killed. Rows carry their `world`, like everything.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from vonglau.core.log import Batch

Locate = Callable[[float, float], tuple[str, bool]]
"""(lon, lat) → (ward code or "", near a border)."""


class Projection(ABC):
    """Keeps tables. The worker calls `apply` with each stretch of the log that holds events of `types`."""

    name: ClassVar[str]
    """`<service>.<what>`, like a detector's."""
    version: ClassVar[int] = 1
    """Raise it when the tables are to be made anew from the log."""
    types: ClassVar[frozenset[str]]
    """Event types it keeps."""

    @abstractmethod
    def apply(self, world: str, batch: Batch, locate: Locate) -> None:
        """Write rows of one world, in log order, inside the caller's transaction. Events may come late: compare times."""

    @abstractmethod
    def forget(self) -> None:
        """Empty the tables: called once before the log is read from its beginning, for a new projection or version."""

"""Looking at the log's own tables, for `vonglau check`: the same questions on every engine."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from vonglau.engines.history import SealedFile


class Inspection(Protocol):
    """One snapshot of the log's tables, read only; writers go on meanwhile."""

    engine: str
    """sqlite | postgresql"""

    def ask(self, query: str, arguments: Sequence[Any] = ()) -> Iterable[Any]:
        """Rows of a query that every engine understands; `?` stands for an argument."""

    def one(self, query: str, arguments: Sequence[Any] = ()) -> Any:
        """Its first row; None where there is none."""

    def begin(self) -> None:
        """Take the snapshot."""

    def sealed(self) -> list[SealedFile]:
        """The manifest, oldest positions first."""

    def damage(self, *, thorough: bool = False) -> Iterator[str]:
        """What the engine itself finds wrong with its pages and indexes; `thorough` compares every index with its table where that
        is not done anyway."""

    def close(self) -> None: ...

"""The list of rows that are no events: a CSV that is made with the first of them, for people to mend the file or the mapping."""

import csv
from pathlib import Path
from typing import IO, Any

from vonglau.core.errors import BadInput
from vonglau.core.tables.files import shown

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run when it opens the list."""


def inert(cell: object) -> str:
    """A cell that no spreadsheet runs."""
    text = shown(cell) if len(str(cell)) <= 80 else str(cell)[:300]
    return f"'{text}" if text.startswith(FORMULA) else text


class Rejects:
    """Appends to the file only when there is something to say."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self._file: IO[str] | None = None
        self._out: Any = None

    def add(self, source: Path, line: int, column: str, reason: str) -> None:
        if self._file is None:
            try:
                self._file = self.path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise BadInput(
                    f"{self.path} cannot be written ({error.strerror}): choose another --rejects."
                ) from error
            self._out = csv.writer(self._file)
            self._out.writerow(("file", "line", "column", "reason"))
        self.count += 1
        self._out.writerow((inert(source.name), line, inert(column), inert(reason)))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def where(self) -> str:
        return f", listed in {self.path}" if self.count else ""

"""What a file's columns and words hold, and what the mapping makes of them: for a look before anything is kept."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from vonglau.services.field_reports.history.mapping import Mapping
from vonglau.services.field_reports.history.rows import EMPTY, Reject, Row

MOST = 500
"""Different words that are told one by one."""


class Seen:
    """Counts cells by column, and rows by the file's own word for category and status."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.columns = mapping.columns.used()
        self.filled: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.words: dict[str, Counter[str]] = {"category": Counter(), "status": Counter()}
        self._at = {field: self.columns.index(getattr(mapping.columns, field)) for field in self.words}

    def take(self, cells: Sequence[object], row: Row | Reject) -> None:
        for name, cell in zip(self.columns, cells, strict=False):
            self.filled[name] += bool(_text(cell))
        if isinstance(row, Reject):
            self.refused[row.column] += 1
        for field, counted in self.words.items():
            word = _text(cells[self._at[field]])[:120]
            if word in counted or len(counted) < MOST:
                counted[word] += 1

    def told(self) -> dict[str, Any]:
        """`columns`: cells filled, rows left out because of it. `categories`, `statuses`: rows by word, what it becomes (null: nothing).

        `unmapped`: words for categories that the mapping does not name.
        """
        kept = self.mapping.category
        return {
            "columns": {
                name: {"filled": self.filled[name], "rejected": self.refused[name]}
                for name in dict.fromkeys(self.columns)
            },
            "categories": {
                word: {"rows": rows, "becomes": kept.values.get(word, kept.otherwise)}
                for word, rows in self.words["category"].most_common()
            },
            "statuses": {
                word: {"rows": rows, "becomes": self.mapping.status.get(word)}
                for word, rows in self.words["status"].most_common()
            },
            "unmapped": sorted(word for word in self.words["category"] if word not in kept.values),
        }


def _text(cell: object) -> str:
    text = "" if cell is None else str(cell).strip()
    return "" if text.lower() in EMPTY else text

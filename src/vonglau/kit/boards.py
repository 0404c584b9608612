"""The board where the processes of an installation put their figures and signs of life, for the door, the health page and monitors.

One machine: files in the data folder, which cost no commit. Several hosts share no folder, but a state database: rows there
(`board_rows.py`), timed by its clock, so that a host whose own clock is wrong is seen. The supervisor loads no Django, nor does this.
"""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger("vonglau.board")

FRESH_SECONDS = 10.0
"""A process that has put nothing for so long has stopped, or stands still."""

Body = dict[str, Any]
NEEDED = {"process", "role", "at", "pid", "values", "spreads", "beats"}


class Board(Protocol):
    def put(self, body: Body) -> None:
        """Replace what this process put last. Never raises for a store that is away: figures are not worth a process."""

    def read(self) -> list[Body]:
        """What every process put last, by name, its times as the reader's clock would have told them.

        `skew`: seconds its host's clock is ahead of the board's, 0 on one machine."""

    def forget(self, processes: Iterable[str], host: str) -> None:
        """Take these processes of a host off the board."""


class Files:
    """`run/*.json` in the data folder."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "run"
        self._failing = False

    def put(self, body: Body) -> None:
        path = self.folder / f"{body['process']}.json"
        fresh = path.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(body), encoding="utf-8")
            fresh.replace(path)  # in one step, so that a reader never sees half of it
            self._failing = False
        except OSError as error:
            if not self._failing:  # once, not every second
                log.warning("figures cannot be written: %s", error)
            self._failing = True

    def read(self) -> list[Body]:
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError):
                body = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(body, dict) and body.keys() >= NEEDED:
                    found.append({**body, "skew": 0.0})
        return found

    def forget(self, processes: Iterable[str], host: str) -> None:
        for process in processes:
            (self.folder / f"{process}.json").unlink(missing_ok=True)


def of(data: Path) -> Board:
    """The installation's board: files where the state is a file of this machine, rows where a server keeps it."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return Files(data)
    from vonglau.kit.board_rows import Rows

    return Rows()

"""The board where the processes of an installation put their figures and signs of life, for the door, the health page and monitors.

One machine: files in the data folder, which cost no commit. Several hosts share no folder, but a state database: rows there
(`core.beats`), timed by its clock, so that a host whose own clock is wrong is seen.
"""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from django.db import DatabaseError, close_old_connections, connection
from django.db.models.functions import Now

from vonglau.core.beats import Beat

log = logging.getLogger("vonglau.board")

FRESH_SECONDS = 10.0
"""A process that has put nothing for so long has stopped, or stands still."""
SHOWN = timedelta(hours=1)
"""How long a stopped process of a host stays on the board."""

Body = dict[str, Any]
NEEDED = {"process", "role", "at", "pid", "values", "spreads", "beats"}


class Board(Protocol):
    def put(self, body: Body) -> None:
        """Replace what this process put last. Never raises for a store that is away: figures are not worth a process."""

    def read(self) -> list[Body]:
        """What every process put last, by name. `skew`: seconds its host's clock is ahead of the board's, 0 on one machine."""

    def forget(self, processes: Iterable[str], host: str) -> None:
        """Take these processes of a host off the board."""


class Files:
    """`run/*.json` in the data folder."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "run"

    def put(self, body: Body) -> None:
        path = self.folder / f"{body['process']}.json"
        fresh = path.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(body), encoding="utf-8")
            fresh.replace(path)  # in one step, so that a reader never sees half of it
        except OSError as error:
            log.warning("figures cannot be written: %s", error)

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


class Rows:
    """The state database's table of beats. A process is told from its namesake on another host by `name@host`."""

    def put(self, body: Body) -> None:
        name = f"{body['process']}@{body['host']}"
        try:
            close_old_connections()
            Beat.objects.bulk_create(
                [Beat(name=name, at=Now(), body={**body, "process": name})],
                update_conflicts=True,
                unique_fields=["name"],
                update_fields=["at", "body"],
            )
        except DatabaseError as error:
            log.warning("figures cannot be written: %s", error)

    def read(self) -> list[Body]:
        rows = Beat.objects.filter(at__gt=Now() - SHOWN).order_by("name").values_list("at", "body")
        found = []
        for at, body in rows:
            if isinstance(body, dict) and body.keys() >= NEEDED:
                skew = float(body["at"]) - at.timestamp()
                # Ages are told by the board's clock, whatever the host's says.
                beats = {name: when - skew for name, when in body["beats"].items()}
                found.append({**body, "at": at.timestamp(), "beats": beats, "skew": round(skew, 3)})
        return found

    def forget(self, processes: Iterable[str], host: str) -> None:
        with suppress(DatabaseError):
            Beat.objects.filter(pk__in=[f"{process}@{host}" for process in processes]).delete()


def of(data: Path) -> Board:
    """The installation's board: files where the state is a file of this machine, rows where a server keeps it."""
    return Files(data) if connection.vendor == "sqlite" else Rows()

"""The board of several hosts: rows of the state database (`core.beats`)."""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from django.db import DatabaseError, close_old_connections
from django.db.models.functions import Now

from vonglau.core import outages
from vonglau.core.beats import Beat
from vonglau.core.failing import Failing
from vonglau.kit.boards import NEEDED, Body

log = logging.getLogger("vonglau.board")

SHOWN = timedelta(hours=1)
"""How long a stopped process of a host stays on the board."""


class Rows:
    """The state database's table of beats. A process is told from its namesake on another host by `name@host`."""

    def __init__(self) -> None:
        self._failing = Failing()

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
            self._failing.well()
        except DatabaseError as error:
            found = outages.outage(error) or error
            if self._failing.worth_saying(found):  # not every second of an outage
                log.warning("figures cannot be written: %s", found)

    def read(self) -> list[Body]:
        rows = Beat.objects.filter(at__gt=Now() - SHOWN).order_by("name").values_list("at", "body", Now())
        found = []
        for at, body, now in rows:
            if isinstance(body, dict) and body.keys() >= NEEDED:
                # Ages are told by the board's clock, whatever that of who put it says, or that of who reads.
                ahead = time.time() - now.timestamp()
                skew = float(body["at"]) - at.timestamp()
                beats = {name: when - skew + ahead for name, when in body["beats"].items()}
                found.append({**body, "at": at.timestamp() + ahead, "beats": beats, "skew": round(skew, 3)})
        return found

    def forget(self, processes: Iterable[str], host: str) -> None:
        with suppress(DatabaseError):
            Beat.objects.filter(pk__in=[f"{process}@{host}" for process in processes]).delete()

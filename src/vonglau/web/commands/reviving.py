"""A recording of the log becomes a world: made in the database, then sent to the door, or written straight where no server runs."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from vonglau.core.errors import Unavailable
from vonglau.web.commands.base import operator, say
from vonglau.web.commands.places import Place, Told
from vonglau.web.commands.sending import Sender

APPENDED = 1_000
"""Events of one transaction when no server runs and the log is written here."""


def revive(path: Path, world: str | None, place: Place) -> Any:
    """Make the recording's world. It needs the state's database: a server alone cannot take what the detectors knew."""
    if world is None:
        raise click.UsageError("A recording is replayed into a new world of its own: name it with --world.")
    if place.data is None:
        raise click.UsageError(
            "A recording brings what the detectors knew: give the --data folder of the installation too."
        )
    from django.conf import settings

    from vonglau.core import seams
    from vonglau.core.people.policy import Actor
    from vonglau.core.recordings import revive as reviving
    from vonglau.core.worlds import World
    from vonglau.web.worker import locator

    localities = frozenset(World.objects.values_list("locality", flat=True))
    by = Actor(f"cli:{operator()}", "administrator")
    made = reviving.revive(
        path, world, seams.detectors(), by, locator(localities, Path(settings.VONGLAU_DATA) / "cache")
    )
    for name, why in made.empty.items():
        say(f"{name} begins without what it knew ({why}): its alerts may differ.")
    return made


def append(path: Path, world: str, place: Place, sender: Sender, told: Told) -> bool:
    """Straight into the log when no server has it. False when one does: its door takes them."""
    from vonglau.core.log import Outcome
    from vonglau.core.recordings import revive as reviving
    from vonglau.web.opening import open_log

    assert place.data is not None
    try:
        log = open_log(place.data)
    except Unavailable:
        return False
    counts = sender.counts
    try:
        chunk = []
        for event in reviving.events(path, world, partial(told, path)):
            chunk.append(event)
            if len(chunk) >= APPENDED:
                _count(counts, log.append(chunk, by=f"cli:{operator()}"), Outcome)
                chunk = []
        if chunk:
            _count(counts, log.append(chunk, by=f"cli:{operator()}"), Outcome)
    finally:
        log.close()
    return True


def _count(counts: Any, receipts: Any, outcome: Any) -> None:
    counts.sent += len(receipts)
    counts.accepted += sum(one.outcome is outcome.ACCEPTED for one in receipts)
    counts.duplicates += sum(one.outcome is outcome.DUPLICATE for one in receipts)
    counts.quarantined += sum(one.outcome is outcome.QUARANTINED for one in receipts)


def recorded_lines(path: Path, world: str, told: Told) -> Iterator[bytes]:
    from vonglau.core.events import members
    from vonglau.core.recordings import revive as reviving

    for event in reviving.events(path, world, partial(told, path)):
        yield msgspec.json.encode(members(event))

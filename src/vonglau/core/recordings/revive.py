"""A recording becomes a world: made once, with what the detectors knew, before its first event is sent.

Interrupted? Run it again: the world remembers which recording it replays, and events are stored once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from django.db import transaction
from django.utils import timezone

from vonglau.core import alerts, audit
from vonglau.core.alert_models import DetectorState
from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.events import TIME_ASSUMED, WORLD_PATTERN, Event
from vonglau.core.people.policy import Actor
from vonglau.core.recordings import layout
from vonglau.core.seams import Service
from vonglau.core.worlds import World, WorldKind, ensure_world

_extensions = msgspec.json.Decoder(dict[str, str | int | bool])


@dataclass(frozen=True, slots=True)
class Revived:
    """What was made of the recording's head: the states that fit, and the detectors that begin from nothing, with the reason."""

    about: layout.About
    again: bool
    states: int
    empty: dict[str, str]


def revive(
    path: Path,
    world: str,
    detectors: tuple[tuple[Service, Detector], ...],
    by: Actor,
    locate: alerts.Locate | None = None,
) -> Revived:
    """Verify the file and make its world, with the detectors' states and the alerts that were open. Nothing is made of a bad file."""
    if not WORLD_PATTERN.match(world):
        raise BadInput(f"World {world!r}: use up to 63 small letters, digits and hyphens.")
    about = layout.verify(path)
    versions = {detector.name: detector.version for _service, detector in detectors}
    empty = {
        name: about.without.get(name, "not known when it was made")
        if name not in about.detectors
        else f"version {about.detectors[name]} then, {version} now"
        for name, version in versions.items()
        if about.detectors.get(name) != version
    }
    with transaction.atomic():
        if World.objects.filter(pk=world).exists():
            _same(world, about)
            return Revived(about, True, 0, empty)
        start = datetime.fromisoformat(about.start)
        ensure_world(
            world,
            WorldKind.RECORDING,
            about.locality,
            title_vi=about.title_vi,
            title_en=about.title_en,
            seen_until=start,
            own_ticks=True,
        )
        states = _states(path, world, versions)
        _alerts(path, world, detectors, versions, locate)
        body = {
            "at": timezone.now().isoformat(timespec="microseconds"),
            "who": by.name,
            "role": by.role,
            "step": "replay",
            "recording": about.sha256,
            "from": about.world,
            "start": about.start,
            "end": about.end,
        }
        audit.record(f"world/{world}", body)
    return Revived(about, False, states, empty)


def _same(world: str, about: layout.About) -> None:
    """A world replays one recording, its whole life."""
    said = [body.get("recording") for _row, body in audit.rows(f"world/{world}")]
    if about.sha256 not in said:
        raise BadInput(
            f"The world {world!r} is there already and is not this recording's: name a new one with --world."
        )


def _states(path: Path, world: str, versions: dict[str, int]) -> int:
    count, at = 0, layout.COLUMNS.index
    for row in layout.rows(path, layout.STATE):
        detector, version = row[at("detector")], row[at("version")]
        if versions.get(detector) != version:
            continue
        DetectorState.objects.create(
            detector=detector, version=version, world=world, bucket=row[at("bucket")], position=0, dump=row[at("state")]
        )
        count += 1
    return count


def _alerts(
    path: Path,
    world: str,
    detectors: tuple[tuple[Service, Detector], ...],
    versions: dict[str, int],
    locate: alerts.Locate | None,
) -> None:
    known = {detector.name: (service, detector) for service, detector in detectors}
    at = layout.COLUMNS.index
    for row in layout.rows(path, layout.ALERT):
        name = row[at("detector")]
        if versions.get(name) != row[at("version")]:
            continue
        try:
            draft = msgspec.json.decode(row[at("data")], type=AlertDraft)
        except msgspec.MsgspecError as problem:
            raise BadFile(f"{path}: an alert in it cannot be read ({problem}); export it again.") from problem
        alerts.store(world, alerts.Sayer.of(*known[name]), [draft], locate)


def events(path: Path, world: str, progress: Callable[[int], None] = lambda count: None) -> Iterator[Event]:
    """Its events in the order of the log they come from, in their new world. Times that were assumed are given now."""
    at = layout.COLUMNS.index
    names = ("source", "id", "type", "subject", "lon", "lat")
    places = {name: at(name) for name in names}
    for number, row in enumerate(layout.rows(path, layout.EVENT)):
        said = row[at("extensions")]
        extensions = _extensions.decode(said) if said else {}
        extensions.pop(TIME_ASSUMED, None)
        yield Event(
            **{name: row[place] for name, place in places.items()},
            time_us=row[at("time")],
            data=(row[at("data")] or "").encode(),
            world=world,
            extensions=extensions,
        )
        if number % 1_000 == 0:
            progress(number)

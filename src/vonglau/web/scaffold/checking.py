"""`vonglau service check`: everything that can be wrong with an installed service before a city runs on it, each with what to do."""

import importlib.util
import random
import re
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.urls import NoReverseMatch, reverse

from vonglau import kit
from vonglau.core import manifest
from vonglau.core.detection import AlertDraft
from vonglau.core.errors import BadInput
from vonglau.core.events import Event
from vonglau.core.log import Rejected
from vonglau.core.seams import GROUP, DemoEvent, DemoPlan, Service, event_types, services
from vonglau.core.testing import batch, fold, laws, ticking
from vonglau.gateways.events.decode import Bounds, Decoder
from vonglau.web.scaffold import catalogue

PLAN = DemoPlan(
    locality="48", start=datetime(2026, 11, 2, tzinfo=UTC), end=datetime(2026, 11, 3, tzinfo=UTC), seed=1, calm=False
)
"""The day the detectors are tried on."""
CUTS = 6
MOST_EVENTS = 20_000


def find(name: str) -> tuple[Service, Path]:
    """An installed service and its folder. Raises BadInput when there is none of this name, BadManifest when one cannot be loaded."""
    folder = find_folder(name)
    found = {service.name: service for service in services()}
    if name not in found:
        raise BadInput(
            f"pyproject.toml announces {name!r}, and its manifest says another `name`: let both be the same."
        )
    return found[name], folder


def find_folder(name: str) -> Path:
    """The folder of the service that is announced under this name; its manifest need not be right yet."""
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise BadInput(
            f"There is no installed service {name!r}: {', '.join(sorted(points))} are. `pip install -e` its package first."
        )
    spec = importlib.util.find_spec(points[name].module.rpartition(".")[0])
    if spec is None or spec.origin is None:
        raise BadInput(
            f"The service {name!r} stands in no folder: let its manifest be a module service.py of a package."
        )
    return Path(spec.origin).parent


def faults(service: Service, folder: Path) -> Iterator[str]:
    others = frozenset(
        name for other in services() if other is not service for name in (t.name for t in other.event_types)
    )
    yield from manifest.faults(service, others)
    yield from _files(service, folder)
    yield from catalogue.faults(folder)
    yield from _pages(service)
    yield from _tables(service, folder)
    yield from _demo(service)


def _files(service: Service, folder: Path) -> Iterator[str]:
    roots = (folder, folder.parent.parent)
    if not any((root / "README.md").is_file() for root in roots):
        yield "there is no README.md: one page, for whom, what it shows, what it decides, its standards, its limits."
    if not any((root / "tests").is_dir() for root in roots):
        yield "there is no tests/ folder: what is not tested does not stay true."
    if service.detectors and not ((folder / "rules.py").is_file() or (folder / "rules").is_dir()):
        yield "detectors stand in rules.py, where a newcomer looks for them."


def _pages(service: Service) -> Iterator[str]:
    if service.pages and not service.urls:
        yield "there are pages and no `urls`: name the dotted path of its URL module."
    sprite = Path(kit.__file__).parent / "templates" / "kit" / "icons.html"
    icons = set(re.findall(r'id="i-([a-z-]+)"', sprite.read_text(encoding="utf-8")))
    for page in service.pages:
        try:
            reverse(page.url_name)
        except NoReverseMatch:
            yield f"page {page.url_name!r} leads nowhere: `app_name` in its urls.py and the path's name make {service.name}:…"
        except (ImportError, ImproperlyConfigured) as wrong:
            yield f"its URL module {service.urls!r} cannot be loaded: {wrong}."
        if page.icon not in icons:
            yield f"page {page.url_name!r}: there is no icon {page.icon!r}; choose of {', '.join(sorted(icons))}."


def _tables(service: Service, folder: Path) -> Iterator[str]:
    if not (folder / "models.py").is_file():
        return
    try:
        call_command("makemigrations", service.name, check=True, dry_run=True, verbosity=0)
    except SystemExit:
        yield f"models.py and migrations/ differ: run `vonglau service tables {service.name}`."
    except CommandError as wrong:
        yield f"apps.py: let `label` be {service.name!r}, the service's name ({wrong})."


def _demo(service: Service) -> Iterator[str]:
    """Its demonstration day through the door's own checks, and its detectors over that day."""
    if service.demo is None:
        yield "there is no demo day: invent one, so that it can be seen and its detectors tried."
        return
    decoder = Decoder(event_types())
    bounds = Bounds(None, lambda world: None)
    stream: list[Event] = []
    before = PLAN.start
    for item in service.demo(PLAN):
        if item.at < before:
            yield f"its demo day goes back in time, from {before:%H:%M:%S} to {item.at:%H:%M:%S} UTC: give its items in order of `at`."
            return
        before = item.at
        if not isinstance(item, DemoEvent) or len(stream) >= MOST_EVENTS:
            continue
        checked = decoder.item(msgspec.json.encode(dict(item.event)), bounds)
        if isinstance(checked, Rejected):
            yield f"its demo day sends what the door refuses: {checked.fault.pointer} {checked.fault.reason}"
            return
        stream.append(checked)
    if not stream:
        if service.detectors:
            yield f"its demo day has no event in {PLAN.locality}: without them nobody sees what the detectors do."
        return
    yield from _laws(service, stream)


def _laws(service: Service, stream: list[Event]) -> Iterator[str]:
    whole = batch(ticking(stream, every=timedelta(minutes=10)))
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    cuts = [chance.randrange(len(whole)) for _ in range(CUTS)]
    for detector in service.detectors:
        mine = whole.take([row for row, type_ in enumerate(whole.type) if type_ in detector.types])
        make: laws.Make = partial(copy, detector)
        for law in (
            partial(laws.cutting, make, mine, cuts),
            partial(laws.interleaving, make, mine),
            partial(laws.resuming, make, mine, len(mine) // 2),
            partial(laws.well_formed, make, mine),
            partial(laws.pure, make, mine),
        ):
            try:
                law()
            except AssertionError as broken:
                yield str(broken).partition("\n")[0]
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
                yield f"detector {detector.name!r} raises on its own demo day: {type(problem).__name__}: {problem}"
                break
        else:
            yield from _unshared(service, fold(copy(detector), mine)[1])


def _unshared(service: Service, said: Sequence[AlertDraft]) -> Iterator[str]:
    """Alerts without the fact by which their incidents are told apart: they would quietly be joined by nearness."""
    for kind in service.incident_kinds:
        if kind.correlation is None or not (same := kind.correlation.same):
            continue
        lacking = {one.kind: one for one in said if one.kind in kind.correlation.alert_kinds and same not in one.facts}
        for alert in lacking.values():
            yield (
                f"incident kind {kind.code!r} joins alerts of the same {same!r}, and {alert.kind!r} has no such fact: "
                f"it has {', '.join(sorted(alert.facts)) or 'none'}."
            )

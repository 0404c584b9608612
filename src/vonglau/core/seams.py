"""Every extension point, a sentence each. Our own services come in through the same door as a stranger's.

A service is a folder with a `service.py` that builds one `Service`, named in the entry-point group `vonglau.services`:

    [project.entry-points."vonglau.services"]
    traffic = "vonglau.services.traffic.service:service"

What it declares there is everything the rest of the house may know about it. `vonglau service new` writes one that works,
`vonglau service check` says what is wrong with one, docs/howto/add-a-service.md walks through all of it.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.utils.functional import Promise

from vonglau.core.detection import Detector
from vonglau.core.errors import BadManifest
from vonglau.core.events import EventType
from vonglau.core.indicators.definitions import Indicator
from vonglau.core.options import Option
from vonglau.core.projection import Projection
from vonglau.core.versions import Upgrades

Text = str | Promise
"""Words for people: Vietnamese in the code, translated lazily."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKind:
    """An alert's words. `headline` and `explain` turn its facts into one line and a few sentences, in the active language."""

    code: str
    title: Text
    headline: Callable[[Mapping[str, Any]], str]
    explain: Callable[[Mapping[str, Any]], str]
    measures: Callable[[Mapping[str, Any]], tuple[str, str]] | None = None
    """What its series measures, from its facts: (quantity, unit), in the active language; for the chart's axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Which alerts become incidents of a kind, and which join one that is open: near enough in space and time, or of one whole.

    An alert of `alert_kinds` with at least `min_rank` (CAP severity, 4 Extreme … 1 Minor) opens an incident, unless an open one of
    the same kind lies within `metres` and was last fed within `window`: then it joins, and the incident says why.
    """

    alert_kinds: frozenset[str]
    min_rank: int = 2
    metres: float = 300.0
    window: timedelta = timedelta(hours=2)
    same: str = ""
    """Name of a fact, such as the basin of a gauge: alerts in which it is equal join, however far apart, and no others; `metres` is not
    looked at. Empty: nearness decides, as for an alert without the fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentKind:
    """A kind of incident. Services add kinds, never states."""

    code: str
    title: Text
    level: str = "normal"
    """Default level: urgent | normal | complex, or a function of the rank through `urgent_from`."""
    urgent_from: int = 5
    """From this CAP rank on the incident starts as urgent (5: never)."""
    correlation: Correlation | None = None
    agency: str = ""
    """Code of the agency that usually handles it: offered first, never assigned by itself."""
    proof: frozenset[str] = frozenset()
    """Outcomes (`fixed`, …) that need a photo of staff, taken since the assignment, with its place."""
    wording: str = ""
    """Name of a file of `data/reasons/`: its refusals must then name one of its codes, and its templates' blanks be filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """An open incident that may be about the same matter: `ref` to merge into, and what speaks for it."""

    ref: str
    at: datetime
    words: str
    """As the public may read them."""
    reasons: Sequence[str]
    """Short, in the active language, the strongest first: how near, how soon, what is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """An incident's own words next to those of the incidents it may double. A machine proposes: merging is a person's step."""

    words: str
    """As the public may read them."""
    alike: Sequence[Alike]
    """The likeliest first, few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure of how good an aid is."""

    what: Text
    share: float
    """0 to 1."""
    on: Text
    """On which data, of when: what was judged was not learned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aid:
    """An automatic aid as the public register of AI systems tells of it (Law 134/2025/QH15). It proposes; a person decides.

    Texts are for anybody, in the active language: sentences, no identifiers.
    """

    code: str
    title: Text
    purpose: Text
    in_use: bool
    now: Text
    """What does the work at this moment: a model, rules, nothing."""
    version: str = ""
    """Of what is installed: a name people can quote."""
    sha256: str = ""
    """Of the file that is used, so that anybody can see that it is the one that was measured."""
    reads: Text
    """What it is given."""
    learned_from: Text
    learned_until: str = ""
    """ISO 8601: nothing later was learned; "" where nothing was learned."""
    measured: Sequence[Measured] = ()
    command: str = ""
    """Repeats the measurement."""
    decides: Text
    """Who decides, and what happens without them."""
    limits: Sequence[Text]
    objection: Text
    """What somebody can do who is affected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice as it leaves the house, to somebody who has no account."""

    address: str
    """An e-mail address, a telephone number, an address of a webhook, or a browser's push subscription (JSON)."""
    subject: str
    body: str
    """Text; for a browser and a webhook JSON."""
    stop: str = ""
    """Where one press ends them (RFC 8058); empty: nowhere."""
    secrets: tuple[str, ...] = ()
    """`whsec_…`, what a webhook is signed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Notices to people without an account. The outbox names them `<service>/<number>`; how they are reached, and any link that is
    theirs, is asked at the moment of sending, so that neither the outbox nor its pages hold it."""

    of: Callable[[Any], Letter | None]
    """What a notice says and to whom; None: there is nobody left to be told."""
    gone: Callable[[Any], None]
    """The other side wants no more, ever: called in the transaction that records it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page in the navigation: a URL name, and the roles that see it."""

    title: Text
    url_name: str
    roles: frozenset[str]
    icon: str = "sensor"
    """A drawing of kit/icons.html, by its name without `i-`."""
    key: str = ""
    """The letter after `g` that goes there; the first page that wants a letter has it."""
    order: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEvent:
    """Something that happens in the demonstration's day: a CloudEvent for the door, as plain data without `exercise`."""

    at: datetime
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    """Something a person does in the demonstration's day: called by the demo with the world's id when its time has come."""

    at: datetime
    act: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """For which locality and between which moments (UTC) a service is to invent its day; the seed makes it repeatable."""

    locality: str
    start: datetime
    end: datetime
    seed: int
    calm: bool = False
    """Nothing out of the ordinary: a day for detectors to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A city service's manifest. `name` is its database label, its address and its prefix in names.

    The package the manifest stands in is its Django app: `models`, `templates/`, `locale/` and `migrations/` are found there.
    """

    name: str
    title: Text
    event_types: Sequence[EventType] = ()
    detectors: Sequence[Detector] = ()
    projections: Sequence[Projection] = ()
    """What keeps its own tables up to date with its events."""
    alert_kinds: Sequence[AlertKind] = ()
    incident_kinds: Sequence[IncidentKind] = ()
    indicators: Sequence[Indicator] = ()
    pages: Sequence[Page] = ()
    urls: str = ""
    """Dotted path of its URL module, mounted under `/<name>/`; empty when it has no pages."""
    about: Callable[[Any], Sequence[tuple[Text, str]]] | None = None
    """Rows (label, text) the service adds to an incident's page: what the core does not know about it. No personal data."""
    panel: Callable[[Any, Any], str] | None = None
    """(request, incident) → HTML of its own on the incident's page, first of all cards; "" where it has nothing for whoever asks.

    What it holds of persons is its own affair, and so is writing down who looks."""
    pictures: Callable[[Any, Any], Mapping[int, str | None]] | None = None
    """(incident, actor) → of those of the incident's files that the panel shows: by number the address of a picture that stands for
    it everywhere else, "" for none, None for the file itself. The centre serves no file that is not named with None, or not at all."""
    cover: Callable[[str], str] | None = None
    """What somebody without an account wrote → as it stands wherever no look is written down: timelines, the API, for every reader."""
    beside: Callable[[Any], Beside | None] | None = None
    """What an incident may double, for the desk to look at side by side; None when nothing is worth it."""
    aids: Callable[[], Sequence[Aid]] | None = None
    """Its automatic aids as they are now, for the public register of AI systems; asked whenever that is read."""
    stepped: Callable[[Any, str], object] | None = None
    """Told of every change of an incident, (incident, step), within the transaction: what it keeps beside them is never behind.

    Of every kind, since what is its own may be merged into another service's."""
    letters: Letters | None = None
    """How its people without an account are told."""
    demo: Callable[[DemoPlan], Iterable[DemoEvent | DemoCall]] | None = None
    """A believable day of it, in order of time."""
    upkeep: Callable[[], object] | None = None
    """What the worker does for it once an hour, such as taking what has been kept long enough. Safe to repeat."""
    erase_again: Callable[[Sequence[Path]], Sequence[str]] | None = None
    """After a restore, with folders of notes of erasures: what they name and is there again goes. Returns what went, by number."""
    settings: Sequence[Option] = ()
    """Environment variables `VONGLAU_<NAME>_…` an installation may set for it."""


GROUP = "vonglau.services"


@cache
def folders() -> tuple[str, ...]:
    """Dotted path of the package of every installed service: what Django must know before a manifest can be loaded.

    Raises BadManifest for one that is announced and not there.
    """
    found = {point.module.rpartition(".")[0]: point for point in entry_points(group=GROUP)}
    for folder, point in found.items():
        if not folder or not _is_there(folder):
            raise BadManifest(
                f"The service {point.name!r} is announced as {point.value!r}, and there is no package {folder!r}: "
                f"install it again, or uninstall what announces it."
            )
    return tuple(sorted(found))


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


@cache
def services() -> tuple[Service, ...]:
    """Every installed service, in order of name. A manifest that cannot be used stops the start: half a city is no city.

    Raises BadManifest, which says which one and what to do.
    """
    from vonglau.core import manifest

    found = tuple(sorted((_load(point) for point in entry_points(group=GROUP)), key=lambda service: service.name))
    if wrong := list(manifest.clashes(found)):
        raise BadManifest("Services that cannot be in one city: " + " ".join(wrong))
    return found


def _load(point: EntryPoint) -> Service:
    try:
        found = point.load()
    except (ImportError, AttributeError, NameError, SyntaxError, TypeError, ValueError) as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1]
        raise BadManifest(
            f"The service {point.name!r} cannot be loaded from {point.value!r}: {type(problem).__name__}: {problem} "
            f"({where.filename}, line {where.lineno}). Mend that line, or the one under `vonglau.services` in its pyproject.toml."
        ) from problem
    if not isinstance(found, Service):
        raise BadManifest(
            f"{point.value!r} is a {type(found).__name__}: let `service` be one vonglau.core.seams.Service."
        )
    return found


@cache
def event_types() -> dict[str, EventType]:
    """Every declared type by its name: the door checks payloads against these."""
    return {type_.name: type_ for service in services() for type_ in service.event_types}


@cache
def upgrades() -> Upgrades:
    """Brings events of older versions forward, as those who compute read them."""
    return Upgrades(event_types())


@cache
def alert_kinds() -> dict[str, AlertKind]:
    """Every kind of alert by its code: the core's own first, then what services declare."""
    from vonglau.core import stops

    own = AlertKind(code=stops.KIND, title=stops.TITLE, headline=stops.headline, explain=stops.explain)
    return {kind.code: kind for kind in (own, *(kind for service in services() for kind in service.alert_kinds))}


@cache
def incident_kinds() -> dict[str, tuple[Service, IncidentKind]]:
    """Every kind of incident by its code, with the service that handles it."""
    return {kind.code: (service, kind) for service in services() for kind in service.incident_kinds}


@cache
def detectors() -> tuple[tuple[Service, Detector], ...]:
    """Every detector with its service, as the runner takes them."""
    return tuple((service, detector) for service in services() for detector in service.detectors)


@cache
def projections() -> tuple[Projection, ...]:
    """Every projection; each has its own cursor in the log."""
    return tuple(projection for service in services() for projection in service.projections)


@cache
def indicators() -> dict[str, Indicator]:
    """The core's own first, then what services declare."""
    from vonglau.core.indicators.standard import STANDARD

    declared = [*STANDARD, *(indicator for service in services() for indicator in service.indicators)]
    return {indicator.code: indicator for indicator in declared}


def stepped(incident: Any, step: str) -> None:
    """Tell every service that follows incidents of a change of one, within the transaction."""
    for service in services():
        if service.stepped is not None:
            service.stepped(incident, step)


def covered(text: str) -> str:
    """Words of somebody without an account with all covered that any service covers."""
    for service in services():
        if service.cover is not None:
            text = service.cover(text)
    return text

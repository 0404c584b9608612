"""What may be wrong with a service's manifest, each in a sentence that says what to do.

`clashes` are looked for at every start: two services that claim one name would silently hide each other. `faults` are looked for by
`vonglau service check`, whose author can still change them.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from vonglau.core.events import TICK_TYPE
from vonglau.core.indicators.definitions import Unit
from vonglau.core.levels import levels

if TYPE_CHECKING:
    from vonglau.core.seams import Service

NAME = re.compile(r"[a-z][a-z0-9_]{1,38}\Z")
TYPE = re.compile(r"[a-z0-9]+(\.[a-z0-9_-]+){2,}\Z")
FACT = re.compile(r"[a-z]+(_[a-z0-9]+)*\Z")
MAX_BUCKETS = 256


def clashes(services: "Sequence[Service]") -> Iterator[str]:
    """Names that more than one service, or one service twice, claims."""
    claims: dict[tuple[str, str], list[str]] = defaultdict(list)
    for service in services:
        claims["service", service.name].append(service.name)
        for what, codes in (
            ("event type", [one.name for one in service.event_types]),
            ("detector", [one.name for one in service.detectors]),
            ("projection", [one.name for one in service.projections]),
            ("alert kind", [one.code for one in service.alert_kinds]),
            ("incident kind", [one.code for one in service.incident_kinds]),
            ("indicator", [one.code for one in service.indicators]),
            ("setting", [one.name for one in service.settings]),
        ):
            for code in codes:
                claims[what, code].append(service.name)
    for (what, code), by in claims.items():
        if len(by) > 1:
            whose = "twice by " + by[0] if len(set(by)) == 1 else "by " + " and ".join(sorted(set(by)))
            yield f"The {what} {code!r} is declared {whose}: rename one, `<service>_…` or `<service>.…` is free."


def faults(service: "Service", known_types: frozenset[str] = frozenset()) -> Iterator[str]:
    """What is wrong inside one manifest. `known_types`: event types that other installed services declare."""
    if not NAME.match(service.name):
        yield f"name {service.name!r}: use 2 to 39 small letters, digits and underscores, a letter first."
    yield from _events(service)
    yield from _folds(service, known_types)
    yield from _kinds(service)
    for one in service.indicators:
        if one.unit == Unit.PERCENT and one.denominator is None:
            yield f"indicator {one.code!r} is a per cent of nothing: say its `denominator` in words, and count it."
    prefix = f"VONGLAU_{service.name.upper()}_"
    for setting in service.settings:
        if not setting.name.startswith(prefix):
            yield f"setting {setting.name!r}: begin it with {prefix}, so that nobody else's means the same."


def _events(service: "Service") -> Iterator[str]:
    for one in service.event_types:
        if not TYPE.match(one.name):
            yield f"event type {one.name!r}: use your domain backwards and the service, vn.example.{service.name}.what."
        if one.payload is None:
            yield f"event type {one.name!r} has no payload: name a msgspec.Struct, or anything goes into the log."
        elif not (isinstance(one.payload, type) and issubclass(one.payload, msgspec.Struct)):
            yield f"event type {one.name!r}: its payload must be a msgspec.Struct class, not {one.payload!r}."
        elif not one.payload.__struct_config__.forbid_unknown_fields:
            yield f"payload {one.payload.__name__}: add forbid_unknown_fields=True, or a misspelt field is lost unseen."


def _folds(service: "Service", known_types: frozenset[str]) -> Iterator[str]:
    declared = known_types | {one.name for one in service.event_types} | {TICK_TYPE}
    for kind, folds in (("detector", service.detectors), ("projection", service.projections)):
        for fold in folds:
            if not fold.name.startswith(f"{service.name}."):
                yield f"{kind} {fold.name!r}: call it {service.name}.<what>; its cursor and state are kept under that name."
            if unknown := sorted(fold.types - declared):
                yield f"{kind} {fold.name!r} reads {', '.join(unknown)}, which nobody declares: add it to event_types."
            if not fold.types:
                yield f"{kind} {fold.name!r} reads no event type: name some in `types`."
            if fold.version < 1:
                yield f"{kind} {fold.name!r}: versions begin with 1."
    for detector in service.detectors:
        if not 1 <= detector.buckets <= MAX_BUCKETS:
            yield f"detector {detector.name!r}: `buckets` is a number from 1 to {MAX_BUCKETS}, 4 by habit."


def _kinds(service: "Service") -> Iterator[str]:
    own = {kind.code for kind in service.alert_kinds}
    opened: set[str] = set()
    for kind in service.incident_kinds:
        if kind.level not in levels():
            yield f"incident kind {kind.code!r}: there is no level {kind.level!r}; choose of {', '.join(levels())}."
        if kind.correlation is None:
            continue
        opened |= kind.correlation.alert_kinds
        if kind.correlation.same and not FACT.match(kind.correlation.same):
            said = kind.correlation.same
            yield f"incident kind {kind.code!r}: `same` names a fact, in small letters and single underscores, not {said!r}."
        if unknown := sorted(kind.correlation.alert_kinds - own):
            yield f"incident kind {kind.code!r} waits for alerts {', '.join(unknown)}: add them to alert_kinds, or drop them."
    if service.detectors and not own:
        yield "there are detectors and no alert_kinds: say in words what they find."

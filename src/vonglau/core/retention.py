"""How long events are kept: by type and purpose, as facts with their basis, and never shorter than somebody still needs them.

A rule of `data/retention/*.yaml` says for which purpose a type is needed and for how long. Where several purposes need it, the longest
decides; a type that no rule names is kept as its service declares, or for ever. Nothing is removed that a reader has yet to read,
or that stands under an alert whose incident is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vonglau.core.errors import BadFile
from vonglau.core.events import to_us
from vonglau.core.facts import Text, data_path, read_yaml

FILE = ("retention", "vn.yaml")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One purpose for which some types are kept."""

    code: str
    types: tuple[str, ...]
    """Declared names; `vn.example.*` means all that begin so."""
    purpose: Text
    keep_days: int | None
    """From when it happened or was stored, whichever is later. None: for ever."""
    valid_from: date
    basis: str
    """regulation | installation default"""
    source: str
    valid_until: date | None = None

    def __post_init__(self) -> None:
        if self.keep_days is not None and self.keep_days < 1:
            raise ValueError("keep_days is at least 1, or null for ever")
        if self.basis not in ("regulation", "installation default"):
            raise ValueError("basis is `regulation` or `installation default`")

    def names(self, type_: str) -> bool:
        return any(type_.startswith(one[:-1]) if one.endswith("*") else type_ == one for one in self.types)

    def holds(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What decides about a type."""

    days: int | None
    rule: str


class Policy:
    """The rules that hold on a day, with the declared types' own."""

    def __init__(self, rules: Sequence[Rule], day: date) -> None:
        self._rules = [rule for rule in rules if rule.holds(day)]

    @property
    def shortest_days(self) -> int | None:
        """No type is kept for less; None: nothing ever ends."""
        from vonglau.core import seams

        declared = [one.keep_days for one in seams.event_types().values()]
        return min(
            (days for days in [*declared, *(rule.keep_days for rule in self._rules)] if days is not None), default=None
        )

    def kept(self, type_: str) -> Kept:
        """For a `type` as it was sent, of any version."""
        from vonglau.core import seams

        name = seams.upgrades().name(type_)
        found = [rule for rule in self._rules if rule.names(name)]
        if found:
            longest = max(found, key=lambda rule: (rule.keep_days is None, rule.keep_days or 0))
            return Kept(longest.keep_days, longest.code)
        declared = seams.event_types().get(name)
        return Kept(declared.keep_days if declared else None, f"declared by {name}" if declared else "undeclared")


@dataclass(frozen=True, slots=True)
class Needs:
    """What nobody may take away."""

    floor: int
    """Positions beyond it have yet to be read by somebody."""
    held: NDArray[np.int64]
    """Positions under alerts whose incident is open, ascending."""


def policy(day: date) -> Policy:
    """Raises BadFile for rules that cannot be used."""
    path = data_path(*FILE)
    rules = read_yaml(path, _File).rules
    codes = [rule.code for rule in rules]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise BadFile(f"{path}: rule {', '.join(twice)} stands more than once; a code names one rule")
    return Policy(rules, day)


def needs() -> Needs:
    """Read now from the state: cursors of every installed reader, of detectors that stand still behind it and of webhooks that hear of
    the log, and the evidence of open incidents."""
    from vonglau.core import seams
    from vonglau.core.incidents.states import ENDED
    from vonglau.core.models import Alert, Cursor, DetectorStop
    from vonglau.core.notify import fan_out
    from vonglau.core.runner import reader_of

    detectors = [detector for _service, detector in seams.detectors()]
    readers = [reader_of(detector) for detector in detectors]
    readers += [f"projection/{one.name}/{one.version}" for service in seams.services() for one in service.projections]
    done = dict(Cursor.objects.filter(pk__in=readers).values_list("pk", "position"))
    read = [done.get(reader, 0) for reader in readers] + fan_out.positions()
    versions = {(detector.name, detector.version) for detector in detectors}
    stops = DetectorStop.objects.values_list("detector", "version", "position")
    read += [position for name, version, position in stops if (name, version) in versions]
    open_alerts = Alert.objects.exclude(incident__state__in=ENDED).exclude(incident=None, ended__isnull=False)
    held: set[int] = set()
    for evidence in open_alerts.values_list("evidence", flat=True).iterator(2_000):
        held.update(evidence)
    return Needs(min(read, default=2**63 - 1), np.array(sorted(held), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """A policy at a moment: before which moment events of a type go."""

    policy: Policy
    now: datetime

    @property
    def newest_us(self) -> int:
        """No event that happened since then can have expired, whatever its type; µs."""
        shortest = self.policy.shortest_days
        return -(2**63) if shortest is None else to_us(self.now - timedelta(days=shortest))

    def of(self, types: Sequence[str]) -> dict[str, tuple[int, str]]:
        """For those of the types that end: before which moment (µs), and by which rule."""
        kept = {type_: self.policy.kept(type_) for type_ in types}
        return {
            type_: (to_us(self.now - timedelta(days=one.days)), one.rule)
            for type_, one in kept.items()
            if one.days is not None
        }


def described(policy: Policy, types: Sequence[str]) -> list[dict[str, Any]]:
    """For people: every type with what decides about it."""
    return [{"type": type_, "keep_days": (kept := policy.kept(type_)).days, "rule": kept.rule} for type_ in types]

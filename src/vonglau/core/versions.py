"""Payloads change; stored events do not. What an older version says is brought forward when it is read.

A new, incompatible payload is a new CloudEvents `type`, as the specification advises: version 1 of `vn.example.lamp` is sent under that
name, version 2 as `vn.example.lamp.v2`. Both stay welcome at the door, each checked against its own Struct, and both stay in the log
as they were sent. Readers that compute (detectors, projections, history's columns) see one type under the plain name, with the
payload of today.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from vonglau.core.events import EventType
from vonglau.core.log import Batch

_FAULTS = (KeyError, TypeError, ValueError, IndexError, AttributeError, msgspec.MsgspecError)
"""What an upgrader may stumble over in a payload that nobody checked when it was stored."""


def wire(name: str, version: int) -> str:
    """The CloudEvents `type` under which this version of a payload is sent."""
    return name if version == 1 else f"{name}.v{version}"


def payloads(types: Mapping[str, EventType]) -> dict[str, type[Any] | None]:
    """Every `type` the door knows, of each version, and what its payload must be."""
    found: dict[str, type[Any] | None] = {}
    for one in types.values():
        found[wire(one.name, one.version)] = one.payload
        found |= {wire(one.name, version): older.payload for version, older in one.older.items()}
    return found


class Upgrades:
    """Brings what was read to today's versions. Cheap where no declared type has an older version."""

    def __init__(self, types: Mapping[str, EventType]) -> None:
        self._chains: dict[str, tuple[str, tuple[Callable[[Any], Any], ...]]] = {}
        for one in types.values():
            for version in range(1, one.version + 1):
                steps = tuple(one.older[step].upgrade for step in range(version, one.version))
                if one.version > 1:
                    self._chains[wire(one.name, version)] = (one.name, steps)

    def name(self, type_: str) -> str:
        """The declared name of a `type` of any version."""
        return self._chains[type_][0] if type_ in self._chains else type_

    def one(self, type_: str, data: bytes) -> tuple[str, bytes]:
        """Declared name and today's payload. What cannot be brought forward keeps its `type`, so that no reader mistakes it."""
        if type_ not in self._chains:
            return type_, data
        name, steps = self._chains[type_]
        if not steps:
            return name, data
        try:
            said = msgspec.json.decode(data)
            for step in steps:
                said = step(said)
            return name, msgspec.json.encode(said)
        except _FAULTS:
            return f"{name}#unreadable", data

    def batch(self, batch: Batch) -> Batch:
        if not self._chains or self._chains.keys().isdisjoint(batch.type):
            return batch
        pairs = [self.one(type_, data) for type_, data in zip(batch.type, batch.data, strict=True)]
        return replace(batch, type=[name for name, _data in pairs], data=[data for _name, data in pairs])

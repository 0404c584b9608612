"""What history stores beside events in this installation: wards of its localities, numbers of its services' types."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vonglau.core import seams
from vonglau.core.events import EventType
from vonglau.core.places.index import PlaceIndex
from vonglau.core.versions import Upgrades, wire
from vonglau.engines.history.derive import Derive

MAKER = f"{__name__}:make"

Measuring = Callable[[bytes], tuple[str, float] | None]


class Columns:
    """`history.Derive` from an index of wards and the declared types."""

    def __init__(self, index: PlaceIndex, types: dict[str, EventType]) -> None:
        self._index = index
        self._measuring = measuring(types)

    def wards(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Sequence[str | None]:
        codes, _near = self._index.locate_many(lon, lat)
        return [code or None for code in codes.tolist()]

    def measures(
        self, type: Sequence[str], data: Sequence[bytes | None]
    ) -> tuple[Sequence[str | None], NDArray[np.float64]]:
        quantities: list[str | None] = [None] * len(type)
        values = np.full(len(type), np.nan)
        for row, (type_, said) in enumerate(zip(type, data, strict=True)):
            measure = self._measuring.get(type_)
            if measure is not None and said and (found := measure(said)) is not None:
                quantities[row], values[row] = found
        return quantities, values


def measuring(types: dict[str, EventType]) -> dict[str, Measuring]:
    """By `type` of any version: the function that takes a payload as stored and gives its (quantity, value)."""
    upgrades = Upgrades(types)
    return {
        wire(one.name, version): _measuring(one, wire(one.name, version), upgrades)
        for one in types.values()
        if one.measure is not None and one.payload is not None
        for version in range(1, one.version + 1)
    }


def _measuring(one: EventType, type_: str, upgrades: Upgrades) -> Measuring:
    decode, measure = msgspec.json.Decoder[Any](one.payload).decode, one.measure
    assert measure is not None

    def measured(data: bytes) -> tuple[str, float] | None:
        try:
            return measure(decode(upgrades.one(type_, data)[1]))
        except msgspec.MsgspecError:  # stored before the type was declared
            return None

    return measured


def make() -> Derive:
    """For this installation, in any process: it sets Django up where nobody has (the process that writes a sealed file)."""
    import django
    from django.conf import settings

    django.setup()
    from vonglau.core.worlds import World

    localities = frozenset(World.objects.values_list("locality", flat=True))
    index = PlaceIndex.open(Path(settings.VONGLAU_DATA) / "cache", localities or None)
    return Columns(index, seams.event_types())

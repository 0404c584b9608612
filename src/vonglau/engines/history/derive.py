"""What history stores beside an event: the ward it lies in, and the number it says. Injected, because the engine knows no city.

A `Derive` is made by a function that is named in the environment, because the process that writes a file is another one than the
door and must find it too. Where nothing is named, both stay empty, and `vonglau retention` fills them in later.
"""

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SETTING = "VONGLAU_DERIVE"


class Derive(Protocol):
    """Vectorised over the rows of a row group."""

    def wards(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Sequence[str | None]:
        """Code of the ward of each point (WGS 84; NaN where unknown), in the borders that hold now; None outside."""

    def measures(
        self, type: Sequence[str], data: Sequence[bytes | None]
    ) -> tuple[Sequence[str | None], NDArray[np.float64]]:
        """What is measured and its number, for types that declare it; None and NaN for all others."""


class Nothing:
    """No borders and no declared types: what an engine knows by itself."""

    def wards(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Sequence[str | None]:
        return [None] * len(lon)

    def measures(
        self, type: Sequence[str], data: Sequence[bytes | None]
    ) -> tuple[Sequence[str | None], NDArray[np.float64]]:
        return [None] * len(type), np.full(len(type), np.nan)


def use(maker: str) -> None:
    """Name the function (`module:function`, no arguments) that makes this installation's `Derive`."""
    os.environ[SETTING] = maker


def derive() -> Derive:
    """This installation's, made now: callers keep it for as long as they write one file."""
    named = os.environ.get(SETTING)
    if not named:
        return Nothing()
    module, _, function = named.partition(":")
    make: Callable[[], Derive] = getattr(import_module(module), function)
    return make()

"""How indicators that count events get at them: this installation's history, in the frame of what is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings

from vonglau.core.events import to_us
from vonglau.core.indicators import over_events
from vonglau.core.indicators.definitions import Scope
from vonglau.engines import open_history
from vonglau.engines.history import Asked
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.duck import Limits

LIMITS = Limits(rows=0, memory_mb=256, threads=1, seconds=20.0)
"""A page waits for it: what takes longer is a question for `vonglau history`."""


@cache
def _derive() -> Derive:
    from vonglau.web.derive import make

    return make()


@contextmanager
def opened(scope: Scope, columns: frozenset[str]) -> Iterator[over_events.Events]:
    """DuckDB and Ibis are loaded by the first who asks."""
    from vonglau.engines.history.expressions import events

    reader = open_history(Path(settings.VONGLAU_DATA))
    try:
        asked = Asked(scope.world, to_us(scope.start), to_us(scope.end), columns)
        with events(reader, _derive(), asked, LIMITS) as found:
            yield found
    finally:
        reader.close()


def connect() -> None:
    """At the start of every process of the product."""
    over_events.open_with(opened)

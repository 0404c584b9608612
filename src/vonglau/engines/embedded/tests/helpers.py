"""Events for the tests of this engine."""

from msgspec.structs import replace

from vonglau.core.events import Event
from vonglau.core.log import Outcome, Receipt

NOW_US = 1_767_225_600_000_000  # 2026-01-01


def event(n: int = 0, **changed: object) -> Event:
    usual = Event(
        id=f"e{n}",
        source="/sensors/7",
        type="vn.example.speed",
        time_us=NOW_US + n * 1_000_000,
        subject=f"road-{n % 3}",
        lon=108.2,
        lat=16.05,
        data=b'{"speed": %d}' % n,
    )
    return replace(usual, **changed)


def events(start: int, end: int) -> list[Event]:
    return [event(n) for n in range(start, end)]


def outcomes(receipts: list[Receipt]) -> list[Outcome]:
    return [one.outcome for one in receipts]

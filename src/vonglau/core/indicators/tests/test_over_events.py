"""Values over events are kept for a minute, each for itself; what cannot be computed is never a zero."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from vonglau.core.errors import Broken, NothingYet, Overloaded, Unavailable, VongLauError
from vonglau.core.indicators import over_events
from vonglau.core.indicators.definitions import Counted, Indicator, Scope
from vonglau.core.seams import indicators

START = datetime(2026, 1, 1, tzinfo=UTC)
SCOPE = Scope("live", START, START + timedelta(hours=4), "48")
WAIT_SECONDS = 30.0


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_events, "_open", [])
    monkeypatch.setattr(over_events, "_kept", over_events._Kept())


def refusing(problem: VongLauError, asked: list[Scope]) -> over_events.Open:
    @contextmanager
    def opened(scope: Scope, columns: frozenset[str]) -> Iterator[over_events.Events]:
        asked.append(scope)
        raise problem
        yield

    return opened


def over() -> Iterator[Indicator]:
    """Those that are counted over the log: others stand on tables."""
    return (one for one in indicators().values() if one.count.__module__ == over_events.__name__)


@pytest.mark.parametrize("problem", [Overloaded("stopped after 20 s"), Unavailable("away"), Broken("damaged")])
def test_what_cannot_be_computed_is_no_zero(problem: VongLauError) -> None:
    over_events.open_with(refusing(problem, []))
    for one in over():
        for ask in (lambda: one.count(SCOPE), lambda: one.rows(SCOPE, "numerator")):  # noqa: B023 - asked at once
            with pytest.raises(type(problem), match=problem.message):
                ask()


def test_without_a_log_nothing_has_happened() -> None:
    over_events.open_with(refusing(NothingYet(), []))
    one = next(over())
    assert one.count(SCOPE) == Counted(0, 0, one.count(SCOPE).scale)


def test_what_took_too_long_is_not_asked_again_at_once_and_what_was_away_is() -> None:
    one = next(over())
    for problem, times in ((Overloaded("stopped after 20 s"), 1), (Unavailable("away"), 3)):
        asked: list[Scope] = []
        over_events.forget()
        over_events.open_with(refusing(problem, asked))
        for _ in range(3):
            with pytest.raises(type(problem)):
                one.count(SCOPE)
        assert len(asked) == times


def test_one_value_that_takes_long_holds_up_no_other() -> None:
    kept, began, goes_on = over_events._Kept(), threading.Event(), threading.Event()
    computed: list[str] = []

    def slow() -> str:
        computed.append("slow")
        began.set()
        assert goes_on.wait(WAIT_SECONDS)
        return "late"

    found: list[str] = []
    waiting = [threading.Thread(target=lambda: found.append(kept.get("slow", slow)), daemon=True) for _ in range(3)]
    kept.get("fresh", lambda: "known")
    for one in waiting:
        one.start()
    assert began.wait(WAIT_SECONDS)
    others: list[str] = []

    def ask() -> None:
        others.append(kept.get("fresh", lambda: "computed again"))
        others.append(kept.get("other", lambda: "other"))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(WAIT_SECONDS)
    assert others == ["known", "other"], "while the slow one is still under way"
    goes_on.set()
    for one in waiting:
        one.join(WAIT_SECONDS)
    assert (found, computed) == (["late"] * 3, ["slow"])

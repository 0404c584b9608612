"""A log that is opened again knows who is in it, wherever the hashes of its tail are read from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests import engines
from tests.conformance.test_log import ENGINES, Engine, event, outcomes
from vonglau.core.log import Outcome
from vonglau.engines import runs

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())
RUN = 7


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "RUN", RUN)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 25)),
        st.tuples(st.just("seal"), st.integers(0, 40)),
        st.tuples(st.just("open again"), st.just(0)),
    ),
    max_size=12,
)


@pytest.mark.parametrize("name", ENGINES)
@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everything_is_recognised_and_a_contradiction_is_one(
    name: str, steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine, stored = Engine(name, tmp_path_factory.mktemp("log")), 0
    for opening in openings(steps):
        with engine.writer() as log:
            assert log.tail.kept <= log.head()  # type: ignore[attr-defined]
            for step, n in opening:
                if step == "append":
                    receipts = log.append([event(i) for i in range(stored, stored + n)])
                    assert [one.pos for one in receipts] == list(range(stored + 1, stored + n + 1))
                    stored += n
                else:
                    log.seal(keep=n, through=stored)
    with engine.writer() as log:
        tail = log.tail_rows()
        again = log.append([event(i) for i in range(stored)])
        assert [(one.outcome, one.pos) for one in again] == [(Outcome.DUPLICATE, i + 1) for i in range(stored)]
        other = [replace(event(i), data=b"other") for i in range(stored)]
        assert outcomes(log.append(other)) == [Outcome.QUARANTINED] * stored
        assert log.tail_rows() == tail


def openings(steps: list[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    opening: list[tuple[str, int]] = []
    for step in steps:
        if step[0] == "open again":
            yield opening
            opening = []
        else:
            opening.append(step)
    yield opening


@pytest.mark.parametrize("name", ENGINES)
def test_rows_are_read_only_where_no_run_says_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(name, tmp_path)
    with engine.writer() as log:
        for start in range(0, 40, 10):
            log.append([event(n) for n in range(start, start + 10)])
        assert log.seal(keep=30, through=40) == 10
    asked: list[int] = []
    load = runs.load

    def noted(border: int, stored, rows):  # type: ignore[no-untyped-def]
        return load(border, stored, lambda after: asked.append(after) or rows(after))

    monkeypatch.setattr(runs, "load", noted)
    with engine.writer() as log:
        assert asked == [28]  # the last append came at 31; before it four runs of seven were full
        assert log.tail_rows() == 30


@pytest.mark.parametrize("damage", ["DELETE FROM hash_run WHERE first_pos = 8", "UPDATE hash_run SET last_pos = 15"])
def test_a_run_that_is_lost_or_no_run_is_read_from_the_rows(tmp_path: Path, damage: str) -> None:
    engine = Engine("embedded", tmp_path)
    with engine.writer() as log:
        for start in range(0, 40, 10):
            log.append([event(n) for n in range(start, start + 10)])
        log.db.execute(damage)  # type: ignore[attr-defined]
    with engine.writer() as log:
        assert outcomes(log.append([event(n) for n in range(40)])) == [Outcome.DUPLICATE] * 40
        log.append([event(n) for n in range(40, 60)])
        log.append([event(60)])
    with engine.writer() as log:
        assert outcomes(log.append([event(n) for n in range(61)])) == [Outcome.DUPLICATE] * 61

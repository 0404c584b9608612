"""Positions become visible in their order: who follows misses nothing, however many write at once. On every engine."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import engines
from tests.conformance.test_log import ENGINES, Engine, event
from tests.serving import environment, new_city

ROOT = Path(__file__).parent.parent.parent

APPENDS = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=6), min_size=2, max_size=4)
"""For each thread, the sizes of its appends."""


@pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())
@pytest.mark.parametrize("name", ENGINES)
@given(plan=APPENDS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_follows_the_log_sees_each_position_once_and_in_order(
    name: str, plan: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = Engine(name, tmp_path_factory.mktemp("log"))
    with engine.writer() as log:
        done = threading.Event()
        seen: list[list[int]] = [[], []]

        def follow(into: list[int], at_once: int) -> None:
            with engine.reader() as reader:
                after = 0
                while True:
                    finished = done.is_set()
                    batch = reader.batch(after, at_once)
                    into.extend(batch.pos.tolist())
                    after = batch.through
                    if not len(batch) and finished:
                        return

        def write(number: int, sizes: list[int]) -> None:
            for turn, size in enumerate(sizes):
                log.append([event(n, source=f"/{number}/{turn}") for n in range(size)])

        followers = [
            threading.Thread(target=follow, args=(seen[0], 1)),
            threading.Thread(target=follow, args=(seen[1], 500)),
        ]
        writers = [threading.Thread(target=write, args=one) for one in enumerate(plan)]
        for thread in (*followers, *writers):
            thread.start()
        for thread in writers:
            thread.join(60)
        done.set()
        for thread in followers:
            thread.join(60)
        stored = sum(map(sum, plan))
        assert log.head() == stored
        assert seen == [list(range(1, stored + 1))] * 2


CHANGES = st.lists(st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=6), min_size=2, max_size=3)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_city(tmp_path_factory.mktemp("order") / "city")


@given(plans=st.tuples(CHANGES, CHANGES))
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_follows_the_changes_misses_none_while_threads_of_two_processes_write(
    city: Path, plans: tuple[list[list[list[int]]], list[list[list[int]]]]
) -> None:
    told = {**environment(city), "VONGLAU_DATA": str(city), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.changing", json.dumps(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=told,
        )
        for plan in plans
    ]
    try:
        for word in ("ready", "written"):
            for process in processes:
                assert process.stdout is not None
                assert process.stdin is not None
                assert process.stdout.readline().strip() == word
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
        followed = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    written = sum(max(1, len(transaction)) for plan in plans for writer in plan for transaction in writer)
    assert followed[0] == sorted(set(followed[0]))
    assert followed[0] == followed[1]
    assert len(followed[0]) >= written

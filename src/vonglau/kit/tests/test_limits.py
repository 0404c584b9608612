"""A bucket lets a burst through, then its rate, says when to come back, and forgets nobody who is being held back."""

from hypothesis import given
from hypothesis import strategies as st

from vonglau.kit import limits
from vonglau.kit.limits import Buckets, Policy

FIVE = Policy("address", rate=5, burst=10)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate_and_whoever_waits_is_let_in() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    assert [buckets.take(FIVE, "a").passes for _ in range(12)] == [True] * 10 + [False] * 2
    refused = buckets.take(FIVE, "a")
    headers = dict(refused.headers())
    assert headers[b"retry-after"] == b"1"
    assert headers[b"ratelimit"] == b'"address";r=0;t=1'
    assert headers[b"ratelimit-policy"] == b'"address";q=10;w=2'
    assert buckets.take(FIVE, "b").passes, "another caller is not held back"
    clock.now += refused.wait
    assert buckets.take(FIVE, "a").passes


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=200))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += buckets.take(FIVE, "a").passes
    assert passed <= FIVE.burst + (clock.now - 1000.0) * FIVE.rate + 1e-6


def test_memory_is_bounded_and_whoever_is_held_back_stays_so(monkeypatch) -> None:
    monkeypatch.setattr(limits, "MOST", 100)
    clock = Clock()
    buckets = Buckets(clock)
    for n in range(1000):
        clock.now += 0.001
        buckets.take(FIVE, f"stranger {n}")
        for _ in range(20):
            held = buckets.take(FIVE, "flood")
        assert not held.passes or n < 3
    assert len(buckets._buckets) <= 101

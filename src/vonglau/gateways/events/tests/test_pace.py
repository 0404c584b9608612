"""How slow the disk is said to be, on a clock that the test turns."""

from vonglau.gateways.events.pace import LAST, LATELY_S, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def one(pace: Pace, clock: Clock, seconds: float, *, committed: bool = True) -> float:
    pace.begin()
    clock.now += seconds
    return pace.end(committed=committed)


def test_the_mean_of_the_last_and_what_is_under_way() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert (pace.seconds(), pace.slow()) == (0.0, "")
    assert one(pace, clock, 0.5) == 0.5
    assert one(pace, clock, 1.5) == 1.5
    assert pace.seconds() == 1.0
    assert "1.0 s" in pace.slow()
    one(pace, clock, 99.0, committed=False)
    assert pace.seconds() == 0.0, "what failed says nothing, and the others are long ago"
    pace.begin()
    clock.now += 7
    assert pace.seconds() == 7.0, "a write that does not come back is seen before it has"


def test_a_disk_that_is_fast_again_is_soon_said_to_be() -> None:
    clock = Clock()
    pace = Pace(clock)
    one(pace, clock, 2.0)
    for _ in range(LAST):
        one(pace, clock, 0.001)
    assert pace.slow() == ""
    one(pace, clock, 60.0)
    clock.now += LATELY_S + 1
    assert pace.seconds() == 0.0

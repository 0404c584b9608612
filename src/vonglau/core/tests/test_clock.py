"""A clock that jumps and comes back changes nothing; one that was corrected is believed after a while."""

from datetime import UTC, datetime

import pytest

from vonglau.core.clock import HOLD_SECONDS, Clock

START = 1_764_000_000.0


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.passed, self.set_by = 0.0, 0.0

    def clock(self) -> Clock:
        return Clock(lambda: START + self.passed + self.set_by, lambda: 77.0 + self.passed)

    def at(self) -> datetime:
        return datetime.fromtimestamp(START + self.passed, UTC)


@pytest.mark.parametrize("jump", [-3_600.0, 86_400.0])
def test_a_jump_and_back_changes_nothing(jump: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passed = 10
    assert clock.now() == machine.at()
    assert clock.jumped() == 0
    machine.set_by, machine.passed = jump, 20
    assert clock.now() == machine.at()
    assert clock.jumped() == pytest.approx(jump)
    machine.set_by, machine.passed = 0, 30 + HOLD_SECONDS
    assert clock.now() == machine.at()
    assert clock.jumped() == 0


def test_a_correction_that_lasts_is_believed() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set_by = -3_600
    held = clock.now()
    assert held == machine.at()
    machine.passed = HOLD_SECONDS / 2
    assert clock.now() == machine.at()
    machine.passed = HOLD_SECONDS
    assert (machine.at() - clock.now()).total_seconds() == pytest.approx(3_600)
    assert clock.jumped() == 0


def test_a_clock_that_jumps_on_and_on_is_not_believed() -> None:
    machine = Machine()
    clock = machine.clock()
    for minute in range(60):
        machine.passed, machine.set_by = minute * 60.0, 7_200.0 * (1 + minute % 2)
        assert clock.now() == machine.at()


def test_slow_corrections_are_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    for step in range(100):
        machine.passed, machine.set_by = step * 1.0, step * 0.5
        assert clock.now() == datetime.fromtimestamp(START + machine.passed + machine.set_by, UTC)
    assert clock.jumped() == 0

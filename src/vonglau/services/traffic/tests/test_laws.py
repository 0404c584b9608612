"""What must hold for every stream: batches may be cut anywhere, shards may interleave, state may go through bytes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vonglau.core.detection import Detector
from vonglau.core.testing import laws
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly
from vonglau.services.traffic.tests.streams import DAY, HOUR, MINUTE, MONDAY, Said, batch

SUBJECTS = (("a", "speed"), ("a", "occupancy"), ("b", "travel_time"), (None, "flow"))
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class Stream(list[Said]):
    """Rows that do not fill the screen when a law is broken."""

    def __repr__(self) -> str:
        return f"<{len(self)} rows>"


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Two and a half days, from a Monday, Wednesday or Friday on, of a few sensors with jams, gaps, late and doubled measurements, and ticks between them."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows: list[tuple[int, Said]] = []
    begins = MONDAY + draw(st.sampled_from([0, 2, 4])) * DAY
    for subject, quantity in SUBJECTS[: draw(st.integers(1, len(SUBJECTS)))]:
        jams = draw(
            st.lists(
                st.tuples(st.integers(26, 58), st.integers(1, 6), st.sampled_from([0.1, 0.3, 2.0, 6.0])), max_size=3
            )
        )
        gap = draw(st.one_of(st.none(), st.tuples(st.integers(26, 50), st.integers(1, 8))))
        for i in range(int(2.5 * 48)):
            at = begins + i * 30 * MINUTE + int(random.integers(0, 10 * MINUTE))
            hour = i / 2
            if gap and gap[0] <= hour < gap[0] + gap[1]:
                continue
            value = 40 * random.normal(1, 0.05)
            for start, length, factor in jams:
                value *= factor if start <= hour < start + length else 1.0
            late = int(random.choice([0, 0, 0, 10 * MINUTE, 40 * MINUTE]))
            said = Said(
                at=at - late, value=round(float(value), 2), subject=subject, quantity=quantity, lon=108.2, lat=16.05
            )
            rows += [(at, said)] * (2 if random.random() < 0.02 else 1)
    step = draw(st.sampled_from([10 * MINUTE, 30 * MINUTE, 2 * HOUR]))
    rows += [(at, Said(at=at)) for at in range(begins, begins + 5 * DAY // 2, step)]
    return Stream(said for _, said in sorted(rows, key=lambda row: (row[0], row[1].value is not None)))


DETECTORS: list[Callable[[], Detector]] = [TrafficAnomaly, SensorSilence]
each_detector = pytest.mark.parametrize("make", DETECTORS, ids=lambda make: make.__name__)


@each_detector
@few
@given(stream=streams(), data=st.data())
def test_where_batches_are_cut_changes_nothing(
    make: Callable[[], Detector], stream: Stream, data: st.DataObject
) -> None:
    laws.cutting(make, batch(stream), data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))


@each_detector
@few
@given(stream=streams())
def test_keys_do_not_touch_each_other(make: Callable[[], Detector], stream: Stream) -> None:
    laws.interleaving(make, batch(stream))


@each_detector
@few
@given(stream=streams())
def test_folding_again_from_an_older_state_says_the_same(make: Callable[[], Detector], stream: Stream) -> None:
    laws.resuming(make, batch(stream), len(stream) // 2)


@each_detector
@few
@given(stream=streams())
def test_alerts_are_well_formed(make: Callable[[], Detector], stream: Stream) -> None:
    laws.well_formed(make, batch(stream))


@each_detector
@settings(few, max_examples=2)
@given(stream=streams())
def test_no_clock_no_chance_no_io(make: Callable[[], Detector], stream: Stream) -> None:
    laws.pure(make, batch(stream))

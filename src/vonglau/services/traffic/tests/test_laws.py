"""What must hold for every stream: batches may be cut anywhere, shards may interleave, state may go through bytes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vonglau.core.detection import Detector
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly
from vonglau.services.traffic.tests.streams import DAY, HOUR, MINUTE, MONDAY, Said, batch, fold, latest

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
    whole = batch(stream)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=12))
    state, said = fold(make(), whole)
    assert fold(make(), whole, cuts) == (state, said)
    assert fold(make(), whole, cuts, reload=True) == (state, said)


@each_detector
@few
@given(stream=streams())
def test_keys_do_not_touch_each_other(make: Callable[[], Detector], stream: Stream) -> None:
    """Each bucket sees its own keys and every tick: whatever shares its bucket, it says the same."""
    whole = batch(stream)
    _, together = fold(make(), whole)
    alone = []
    detector = make()
    keys = detector.shard(whole)
    for key in sorted({key for key, row in zip(keys, stream, strict=True) if row.value is not None}):
        mine = [i for i, row in enumerate(stream) if row.value is None or keys[i] == key]
        alone += fold(make(), whole.take(mine))[1]
    assert {draft.identity: draft for draft in alone} == {draft.identity: draft for draft in together}
    assert len(alone) == len(together)


@each_detector
@few
@given(stream=streams())
def test_folding_again_from_an_older_state_says_the_same(make: Callable[[], Detector], stream: Stream) -> None:
    """After a crash events are folded again from the last saved state: the same alerts under the same identities."""
    detector, whole = make(), batch(stream)
    half = len(whole) // 2
    state, _ = detector.fold(detector.initial(), whole.take(range(half)))
    saved = detector.dump(state)
    _, first = detector.fold(state, whole.take(range(half, len(whole))))
    _, again = detector.fold(detector.load(saved), whole.take(range(half, len(whole))))
    assert again == first


@each_detector
@few
@given(stream=streams())
def test_alerts_are_well_formed(make: Callable[[], Detector], stream: Stream) -> None:
    whole = batch(stream)
    measured = set(whole.pos[[row.value is not None for row in stream]].tolist())
    _, said = fold(make(), whole)
    for draft in said:
        assert draft.onset_us <= draft.updated_us
        assert draft.ended_us is None or draft.onset_us <= draft.ended_us <= draft.updated_us
        assert len(draft.series) <= 100
        assert len(draft.evidence) <= 50
        assert set(draft.evidence) <= measured
        assert [point[0] for point in draft.series] == sorted(point[0] for point in draft.series)
        assert all(low <= expected <= high for _, _, expected, low, high in draft.series)
    closed = [draft.identity for draft in said if draft.ended_us is not None]
    assert len(closed) == len(set(closed)), "an alert ends once"
    assert all(draft.ended_us is not None for draft in latest(said) if draft.identity in set(closed)), "and stays ended"

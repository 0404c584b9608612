"""The tail's set of hashes behaves like a plain table, and colliding hashes harm nobody."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vonglau.core.log import Outcome
from vonglau.engines import identities, open_writer
from vonglau.engines.embedded.tests.helpers import event, events, outcomes
from vonglau.engines.identities import Hasher, TailIndex

HASHES = st.one_of(st.integers(-5, 5), st.sampled_from([-(2**63), 2**63 - 1, 2**63 - 2]))


@pytest.fixture(autouse=True)
def _small_runs(monkeypatch):
    monkeypatch.setattr(identities, "_PENDING", 4)
    monkeypatch.setattr(identities, "_RUN", 6)


@given(
    appends=st.lists(st.lists(HASHES, min_size=1, max_size=9), max_size=8),
    asked=st.lists(HASHES, max_size=6),
    cut=st.integers(0, 40),
)
@settings(max_examples=150, deadline=None)
def test_it_is_a_table_from_hash_to_positions(appends, asked, cut):
    index, model, pos = TailIndex(), {}, 0
    for hashes in appends:
        positions = list(range(pos + 1, pos + 1 + len(hashes)))
        pos += len(hashes)
        index.add(hashes, positions)
        for hashed, at in zip(hashes, positions, strict=True):
            model.setdefault(hashed, []).append(at)
    probes = np.array(asked, dtype=np.int64)
    assert index.find(probes) == {hashed: model[hashed] for hashed in asked if hashed in model}
    assert len(index) == pos
    index.drop(cut)
    kept = {hashed: [at for at in positions if at > cut] for hashed, positions in model.items()}
    assert index.find(probes) == {hashed: kept[hashed] for hashed in asked if kept.get(hashed)}
    assert len(index) == max(pos - cut, 0)


def test_runs_stay_few(monkeypatch):
    index = TailIndex()
    for n in range(0, 4_000, 3):
        index.add([n, n + 1, n + 2], [n + 1, n + 2, n + 3])
    assert len(index) == 4_002
    assert len(index._runs) < 14


def test_the_hash_is_keyed_and_covers_the_whole_identity():
    one = [("live", "/a", "1")]
    assert Hasher(b"k")(one).tolist() == Hasher(b"k")(one).tolist()
    assert Hasher(b"k")(one).tolist() != Hasher(b"other")(one).tolist()
    others = [("live", "/a1", ""), ("drill", "/a", "1"), ("live", "/a", "2")]
    assert len(set(Hasher(b"k")([*one, *others]).tolist())) == 4
    assert Hasher(b"k")([]).tolist() == []


@pytest.mark.parametrize("sealed", [0, 5, 10])
def test_events_whose_hashes_collide_are_told_apart(tmp_path, monkeypatch, sealed):
    monkeypatch.setattr(Hasher, "__call__", lambda self, who: np.array([42 for _ in who], dtype=np.int64))
    log = open_writer(tmp_path)
    same_time = [event(n, time_us=event(0).time_us) for n in range(10)]
    assert outcomes(log.append(same_time)) == [Outcome.ACCEPTED] * 10
    log.seal(keep=10 - sealed, through=100)
    receipts = log.append([*same_time, event(99)])
    assert [one.pos for one in receipts] == list(range(1, 12))
    assert outcomes(receipts) == [Outcome.DUPLICATE] * 10 + [Outcome.ACCEPTED]
    log.close()


def test_the_tail_is_known_again_after_opening(tmp_path):
    log = open_writer(tmp_path)
    log.append(events(0, 30))
    log.seal(keep=10, through=100)
    assert len(log.tail) == 10
    log.close()
    log = open_writer(tmp_path)
    assert len(log.tail) == 10
    assert outcomes(log.append(events(0, 31))) == [Outcome.DUPLICATE] * 30 + [Outcome.ACCEPTED]
    log.close()

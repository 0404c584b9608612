"""NAB's scoring, against figures worked out by hand, against its own laws, and on the series that ships."""

import math
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.errors import BadFile
from vonglau.services.traffic.scoring import (
    PROFILES,
    Series,
    count,
    episodes,
    normalised,
    raw_score,
    read_windows,
    score_detections,
    score_nab,
    verify_published,
)

DATA = Path(__file__).parents[5] / "data" / "traffic" / "nab"
START = datetime(2026, 1, 1)
STANDARD = PROFILES["standard"]


def series(records: int, *windows: tuple[int, int]) -> Series:
    """One record a minute; windows as first and last record."""
    times = [START + timedelta(minutes=i) for i in range(records)]
    return Series("made-up", times, [(times[first], times[last]) for first, last in windows])


WORKED = series(200, (100, 109), (150, 169))


@pytest.mark.parametrize(
    ("detections", "score"),
    [
        ([], -2.0),
        ([100, 150], 2.0),
        ([100], 0.0),
        # the middle of the first window: y = (104 − 109 − 1) / 10 = −0.6
        ([104], (2 / (1 + math.exp(-3)) - 1) / (2 / (1 + math.exp(-5)) - 1) - 1),
        # only the earliest in a window counts
        ([100, 101, 105], 0.0),
        # before any window: all of 0.11
        ([90], -2.11),
        # behind the first: y = (112 − 109) / 9 = 1/3
        ([112], -2.0 + 0.11 * (2 / (1 + math.exp(5 / 3)) - 1)),
        # further behind than three window lengths
        ([140], -2.11),
        # in the first 15 %: neither counts nor costs
        ([0, 29], -2.0),
        ([30], -2.11),
    ],
)
def test_worked_examples(detections: list[int], score: float) -> None:
    assert raw_score(WORKED, detections, STANDARD) == pytest.approx(score, abs=1e-12)


def test_profiles_weigh_misses_and_false_alarms() -> None:
    assert raw_score(WORKED, [90], PROFILES["reward_low_FP_rate"]) == pytest.approx(-2.22)
    assert raw_score(WORKED, [90], PROFILES["reward_low_FN_rate"]) == pytest.approx(-4.11)


def test_null_and_perfect() -> None:
    for profile in PROFILES.values():
        assert normalised(raw_score(WORKED, [], profile), 2, profile) == 0.0
        assert normalised(raw_score(WORKED, [100, 150], profile), 2, profile) == 100.0
    assert normalised(0.0, 0, STANDARD) is None


@given(st.sets(st.integers(0, 199), max_size=30), st.integers(30, 199))
def test_laws(detections: set[int], another: int) -> None:
    """Never above perfect; a further detection outside never helps; one inside never hurts; learning records change nothing."""
    score = raw_score(WORKED, detections, STANDARD)
    assert score <= 2.0 + 1e-12
    more = raw_score(WORKED, detections | {another}, STANDARD)
    inside = any(first <= another <= last for first, last in WORKED.spans())
    assert more >= score - 1e-12 if inside else more <= score + 1e-12
    assert raw_score(WORKED, detections | {3, 17}, STANDARD) == score


def test_counts_and_rates() -> None:
    counted = count(WORKED, [5, 90, 104, 106, 180]).as_dict()
    assert counted["alerts"] == 4
    assert (counted["alerts_inside"], counted["false_alarms"]) == (2, 2)
    assert (counted["windows_found"], counted["windows"]) == (1, 2)
    assert (counted["precision"], counted["recall"]) == (0.5, 0.5)
    assert counted["median_delay_s"] == 240.0
    assert counted["false_alarms_per_day"] == pytest.approx(2 / (169 / 1440))


def test_without_alerts_or_windows_a_rate_is_unknown_not_zero() -> None:
    counted = score_detections([(series(100), [])])
    assert (counted["precision"], counted["recall"], counted["nab"]["standard"]) == (None, None, None)


def test_episodes_are_runs() -> None:
    assert episodes(WORKED, [10, 11, 70, 71, 132]) == [10, 132]
    assert episodes(WORKED, [], 60) == []


def test_our_detector_on_the_series_that_ships() -> None:
    """No threshold of quality: that the file, the fold and the scorer fit together, and that all that is said is counted."""
    scored = score_nab(DATA, DATA / "windows.json")
    assert list(scored["files"]) == ["speed_7578.csv"]
    assert scored["all"]["windows"] == 4
    assert scored["all"] == scored["files"]["speed_7578.csv"]
    assert scored["all"]["alerts_inside"] >= scored["all"]["windows_found"] > 0


def test_bad_labels(tmp_path: Path) -> None:
    labels = tmp_path / "windows.json"
    for text in ("{", "[]", '{"a.csv": [["yesterday", "today"]]}', '{"a.csv": [1]}'):
        labels.write_text(text)
        with pytest.raises(BadFile, match=r"windows\.json"):
            read_windows(labels)
    with pytest.raises(BadFile, match="cannot be read"):
        read_windows(tmp_path / "none.json")
    labels.write_text("{}")
    with pytest.raises(BadFile, match="no CSV file"):
        score_nab(DATA, labels)


@pytest.mark.skipif("NAB_CHECKOUT" not in os.environ, reason="set NAB_CHECKOUT to a checkout of github.com/numenta/NAB")
def test_the_scorer_gives_the_scores_that_nab_publishes() -> None:
    verified = verify_published(os.environ["NAB_CHECKOUT"])
    assert verified["compared"] >= 300
    assert verified["largest_difference"] < 1e-9

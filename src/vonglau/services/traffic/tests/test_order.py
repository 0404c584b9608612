"""Rounds and ticks: the vectorised answers equal the plain ones."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.events import to_us
from vonglau.services.traffic.rules.order import LocalTime, TickLine, rounds


@given(st.lists(st.integers(0, 6), max_size=60))
def test_rounds_take_each_key_once_and_in_order(rows: list[int]) -> None:
    table_rows = np.array(rows, dtype=np.int64)
    taken = [chosen.tolist() for chosen in rounds(table_rows)]
    assert sorted(place for chosen in taken for place in chosen) == list(range(len(rows)))
    for chosen in taken:
        assert len({rows[place] for place in chosen}) == len(chosen)
    order = [place for chosen in taken for place in chosen]
    for key in set(rows):
        assert [place for place in order if rows[place] == key] == [
            place for place, row in enumerate(rows) if row == key
        ]


@given(
    ticks=st.dictionaries(st.integers(0, 40), st.integers(0, 50), max_size=8),
    before=st.integers(0, 50),
    deadline=st.integers(0, 60),
    after=st.integers(-1, 40),
)
def test_the_first_tick_past_a_deadline(ticks: dict[int, int], before: int, deadline: int, after: int) -> None:
    places = sorted(ticks)
    line = TickLine(
        np.array(places, dtype=np.int64), np.array([ticks[place] for place in places], dtype=np.int64), before
    )
    clock, expected = before, len(places)
    for number, place in enumerate(places):
        clock = max(clock, ticks[place])
        if place > after and clock > deadline:
            expected = number
            break
    found = line.first_past(np.array([deadline]), np.array([after]))
    assert found.tolist() == [expected]
    assert line.at(np.array([after])).tolist() == [max([before, *(ticks[place] for place in places if place < after)])]


@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "UTC", "America/Chicago", "Australia/Lord_Howe"])
@given(times=st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20))
def test_local_time_is_the_zones(zone: str, times: list[datetime]) -> None:
    us = np.array([to_us(time.replace(tzinfo=UTC)) for time in times], dtype=np.int64)
    plain = [to_us(time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)) for time in times]
    assert LocalTime(zone).local_us(us).tolist() == plain

"""Levels are facts: every number says where it comes from."""

from datetime import UTC, date, datetime, timedelta

import pytest

from vonglau.core.calendars import Calendar
from vonglau.core.errors import BadFile
from vonglau.core.levels import Limit, levels

TODAY = date(2026, 11, 23)


def test_the_established_limits_are_those_of_decision_1207() -> None:
    known = levels()
    assert list(known) == ["urgent", "normal", "complex"]
    for level in known.values():
        limit = level.receive_limit(TODAY)
        assert (limit.hours, limit.calendar, limit.basis, limit.locality) == (8, "working", "regulation", "01")
        assert "1207/QĐ-UBND" in limit.source
    urgent = known["urgent"].handle_limit(TODAY)
    assert (urgent.hours, urgent.basis) == (4, "regulation")


def test_limits_that_no_instrument_gives_say_so() -> None:
    for code in ("normal", "complex"):
        limit = levels()[code].handle_limit(TODAY)
        assert limit.basis == "installation default"
        assert limit.locality is None
        assert "not a limit of Decision 1207" in limit.source


def test_a_limit_is_counted_on_its_own_calendar() -> None:
    friday = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # 16:30 in Việt Nam
    working = levels()["urgent"].handle_limit(TODAY)
    assert working.due(friday, Calendar.load()) == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    clock = Limit(hours=4, calendar="always", valid_from=date(2026, 1, 1), basis="regulation", source="x")
    assert clock.due(friday, Calendar.load()) == friday + timedelta(hours=4)


def test_the_limit_in_force_is_the_latest_that_has_begun(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def one(hours: int, since: str) -> str:
        return f"{{hours: {hours}, calendar: working, valid_from: {since}, basis: regulation, source: x}}"

    _write(tmp_path, f"[{one(8, '2025-01-01')}, {one(6, '2026-01-01')}]")
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    level = levels("odd")["a"]
    assert level.handle_limit(date(2025, 12, 31)).hours == 8
    assert level.handle_limit(date(2026, 1, 1)).hours == 6
    assert level.handle_limit(date(2015, 1, 1)).hours == 8


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("[]", "has no handle limit"),
        ("[{hours: 0, calendar: working, valid_from: 2025-01-01, basis: regulation, source: x}]", "more than 0"),
        ("[{hours: many, calendar: working, valid_from: 2025-01-01, basis: regulation, source: x}]", "line 7, .*hours"),
        ("[{hours: 1, calendar: sometimes, valid_from: 2025-01-01, basis: regulation, source: x}]", "line 7, .*calendar"),
    ],
)
def test_a_wrong_level_file_is_refused_with_its_place(tmp_path, monkeypatch, limits: str, message: str) -> None:  # type: ignore[no-untyped-def]
    _write(tmp_path, limits)
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    levels.cache_clear()
    with pytest.raises(BadFile, match=message):
        levels("odd")


def _write(folder, handle: str) -> None:  # type: ignore[no-untyped-def]
    (folder / "levels").mkdir()
    receive = "[{hours: 1, calendar: working, valid_from: 2025-01-01, basis: regulation, source: x}]"
    (folder / "levels" / "odd.yaml").write_text(
        f"source: x\nlevels:\n- code: a\n  name: {{vi: a, en: a}}\n  description: {{vi: a, en: a}}\n  receive: {receive}\n"
        f"  handle: {handle}\n",
        encoding="utf-8",
    )

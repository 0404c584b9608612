"""Levels are facts: every number says where it comes from."""

from datetime import UTC, date, datetime, timedelta

import pytest

from vonglau.core.calendars import calendar
from vonglau.core.errors import BadFile
from vonglau.core.levels import levels

TODAY = date(2026, 11, 23)


def test_the_established_limits_are_those_of_decision_1207() -> None:
    known = levels()
    assert list(known) == ["urgent", "normal", "complex"]
    for level in known.values():
        limit = level.limit("receive", TODAY)
        assert (limit.hours, limit.basis, limit.locality) == (8, "regulation", "01")
        assert "1207/QĐ-UBND" in limit.source
    urgent = known["urgent"].limit("handle", TODAY)
    assert (urgent.hours, urgent.basis) == (4, "regulation")


def test_limits_that_no_instrument_gives_say_so() -> None:
    for code in ("normal", "complex"):
        limit = levels()[code].limit("handle", TODAY)
        assert limit.basis == "installation default"
        assert limit.locality is None
        assert "not a limit of Decision 1207" in limit.source


def test_limits_are_counted_on_the_calendar_of_their_level() -> None:
    friday = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # 16:30 in Việt Nam
    urgent = levels()["urgent"]
    assert calendar(urgent.calendar).add_working(friday, urgent.handle) == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert urgent.receive == timedelta(hours=8)
    assert urgent.objection > timedelta(0)


def test_the_limit_in_force_is_the_latest_that_has_begun(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def one(hours: int, since: str) -> str:
        return f"{{hours: {hours}, valid_from: {since}, basis: regulation, source: x}}"

    _write(tmp_path, f"[{one(8, '2025-01-01')}, {one(6, '2026-01-01')}]")
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    level = levels("odd")["a"]
    assert level.limit("handle", date(2025, 12, 31)).hours == 8
    assert level.limit("handle", date(2026, 1, 1)).hours == 6
    assert level.limit("handle", date(2015, 1, 1)).hours == 8


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("[]", "has no handle limit"),
        ("[{hours: 0, valid_from: 2025-01-01, basis: regulation, source: x}]", "more than 0"),
        ("[{hours: many, valid_from: 2025-01-01, basis: regulation, source: x}]", "line 9, .*hours"),
        ("[{hours: 1, valid_from: 2025-01-01, basis: hearsay, source: x}]", "line 9, .*basis"),
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
    receive = "[{hours: 1, valid_from: 2025-01-01, basis: regulation, source: x}]"
    (folder / "levels" / "odd.yaml").write_text(
        f"source: x\nlevels:\n- code: a\n  name: {{vi: a, en: a}}\n  description: {{vi: a, en: a}}\n  receive: {receive}\n  calendar: always\n  objection: {receive}\n"
        f"  handle: {handle}\n",
        encoding="utf-8",
    )

"""The same code on another day can be another place."""

import csv
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.errors import BadFile, BadInput, NotFound
from vonglau.core.facts import data_path
from vonglau.core.places.frames import MERGER, Unit, frames

BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)
REGISTER = frames()


def table(name: str) -> list[dict[str, str]]:
    with data_path("vn", name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_register_agrees_with_the_published_tables() -> None:
    old = {unit.code: unit for unit in REGISTER.in_force(date(2020, 7, 1))}
    for row in table("units_63.csv"):
        unit = old.pop(row["code"])
        if row["code"] != "46":  # named there as of 2025; the lineage table has its name of 2020
            assert (unit.name_vi, unit.short_name_vi, unit.type) == (row["name_vi"], row["short_name_vi"], row["type"])
    assert not old
    now = {unit.code: unit for unit in REGISTER.in_force(date(2026, 11, 23))}
    for row in table("units_34.csv"):
        unit = now.pop(row["code"])
        assert (unit.name_vi, unit.name_en, unit.type) == (row["name_vi"], row["name_en"], row["type"])
        assert REGISTER.at(row["code"], AFTER).type == row["type_2025_07_01"]
    assert not now
    for row in table("provinces_63_to_34.csv"):
        assert REGISTER.at(row["old_code"], date(2020, 7, 1)).name_vi == row["old_name_2020"]
        assert REGISTER.at(row["old_code"], BEFORE).name_vi == row["old_name_2025_06_30"]
        assert REGISTER.current(row["old_code"], BEFORE).name_vi == row["new_name"]


def test_seven_codes_changed_meaning() -> None:
    changed = {row["old_code"] for row in table("provinces_63_to_34.csv") if row["code_changed_meaning"] == "yes"}
    assert changed == {"15", "24", "44", "52", "80", "82", "91"}
    still_used = {unit.code for unit in REGISTER.in_force(AFTER)}
    for unit in REGISTER.in_force(BEFORE):
        if unit.code in still_used:
            today = REGISTER.at(unit.code, AFTER)
            same = unit.name_en.removesuffix(" City") == today.name_en.removesuffix(" City")
            assert same == (unit.code not in changed)


@pytest.mark.parametrize(
    ("code", "on", "frame", "name"),
    [
        ("15", date(2020, 1, 1), "reported", "Tỉnh Yên Bái"),
        ("15", date(2020, 1, 1), "current", "Tỉnh Lào Cai"),
        ("15", AFTER, "reported", "Tỉnh Lào Cai"),
        ("46", date(2020, 1, 1), "reported", "Tỉnh Thừa Thiên Huế"),
        ("46", date(2020, 1, 1), date(2025, 3, 1), "Thành phố Huế"),
        ("70", date(2020, 1, 1), "current", "Thành phố Đồng Nai"),
        ("70", date(2020, 1, 1), date(2026, 4, 29), "Tỉnh Đồng Nai"),
        ("01", date(2026, 1, 1), date(2020, 1, 1), "Thành phố Hà Nội"),
        ("75", date(2026, 5, 1), date(2026, 1, 1), "Tỉnh Đồng Nai"),
    ],
)
def test_a_fact_is_counted_where_the_frame_says(code: str, on: date, frame: date, name: str) -> None:
    assert REGISTER.in_frame(code, on, frame).name_vi == name


def test_figures_are_never_split_backwards() -> None:
    with pytest.raises(BadInput, match="48 Đà Nẵng, 49 Quảng Nam"):
        REGISTER.in_frame("48", date(2026, 1, 1), date(2020, 1, 1))
    with pytest.raises(NotFound, match="begins on 2018-08-01"):
        REGISTER.in_frame("01", date(2020, 1, 1), date(2010, 1, 1))


def test_what_does_not_exist_is_named_with_what_does() -> None:
    with pytest.raises(NotFound, match="Tỉnh Hà Giang 2018-08-01 to 2025-06-30"):
        REGISTER.at("02", AFTER)
    with pytest.raises(NotFound, match="two-digit"):
        REGISTER.at("03", AFTER)
    with pytest.raises(BadInput, match="border frame"):
        REGISTER.in_frame("01", AFTER, "yesterday")  # type: ignore[arg-type]


units = st.sampled_from(REGISTER.units)
days = st.dates(date(2018, 8, 1), date(2027, 1, 1))


@given(units, days)
def test_going_forward_twice_is_going_forward_once(unit: Unit, day: date) -> None:
    now = REGISTER.current(unit.code, unit.valid_from)
    assert now.valid_to is None
    if day >= unit.valid_from:
        then = REGISTER.in_frame(unit.code, unit.valid_from, day)
        assert then.holds(day)
        assert REGISTER.current(then.code, day) == now


@given(days)
def test_no_two_units_share_a_code_on_a_day(day: date) -> None:
    codes = [unit.code for unit in REGISTER.in_force(day)]
    assert len(codes) == len(set(codes)) == (63 if day < MERGER else 34)


@given(units)
def test_predecessors_and_successors_mirror_each_other(unit: Unit) -> None:
    for successor in REGISTER.successors(unit):
        assert unit in REGISTER.predecessors(successor)


def test_a_register_without_lineage_is_refused(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "vn").mkdir()
    lines = data_path("vn", "provinces_63_to_34.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("02,")]
    (tmp_path / "vn" / "provinces_63_to_34.csv").write_text("\n".join(kept), encoding="utf-8")
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    with pytest.raises(BadFile, match="what 02 Tỉnh Hà Giang became"):
        frames.__wrapped__()


def test_a_wrong_date_is_refused_with_its_line(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "vn").mkdir()
    text = data_path("vn", "localities.csv").read_text(encoding="utf-8").replace("2018-08-01", "01/08/2018", 1)
    (tmp_path / "vn" / "localities.csv").write_text(text, encoding="utf-8")
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    with pytest.raises(BadFile, match=r"localities.csv, line 2: .*01/08/2018"):
        frames.__wrapped__()

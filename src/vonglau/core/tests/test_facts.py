"""Facts are files that say where they come from, and are refused with their place when they are wrong."""

import csv
import re
from pathlib import Path

import pytest

from vonglau.core import facts
from vonglau.core.errors import BadFile
from vonglau.core.facts import WARD_AGENCY, Text, agencies, categories, category_groups, data_path, read_csv, read_yaml
from vonglau.core.levels import levels
from vonglau.core.places.index import PlaceIndex
from vonglau.core.places.source import read_units


def rows(*parts: str) -> list[dict[str, str]]:
    with data_path(*parts).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_folder_of_facts_says_where_it_comes_from() -> None:
    for folder in (path for path in data_path().iterdir() if path.is_dir()):
        beside = (folder / "SOURCE.md").exists()
        inside = all(
            re.search(r"^\s*source:", path.read_text(encoding="utf-8"), re.MULTILINE) for path in folder.glob("*.yaml")
        )
        assert beside or (inside and not list(folder.glob("*.csv"))), folder


def test_an_installation_overrides_single_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "levels").mkdir()
    own = tmp_path / "levels" / "vn.yaml"
    own.write_text("levels: []", encoding="utf-8")
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    assert data_path("levels", "vn.yaml") == own
    assert data_path("calendars", "vn.yaml").is_file()
    monkeypatch.delenv("VONGLAU_FACTS")
    assert data_path("levels", "vn.yaml") != own


def test_every_category_has_a_level_a_group_and_somebody_to_handle_it() -> None:
    handlers = {agency.code for agency in agencies("da_nang").agencies}
    assert 12 <= len(categories()) <= 20
    for category in categories().values():
        assert category.level in levels()
        assert category.group in category_groups()
        assert category.agency == WARD_AGENCY or category.agency in handlers
        assert category.keywords == tuple(word.lower() for word in category.keywords)


def test_every_ward_of_da_nang_has_its_committee() -> None:
    file = agencies("da_nang")
    assert file.demo
    assert all(agency.email.endswith(".invalid") for agency in file.agencies)
    for fact in read_units().facts:
        if fact.province_code == file.locality:
            committee = file.ward_agency(fact.code)
            assert committee is not None
            assert committee.name.vi.endswith(f"{fact.type.lower()} {fact.short_name_vi}")


def test_what_nobody_handles_goes_to_the_centre() -> None:
    file = agencies("da_nang")
    assert file.handler(categories()["street_light"], "20242").code == "chieu-sang-cong-cong"
    assert file.handler(categories()["noise"], "20242").name.vi == "Ủy ban nhân dân phường Hải Châu"
    assert file.handler(categories()["noise"], None) is file.centre
    assert file.handler(categories()["noise"], "00004") is file.centre


def test_demonstration_points_lie_in_the_ward_they_name() -> None:
    index = PlaceIndex.build({"48"})
    sensors, reports = rows("demo", "da_nang_sensors.csv"), rows("demo", "da_nang_reports.csv")
    assert len(sensors) == 48
    assert len({row["ward_code"] for row in reports}) >= 15
    for row in (*sensors, *reports):
        found = index.locate(float(row["lon"]), float(row["lat"]))
        assert found is not None
        assert (found.ward_code, row["invented"]) == (row["ward_code"], "yes"), row
    assert len({row["id"] for row in (*sensors, *reports)}) == len(sensors) + len(reports)


def test_demonstration_rows_use_known_words() -> None:
    for row in rows("demo", "da_nang_sensors.csv"):
        assert row["quantity"] in {"speed", "occupancy", "travel_time", "flow"}
        assert float(row["free_flow"]) > 0
    for row in rows("demo", "da_nang_reports.csv"):
        assert row["category"] in categories()
        assert row["level"] in levels()
        assert re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", row["time"])
        assert not re.search(r"\d{7,}|@", row["words"] + row["place"]), "no telephone numbers, no addresses"
    assert {row["category"] for row in rows("demo", "da_nang_reports.csv")} == set(categories())


def test_words_are_in_both_languages() -> None:
    word = Text(vi="Khẩn", en="Urgent")
    assert (word["vi"], word["en"], word["en-GB"], word["fr"]) == ("Khẩn", "Urgent", "Urgent", "Khẩn")
    with pytest.raises(ValueError, match="both languages"):
        Text(vi="Khẩn", en=" ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"vi: a\nen: [", r"word.yaml, line 2: not valid YAML"),
        (b"vi: a\nen:\n  - b\n", r"word.yaml, line 3, \$.en: Expected `str`, got `array`"),
        (b"vi: a\n", r"word.yaml, line 1, \$: Object missing required field `en`"),
        (b"vi: a\nen: b\nfr: c\n", r"unknown field `fr`"),
        (b"vi: \xff\n", r"not UTF-8 at byte 4"),
        (b"vi: a\nen: ' '\n", r"both languages must be written"),
        (b"", r"word.yaml, \$: Expected `object`, got `null`"),
    ],
)
def test_a_wrong_yaml_file_is_refused_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "word.yaml"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=message):
        read_yaml(path, Text)
    with pytest.raises(BadFile, match="no such file"):
        read_yaml(tmp_path / "absent.yaml", Text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,c\n1,2\n", "line 1: missing column b"),
        ("a,b\n1\n", "line 2: a row must have 2 cells"),
        ("a,b\n1,2\n1,2,3\n", "line 3: a row must have 2 cells"),
        ('a,b\n"1"x,2\n', "line 2: not valid CSV"),
        ("", "line 1: missing column a, b"),
    ],
)
def test_a_wrong_csv_file_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadFile, match=message):
        list(read_csv(path, "a", "b"))


def test_a_csv_cell_may_hold_lines_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n"x ""y""\nz",2\r\n')
    assert [row for _, row in read_csv(path, "a", "b")] == [{"a": 'x "y"\nz', "b": "2"}]


def test_categories_and_agencies_must_agree_with_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    (tmp_path / "categories").mkdir()
    (tmp_path / "agencies").mkdir()
    word = "{vi: a, en: a}"
    one = f"{{code: x, name: {word}, group: g, description: {word}, keywords: [], level: normal, agency: ward}}"
    group = f"groups: [{{code: g, name: {word}}}]"
    for text, message in (
        (f"source: s\n{group}\ncategories: [{one}, {one}]", "category x stands more than once"),
        (f"source: s\n{group}\ncategories: [{one.replace('group: g', 'group: h')}]", "in group h"),
        (
            f"source: s\n{group.replace('}]', '}, {code: g, name: ' + word + '}]')}\ncategories: []",
            "group g stands more",
        ),
    ):
        (tmp_path / "categories" / "odd.yaml").write_text(text, encoding="utf-8")
        facts.category_groups.cache_clear()
        with pytest.raises(BadFile, match=message):
            categories("odd")
    agency = f"{{code: x, name: {word}, kind: centre, valid_from: 2025-01-01, email: a@b.invalid}}"
    for text, message in (
        (f"[{agency}, {agency.replace('code: x', 'code: y')}]", "exactly one agency"),
        (f"[{agency.replace('centre', 'shop')}]", "kind shop"),
        (f"[{agency.replace('2025-01-01', 'soon')}]", r"line 5, \$.agencies\[0\].valid_from"),
    ):
        head = 'locality: "48"\ndemo: true\nsource: s\nagencies:\n  '
        (tmp_path / "agencies" / "odd.yaml").write_text(head + text, encoding="utf-8")
        with pytest.raises(BadFile, match=message):
            agencies("odd")

"""`vonglau service`: what it writes works before a line was changed, and what is wrong with a service is said with what to do."""

from pathlib import Path

import pytest

from tests.serving import vonglau
from tests.stranger import Stranger

TITLES = ("--title", "Mực nước", "--english", "Water levels")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    into = tmp_path_factory.mktemp("made")
    done = vonglau("service", "new", "water_level", *TITLES, "--into", into)
    assert done.returncode == 0, done.stderr
    stranger = Stranger(into / "vonglau-water-level", "water_level").install()
    done = stranger.vonglau("service", "words", "water_level")
    assert done.returncode == 0, done.stdout + done.stderr
    return stranger


def test_what_is_new_has_nothing_to_mend_and_its_tests_pass(made: Stranger) -> None:
    done = made.vonglau("service", "check", "water_level")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to mend" in done.stdout
    assert "Models and migrations agree" in made.vonglau("service", "tables", "water_level").stdout
    done = made.run("pytest", "-q", "tests/test_rules.py", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "Water levels" in made.vonglau("service", "list").stdout or "Mực nước" in made.vonglau("service", "list").stdout
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("service.py", 'url_name="water_level:list"', 'url_name="water_level:lst"', "leads nowhere"),
        (
            "service.py",
            "EventType(name=EVENT_TYPE,",
            'EventType(name="vn.example.other.thing",',
            "which nobody declares",
        ),
        ("service.py", 'code="water_level_fault",', 'code="water_level_fault", level="soon",', "no level 'soon'"),
        ("service.py", "min_rank=1", "min_rnk=1", "min_rnk"),
        ("service.py", "min_rank=1", 'same="basin"', "has no such fact: it has minutes, name"),
        ("service.py", "min_rank=1", 'same="basin__in"', "names a fact"),
        ("words.py", "Thiết bị hỏng: %(place)s", "Thiết bị đã hỏng: %(place)s", "has no English"),
        ("models.py", "max_length=200)\n    lon", "max_length=201)\n    lon", "service tables water_level"),
        ("payloads.py", ", forbid_unknown_fields=True", "", "forbid_unknown_fields"),
        ("rules.py", "if device.raised or", "import time; time.time()\n        if device.raised or", "time.time()"),
        (
            "rules.py",
            "return msgspec.json.encode(state)",
            "return msgspec.json.encode(Memory())",
            "state dumped and loaded",
        ),
        ("demo.py", '"working": working', '"works": working', "the door refuses"),
        ("demo.py", "timedelta(seconds=number)", "timedelta(seconds=-number)", "from 00:00:00 to 23:59:59 UTC"),
        ("service.py", "from vonglau_water_level.figures", "from vonglau_water_level.figgers", "cannot be loaded"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(made: Stranger, file: str, old: str, new: str, says: str) -> None:
    path = made.folder / file
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new, 1), encoding="utf-8")
    try:
        done = made.vonglau("service", "check", "water_level")
    finally:
        path.write_text(before, encoding="utf-8")
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_english_that_another_room_overrules_is_named(made: Stranger) -> None:
    path = made.folder / "locale" / "en" / "LC_MESSAGES" / "django.po"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(
            before.replace('msgid "Tất cả"\nmsgstr "All"', 'msgid "Tất cả"\nmsgstr "Every last one"'), encoding="utf-8"
        )
        made.vonglau("service", "words", "water_level")
        done = made.vonglau("service", "check", "water_level")
    finally:
        path.write_text(before, encoding="utf-8")
        made.vonglau("service", "words", "water_level")
    assert "'Tất cả' is 'All' elsewhere in the house (vonglau." in done.stdout


def test_a_package_that_is_announced_and_not_there_stops_the_start_with_advice(tmp_path: Path) -> None:
    assert vonglau("service", "new", "gone", *TITLES, "--into", tmp_path).returncode == 0
    stranger = Stranger(tmp_path / "vonglau-gone", "gone").install()
    stranger.folder.rename(tmp_path / "elsewhere")
    done = stranger.vonglau("service", "list")
    assert done.returncode == 2
    assert "there is no package 'vonglau_gone'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["Water", "9lives", "a", "water-level"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    done = vonglau("service", "new", name, *TITLES, "--into", tmp_path)
    assert done.returncode == 2
    assert "small letters" in done.stderr


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "vonglau-parks").mkdir()
    done = vonglau("service", "new", "parks", *TITLES, "--into", tmp_path)
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_in_a_checkout_it_is_a_folder_and_a_line(tmp_path: Path) -> None:
    (tmp_path / "src" / "vonglau" / "services").mkdir(parents=True)
    (tmp_path / "tests" / "journeys").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project.entry-points."vonglau.services"]\ntraffic = "x:y"\n')
    done = vonglau("service", "new", "parks", *TITLES, "--into", tmp_path, "--in-tree")
    assert done.returncode == 0, done.stderr
    assert 'parks = "vonglau.services.parks.service:service"' in (tmp_path / "pyproject.toml").read_text()
    folder = tmp_path / "src" / "vonglau" / "services" / "parks"
    assert {"README.md", "service.py", "rules.py", "demo.py", "locale", "tests"} <= {
        one.name for one in folder.iterdir()
    }
    assert "from vonglau.services.parks.payloads" in (folder / "rules.py").read_text(encoding="utf-8")
    assert (tmp_path / "tests" / "journeys" / "test_parks.py").is_file()

"""Documentation that cannot rot: pages made from the code are as the code is, links lead somewhere, the walls stand."""

import ast
import re
from pathlib import Path

import pytest
from docs.generate import HERE, PAGES

from vonglau.core import seams

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "vonglau"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_as_the_code_is(name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == PAGES[name](), "stale: run `make docs`"


def test_every_seam_says_what_it_is() -> None:
    tree = ast.parse(Path(seams.__file__).read_text(encoding="utf-8"))
    silent = [n.name for n in tree.body if isinstance(n, ast.ClassDef) and not ast.get_docstring(n)]
    assert silent == []


@pytest.mark.parametrize(
    "page", [p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text):
        assert ((ROOT / page).parent / target).exists(), f"{page} names {target}"


def test_rooms_are_small() -> None:
    """A module is read in one sitting: 400 lines at most."""
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in [*PACKAGE.rglob("*.py"), *(ROOT / "frontend" / "src").rglob("*.ts")]
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400 and "migrations" not in path.parts
    }
    assert long == {}


def test_every_service_has_the_same_shape() -> None:
    for service in (PACKAGE / "services").iterdir():
        if service.is_dir() and not service.name.startswith("_"):
            have = {path.name.removesuffix(".py") for path in service.iterdir()}
            assert {"README.md", "service", "rules", "demo", "locale", "tests"} <= have, service.name


def test_decisions_have_a_number_each_and_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    numbers = sorted(int(path.name[:4]) for path in folder.glob("[0-9]*.md"))
    assert len(set(numbers)) == len(numbers), "two decisions with one number"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.glob("[0-9]*.md"):
        assert path.name in index, f"{path.name} is not in the index"


def test_every_log_message_says_what_to_do() -> None:
    from docs import logs

    said = {one.words for one in logs.messages()}
    assert said - logs.advice().keys() == set(), "say what to do in docs/log_advice.yaml, then `make docs`"
    assert logs.advice().keys() - said == set(), "no part of the program says this any more"

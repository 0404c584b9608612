"""What is promised about security can be looked up: every requirement of ASVS 5.0 once, every test and path that is named there is."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from docs.assurance import STATES, entries

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "vonglau"
PAGES = ("SECURITY.md", "docs/security/threat-model.md", "docs/security/asvs.yaml")

REQUIREMENTS = """
V1.1: 1/2 2/2
V1.2: 1/1 2/1 3/1 4/1 5/1 6/2 7/2 8/2 9/2
V1.3: 1/1 2/1 3/2 4/2 5/2 6/2 7/2 8/2 9/2 10/2 11/2
V1.4: 1/2 2/2 3/2
V1.5: 1/1 2/2
V2.1: 1/1 2/2 3/2
V2.2: 1/1 2/1 3/2
V2.3: 1/1 2/2 3/2 4/2
V2.4: 1/2
V3.2: 1/1 2/1
V3.3: 1/1 2/2 3/2 4/2
V3.4: 1/1 2/1 3/2 4/2 5/2 6/2
V3.5: 1/1 2/1 3/1 4/2 5/2
V3.7: 1/2 2/2
V4.1: 1/1 2/2 3/2
V4.2: 1/2
V4.3: 1/2 2/2
V4.4: 1/1 2/2 3/2 4/2
V5.1: 1/2
V5.2: 1/1 2/1 3/2
V5.3: 1/1 2/1
V5.4: 1/2 2/2 3/2
V6.1: 1/1 2/2 3/2
V6.2: 1/1 2/1 3/1 4/1 5/1 6/1 7/1 8/1 9/2 10/2 11/2 12/2
V6.3: 1/1 2/1 3/2 4/2
V6.4: 1/1 2/1 3/2 4/2
V6.5: 1/2 2/2 3/2 4/2 5/2
V6.6: 1/2 2/2 3/2
V6.8: 1/2 2/2 3/2 4/2
V7.1: 1/2 2/2 3/2
V7.2: 1/1 2/1 3/1 4/1
V7.3: 1/2 2/2
V7.4: 1/1 2/1 3/2 4/2 5/2
V7.5: 1/2 2/2
V7.6: 1/2 2/2
V8.1: 1/1 2/2
V8.2: 1/1 2/1 3/2
V8.3: 1/1
V8.4: 1/2
V9.1: 1/1 2/1 3/1
V9.2: 1/1 2/2 3/2 4/2
V10.1: 1/2 2/2
V10.2: 1/2 2/2
V10.3: 1/2 2/2 3/2 4/2
V10.4: 1/1 2/1 3/1 4/1 5/1 6/2 7/2 8/2 9/2 10/2 11/2
V10.5: 1/2 2/2 3/2 4/2 5/2
V10.6: 1/2 2/2
V10.7: 1/2 2/2 3/2
V11.1: 1/2 2/2
V11.2: 1/2 2/2 3/2
V11.3: 1/1 2/1 3/2
V11.4: 1/1 2/2 3/2 4/2
V11.5: 1/2
V11.6: 1/2
V12.1: 1/1 2/2 3/2
V12.2: 1/1 2/1
V12.3: 1/2 2/2 3/2 4/2
V13.1: 1/2
V13.2: 1/2 2/2 3/2 4/2 5/2
V13.3: 1/2 2/2
V13.4: 1/1 2/2 3/2 4/2 5/2
V14.1: 1/2 2/2
V14.2: 1/1 2/2 3/2 4/2
V14.3: 1/1 2/2 3/2
V15.1: 1/1 2/2 3/2
V15.2: 1/1 2/2 3/2
V15.3: 1/1 2/2 3/2 4/2 5/2 6/2 7/2
V16.1: 1/2
V16.2: 1/2 2/2 3/2 4/2 5/2
V16.3: 1/2 2/2 3/2 4/2
V16.4: 1/2 2/2 3/2
V16.5: 1/2 2/2 3/2
V17.1: 1/2
V17.2: 1/2 2/2 3/2 4/2
V17.3: 1/2 2/2
"""
"""Section: requirement/level, all of levels 1 and 2 of the standard's release 5.0.0."""


def numbered() -> dict[str, int]:
    found = {}
    for line in REQUIREMENTS.strip().splitlines():
        section, _, rest = line.partition(":")
        for one in rest.split():
            number, level = one.split("/")
            found[f"{section}.{number}"] = int(level)
    return found


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def exists(path: str) -> bool:
    """From the root, or from the package, where rooms are named without it."""
    return (ROOT / path).exists() or (PACKAGE / path).exists()


def paths(text: str) -> set[str]:
    """What stands between backticks and looks like a path of ours."""
    said = (word.split("::")[0] for word in re.findall(r"`([^`\s]+)`", text))
    return {word for word in said if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?|[\w-]+\.(py|md|toml|yaml)", word)}


def test_every_requirement_stands_there_once_with_its_level() -> None:
    assert len(numbered()) == 253
    told = [(one["id"], one["level"]) for one in entries()]
    assert len(told) == len(set(told))
    assert dict(told) == numbered()


@pytest.mark.parametrize("one", entries(), ids=lambda one: one["id"])
def test_a_requirement_names_a_test_that_is_or_a_reason(one: dict[str, Any]) -> None:
    assert one["state"] in STATES
    assert one["how"]
    for test in one.get("tests", ()):
        path, _, name = test.partition("::")
        assert name in functions(path), f"there is no {test}"
        assert name.startswith("test_")
    if one["state"] == "met":
        assert one.get("tests") or any(map(exists, paths(one["reason"]))), "met by what? name a test or a file"
    elif one["state"] == "na":
        assert len(one["how"]) > 5
    else:
        assert one.get("reason"), "say why it is not wholly met"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_is_named_exists(page: str) -> None:
    absent = {one for one in paths((ROOT / page).read_text(encoding="utf-8")) if not exists(one)}
    assert absent == set()

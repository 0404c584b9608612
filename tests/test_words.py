"""Vietnamese first, English beside it, both complete: every text of every room has its English, with the same placeholders."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).parent.parent / "src" / "vonglau"
ROOMS = ("core", "kit", "centre", "web", "services/traffic", "services/field_reports", "gateways")
NAMES = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")
VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)


def in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield texts[1] if node.func.id.startswith("pgettext") and len(texts) > 1 else (texts or [""])[0]


def in_template(path: Path) -> Iterator[str]:
    python = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for name, quoted in re.findall(r"\b(n?gettext|_)\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", python):
        assert name
        yield ast.literal_eval(quoted)


def texts(room: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted((PACKAGE / room).rglob("*")):
        if "tests" in path.parts or "migrations" in path.parts or "static" in path.parts:
            continue
        if path.suffix == ".py":
            found |= dict.fromkeys(in_python(path), path)
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            found |= dict.fromkeys(in_template(path), path)
    found.pop("", None)
    return found


def english(room: str) -> dict[str, polib.POEntry]:
    path = PACKAGE / room / "locale" / "en" / "LC_MESSAGES" / "django.po"
    return {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_text_has_its_english(room: str) -> None:
    have = english(room)
    missing = [
        f"{path.relative_to(PACKAGE)}: {text!r}"
        for text, path in texts(room).items()
        if VIETNAMESE.search(text) and (text not in have or not (have[text].msgstr or have[text].msgstr_plural))
    ]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("room", ROOMS)
def test_the_english_has_the_same_placeholders_and_no_vietnamese_left(room: str) -> None:
    for entry in english(room).values():
        said = [entry.msgstr, *entry.msgstr_plural.values()]
        for words in filter(None, said):
            assert sorted(PLACEHOLDER.findall(words)) == sorted(PLACEHOLDER.findall(entry.msgid)), entry.msgid
        assert "fuzzy" not in entry.flags, entry.msgid


@pytest.mark.parametrize("room", ROOMS)
def test_no_english_stands_for_a_text_that_is_gone(room: str) -> None:
    have, used = english(room), texts(room)
    assert not [msgid for msgid in have if msgid not in used]


def test_words_are_found_at_all() -> None:
    """Guards the two tests above: they would also pass if nothing were found."""
    assert "Xác minh" in texts("core")
    assert len(texts("centre")) > 50

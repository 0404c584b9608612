"""Vietnamese first, English beside it, both complete: every text of every room has its English, with the same placeholders."""

from pathlib import Path

import polib
import pytest

from vonglau.core.testing.words import CATALOGUE, counted, needs_english, same_placeholders
from vonglau.core.testing.words import texts as texts_of

PACKAGE = Path(__file__).parent.parent / "src" / "vonglau"
SERVICES = sorted(f"services/{path.parent.name}" for path in PACKAGE.glob("services/*/service.py"))
ROOMS = ("core", "kit", "centre", "web", "gateways", *SERVICES)


def texts(room: str) -> dict[str, Path]:
    return texts_of(PACKAGE / room)


def english(room: str) -> dict[str, polib.POEntry]:
    path = PACKAGE / room / CATALOGUE
    return {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_text_has_its_english(room: str) -> None:
    have = english(room)
    missing = [
        f"{path.relative_to(PACKAGE)}: {text!r}"
        for text, path in texts(room).items()
        if needs_english(text) and (text not in have or not (have[text].msgstr or have[text].msgstr_plural))
    ]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_said_with_a_number_has_its_two_forms(room: str) -> None:
    said = counted(PACKAGE / room)
    for text, entry in english(room).items():
        assert bool(entry.msgid_plural) == (text in said), text
        assert len(entry.msgstr_plural) == 2 * (text in said), text


@pytest.mark.parametrize("room", ROOMS)
def test_the_english_has_the_same_placeholders_and_no_vietnamese_left(room: str) -> None:
    for entry in english(room).values():
        for words in filter(None, [entry.msgstr, *entry.msgstr_plural.values()]):
            assert same_placeholders(entry.msgid, words), entry.msgid
        assert "fuzzy" not in entry.flags, entry.msgid


@pytest.mark.parametrize("room", ROOMS)
def test_no_english_stands_for_a_text_that_is_gone(room: str) -> None:
    have, used = english(room), texts(room)
    assert not [msgid for msgid in have if msgid not in used]


def test_words_are_found_at_all() -> None:
    """Guards the tests above: they would also pass if nothing were found."""
    assert "Xác minh" in texts("core")
    assert len(texts("centre")) > 50

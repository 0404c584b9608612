"""A service's English: what is missing in its catalogue, written there to be filled, and the catalogue compiled."""

from collections.abc import Iterable
from gettext import GNUTranslations
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from django.utils import translation
from django.utils.translation import gettext

from vonglau.core.errors import BadInput
from vonglau.core.testing import words

if TYPE_CHECKING:
    import polib

ADVICE = "Catalogues are read with the package polib: `pip install polib` (a checkout's `make demo` has it)."


def _read(path: Path) -> "polib.POFile":
    try:
        import polib
    except ImportError as missing:
        raise BadInput(ADVICE) from missing
    if path.is_file():
        try:
            return polib.pofile(str(path))
        except (OSError, ValueError) as wrong:
            raise BadInput(f"{path} cannot be read as a catalogue: {wrong}.") from wrong
    made = polib.POFile()
    made.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Language": "en",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    return made


def renew(folder: Path) -> list[str]:
    """Add what the code and templates say and the catalogue lacks, drop what nobody says, compile. Returns texts without English."""
    import polib

    path = folder / words.CATALOGUE
    catalogue = _read(path)
    texts = words.texts(folder)
    said = {text: file for text, file in texts.items() if words.needs_english(text)}
    have, counted = {entry.msgid for entry in catalogue}, words.counted(folder)
    for text, file in said.items():
        if text not in have:
            where = (file.relative_to(folder).as_posix(), "")
            forms = {"msgid_plural": text, "msgstr_plural": {0: "", 1: ""}} if text in counted else {"msgstr": ""}
            catalogue.append(polib.POEntry(msgid=text, occurrences=[where], **forms))
    for entry in [one for one in catalogue if one.msgid not in texts]:
        catalogue.remove(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(path))
    catalogue.save_as_mofile(str(path.with_suffix(".mo")))
    return [entry.msgid for entry in catalogue if not _has_english(entry)]


def faults(folder: Path) -> list[str]:
    """What is wrong with a service's words."""
    path = folder / words.CATALOGUE
    have = {entry.msgid: entry for entry in _read(path)}
    found, counted = [], words.counted(folder)
    for text, file in words.texts(folder).items():
        entry = have.get(text)
        if words.needs_english(text) and (entry is None or not _has_english(entry)):
            found.append(
                f"{file.name}: {text!r} has no English: `vonglau service words` writes it into {path.name}; fill it in."
            )
        if entry is not None and bool(entry.msgid_plural) != (text in counted):
            found.append(
                f"{path.name}: {text!r} is {'' if text in counted else 'not '}said with a number: remove its entry, "
                "run `vonglau service words`, fill it in."
            )
        said = [] if entry is None else [one for one in (entry.msgstr, *entry.msgstr_plural.values()) if one]
        if not all(words.same_placeholders(text, english) for english in said):
            found.append(
                f"{path.name}: the English of {text!r} has other placeholders: write the same %(names)s in both."
            )
    compiled = path.with_suffix(".mo")
    if compiled.is_file():
        found += _overruled(have.values())
    if not compiled.is_file() or compiled.stat().st_mtime < path.stat().st_mtime:
        found.append(f"{path.name} is newer than its compiled form: run `vonglau service words`.")
    return found


def _has_english(entry: "polib.POEntry") -> bool:
    return all(entry.msgstr_plural.values()) if entry.msgid_plural else bool(entry.msgstr)


def _overruled(entries: "Iterable[polib.POEntry]") -> list[str]:
    """One city has one English for a text: where rooms differ, one of them wins, and the other's page says what it never meant."""
    with translation.override("en"):
        said = [(entry, gettext(entry.msgid)) for entry in entries if entry.msgstr and not entry.msgid_plural]
    return [
        f"{entry.msgid!r} is {other!r} elsewhere in the house ({_whose(entry.msgid, other)}), not {entry.msgstr!r}: "
        f"say it the same, or in other words of Vietnamese."
        for entry, other in said
        if other not in (entry.msgstr, entry.msgid)
    ]


def _whose(text: str, english: str) -> str:
    """The rooms whose compiled catalogue has this English for a text: where to look before one says it otherwise."""
    compiled = {app.name: (Path(app.path) / words.CATALOGUE).with_suffix(".mo") for app in apps.get_app_configs()}
    found = [name for name, path in compiled.items() if path.is_file() and _says(path, text) == english]
    return ", ".join(found) or "Django's own"


def _says(compiled: Path, text: str) -> str:
    with compiled.open("rb") as file:
        return GNUTranslations(file).gettext(text)

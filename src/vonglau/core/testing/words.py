"""Vietnamese in the code and templates, English in the room's catalogue: which texts there are, and which have no English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

NAMES = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
COUNTED = {"ngettext", "ngettext_lazy"}
TOLD = re.compile(r"\b(n?gettext|_)\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")
VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)
LEFT_OUT = {"tests", "migrations", "static"}
CATALOGUE = Path("locale", "en", "LC_MESSAGES", "django.po")


def texts(room: Path) -> dict[str, Path]:
    """Every text of a room's code and templates, with the file it was first met in."""
    found: dict[str, Path] = {}
    for path, said in _said(room):
        found |= dict.fromkeys((text for _called, text in said), path)
    found.pop("", None)
    return found


def counted(room: Path) -> set[str]:
    """Those of them that are said with a number: their English has two forms."""
    return {text for _path, said in _said(room) for called, text in said if called in COUNTED}


def _said(room: Path) -> Iterator[tuple[Path, list[tuple[str, str]]]]:
    """Each file with what it says: the function that is called, and the text."""
    for path in sorted(room.rglob("*")):
        if LEFT_OUT.intersection(path.relative_to(room).parts):
            continue
        if path.suffix == ".py":
            yield path, list(_in_python(path))
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            yield path, list(_in_template(path))


def _in_python(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            said = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            which = 1 if node.func.id.startswith("pgettext") and len(said) > 1 else 0
            yield node.func.id, said[which] if said else ""


def _in_template(path: Path) -> Iterator[tuple[str, str]]:
    python = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for called, quoted in TOLD.findall(python):
        yield called, ast.literal_eval(quoted)


def needs_english(text: str) -> bool:
    """Texts without a Vietnamese letter (names, units) may stand as they are."""
    return bool(VIETNAMESE.search(text))


def same_placeholders(vietnamese: str, english: str) -> bool:
    return sorted(PLACEHOLDER.findall(vietnamese)) == sorted(PLACEHOLDER.findall(english))

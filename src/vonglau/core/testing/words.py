"""Vietnamese in the code and templates, English in the room's catalogue: which texts there are, and which have no English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

NAMES = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")
VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)
LEFT_OUT = {"tests", "migrations", "static"}
CATALOGUE = Path("locale", "en", "LC_MESSAGES", "django.po")


def texts(room: Path) -> dict[str, Path]:
    """Every text of a room's code and templates, with the file it was first met in."""
    found: dict[str, Path] = {}
    for path in sorted(room.rglob("*")):
        if LEFT_OUT.intersection(path.relative_to(room).parts):
            continue
        if path.suffix == ".py":
            found |= dict.fromkeys(_in_python(path), path)
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            found |= dict.fromkeys(_in_template(path), path)
    found.pop("", None)
    return found


def _in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            said = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield said[1] if node.func.id.startswith("pgettext") and len(said) > 1 else (said or [""])[0]


def _in_template(path: Path) -> Iterator[str]:
    python = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for quoted in re.findall(r"\b(?:n?gettext|_)\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", python):
        yield ast.literal_eval(quoted)


def needs_english(text: str) -> bool:
    """Texts without a Vietnamese letter (names, units) may stand as they are."""
    return bool(VIETNAMESE.search(text))


def same_placeholders(vietnamese: str, english: str) -> bool:
    return sorted(PLACEHOLDER.findall(vietnamese)) == sorted(PLACEHOLDER.findall(english))

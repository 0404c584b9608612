"""`vonglau service new`: a small service that works, as a package of its own or as a folder of this tree.

Every file it writes does something real, and its tests pass before a line was changed: a device says whether it works, a detector waits
ten minutes, the desk gets an incident, a page lists and maps the devices, an indicator counts them, a demonstration day invents them.
"""

import re
from pathlib import Path
from string import Template

from vonglau.core.errors import BadInput
from vonglau.core.manifest import NAME

TEMPLATES = Path(__file__).parent / "templates"

FOLDER = {
    "__init__.py": "",
    **{
        f"{name}.py": f"{name}.py.tmpl"
        for name in (
            "apps", "payloads", "rules", "words", "models", "keeping", "figures", "views", "urls", "demo", "service"
        )
    },
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": "0001_initial.py.tmpl",
    "templates/{name}/list.html": "list.html.tmpl",
    "templates/{name}/_list.html": "_list.html.tmpl",
    "locale/en/LC_MESSAGES/django.po": "django.po.tmpl",
}  # fmt: skip
"""Path in the service's folder → template ("" for an empty file)."""

OWN_PACKAGE = {
    "pyproject.toml": "pyproject.toml.tmpl",
    "README.md": "README.md.tmpl",
    "tests/test_rules.py": "test_rules.py.tmpl",
    "tests/test_journey.py": "test_journey.py.tmpl",
}
GROUP = '[project.entry-points."vonglau.services"]\n'


def own_package(name: str, title_vi: str, title_en: str, into: Path) -> tuple[Path, list[Path]]:
    """A package `vonglau-<name>` below `into`: its folder, and the files that were written."""
    package = f"vonglau_{name}"
    root = into / f"vonglau-{name.replace('_', '-')}"
    files = {**OWN_PACKAGE, **{f"src/{package}/{path}": template for path, template in FOLDER.items()}}
    return root, _write(root, files, _values(name, title_vi, title_en, package))


def in_tree(name: str, title_vi: str, title_en: str, tree: Path) -> tuple[Path, list[Path]]:
    """A folder of `src/vonglau/services/` of a checkout, with its line in pyproject.toml."""
    project = tree / "pyproject.toml"
    said = project.read_text(encoding="utf-8") if project.is_file() else ""
    if GROUP not in said or not (tree / "src" / "vonglau" / "services").is_dir():
        raise BadInput(
            f"{tree} is no checkout of Vọng Lâu: go to one, or leave --in-tree out for a package of your own."
        )
    root = tree / "src" / "vonglau" / "services" / name
    files = {
        **FOLDER,
        "README.md": "README.md.tmpl",
        "tests/__init__.py": "",
        "tests/test_rules.py": "test_rules.py.tmpl",
    }
    package = f"vonglau.services.{name}"
    values = _values(name, title_vi, title_en, package)
    journey = tree / "tests" / "journeys" / f"test_{name}.py"
    _refuse([journey])
    written = _write(root, files, values)
    journey.write_text(_filled("test_journey.py.tmpl", values), encoding="utf-8")
    project.write_text(said.replace(GROUP, f'{GROUP}{name} = "{package}.service:service"\n'), encoding="utf-8")
    return root, [*written, journey, project]


def _values(name: str, title_vi: str, title_en: str, package: str) -> dict[str, str]:
    if not NAME.match(name):
        raise BadInput(f"{name!r}: name a service with 2 to 39 small letters, digits and underscores, a letter first.")
    for title in (title_vi, title_en):
        if not title.strip() or re.search(r'["\\{}%$\n]', title) or len(title) > 80:
            raise BadInput(
                f"{title!r}: a title has 1 to 80 characters, without quotes, braces, per cent, dollar or backslash."
            )
    return {
        "name": name,
        "dashed": name.replace("_", "-"),
        "Name": "".join(part.capitalize() for part in name.split("_")),
        "package": package,
        "title_vi": title_vi.strip(),
        "title_en": title_en.strip(),
    }


def _refuse(paths: list[Path]) -> None:
    if there := [path for path in paths if path.exists()]:
        raise BadInput(f"{there[0]} is there already: choose another name, or remove it first.")


def _write(root: Path, files: dict[str, str], values: dict[str, str]) -> list[Path]:
    _refuse([root])
    written = []
    for path, template in files.items():
        target = root / path.format(**values)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(template, values) if template else "", encoding="utf-8")
        written.append(target)
    return written


def _filled(template: str, values: dict[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)

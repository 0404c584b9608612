"""Where the built front end is: reads Vite's manifest and gives URLs for an entry and what it needs.

The manifest is found through Django's static files finders, so this room needs not know which application carries it.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.templatetags.static import static

from vonglau.core.errors import NotFound

FOLDER = "built"
"""Folder of the built files below STATIC_URL."""

FIRST_PAINT_FONTS = ("latin-400-normal", "vietnamese-400-normal")
"""Files a first paint needs; the other weights come when a style asks for them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """URLs of one entry, in the order in which tags should name them."""

    script: str
    styles: tuple[str, ...]
    preloads: tuple[str, ...]
    """Modules that the script imports at once."""
    fonts: tuple[str, ...]


def entry(name: str) -> Entry:
    """The built entry `app`, `charts` or `map`. Raises NotFound with advice when the front end was never built."""
    path = finders.find(f"{FOLDER}/manifest.json")
    if not isinstance(path, str):
        raise NotFound("The front end is not built: run `python frontend/build_hook.py`, or install the package again.")
    return _entry(path, Path(path).stat().st_mtime_ns, name)


@lru_cache(maxsize=16)
def _entry(path: str, _stamp: int, name: str) -> Entry:
    manifest: dict[str, dict[str, Any]] = json.loads(Path(path).read_text(encoding="utf-8"))
    found = manifest.get(f"src/{name}.ts")
    if found is None:
        raise NotFound(f"The front end has no entry {name!r}; frontend/vite.config.ts lists them.")
    chunks = _chunks(manifest, found)
    styles = dict.fromkeys(style for chunk in [*chunks, found] for style in chunk.get("css", ()))
    assets = dict.fromkeys(file for chunk in [*chunks, found] for file in chunk.get("assets", ()))
    fonts = (file for file in assets if any(part in file for part in FIRST_PAINT_FONTS))
    return Entry(
        script=_url(found["file"]),
        styles=tuple(_url(style) for style in styles),
        preloads=tuple(_url(chunk["file"]) for chunk in chunks),
        fonts=tuple(_url(font) for font in fonts),
    )


def _chunks(manifest: dict[str, dict[str, Any]], root: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything the entry imports statically, deepest first, each once."""
    seen: dict[str, dict[str, Any]] = {}

    def visit(chunk: dict[str, Any]) -> None:
        for key in chunk.get("imports", ()):
            if key not in seen:
                seen[key] = manifest[key]
                visit(manifest[key])

    visit(root)
    return list(reversed(seen.values()))


def _url(file: str) -> str:
    return static(f"{FOLDER}/{file}")

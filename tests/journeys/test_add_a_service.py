"""The page that adds a service is followed to the letter: every file and every command, in order, in an empty folder.

In an environment of its own (which sees this one's packages), so that the real `pip install -e` can be run: a stranger's package comes in by
its entry point alone. The page's own journey test then serves a city, posts readings at its door, and sees alert, incident, page and figure.
"""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.serving import environment

PAGE = Path(__file__).parent.parent.parent / "docs" / "howto" / "add-a-service.md"
BLOCK = re.compile(
    r"(?:^\*\*`(?P<path>[\w./-]+)`\*\*\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def python_of(folder: Path) -> Path:
    """An environment that installs into itself and sees the packages of this one; its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    programs = folder / "bin"
    here = sysconfig.get_path("purelib")
    (found,) = folder.glob("lib/python*/site-packages")
    (found / "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    for name, module in (("pip", "pip"), ("vonglau", "vonglau.cli")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{programs}/python" -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    return programs


def script(folder: Path) -> tuple[str, list[str]]:
    """The page as a shell script, and the files it names."""
    lines, files = ["set -eo pipefail"], []
    for number, block in enumerate(BLOCK.finditer(PAGE.read_text(encoding="utf-8"))):
        if path := block["path"]:
            kept = folder / f"{number}.txt"
            kept.write_text(block["text"], encoding="utf-8")
            lines.append(f'mkdir -p "$(dirname {path})" && cp "{kept}" {path}')
            files.append(path)
        elif block["kind"] == "sh":
            lines.append(block["text"])
    return "\n".join(lines), files


@pytest.mark.timeout(1200)
@pytest.mark.skipif(os.name == "nt", reason="follows a page written for a POSIX shell")
def test_every_step_of_the_page_works(tmp_path: Path) -> None:
    programs = python_of(tmp_path / "venv")
    (tmp_path / "blocks").mkdir()
    text, files = script(tmp_path / "blocks")
    assert {f"src/vonglau_lighting/{name}.py" for name in ("payloads", "rules", "service", "models", "views")} <= set(
        files
    )
    desk = tmp_path / "desk"
    desk.mkdir()
    kept = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=desk,
        env={
            **kept,
            "PATH": f"{programs}{os.pathsep}{kept['PATH']}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "TRIAL_SECONDS": "240",
        },
        capture_output=True,
        text=True,
        timeout=1_160,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    for said in ("8 passed", "12 passed", "complete, and compiled", "nothing to mend", "13 passed"):
        assert said in done.stdout, done.stdout[-4000:]
    assert "vonglau_lighting-0.1.0-py3-none-any.whl" in done.stdout

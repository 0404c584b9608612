"""Pages of docs/howto are followed literally: every block, in order, in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import environment, free_port

PAGES = Path(__file__).parent.parent.parent / "docs" / "howto"


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here: `apt-get install curl` to run it")
@pytest.mark.parametrize(("page", "at_least"), [("integrator", 8), ("notices", 6)])
def test_every_block_of_the_page_runs(tmp_path: Path, page: str, at_least: int) -> None:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= at_least
    script = tmp_path / "page.sh"
    script.write_text(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "\n".join(blocks), encoding="utf-8"
    )
    here = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-x", str(script)],
        cwd=tmp_path,
        env={
            **environment(),
            "PORT": str(free_port()),
            "RECEIVER": str(free_port()),
            "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]

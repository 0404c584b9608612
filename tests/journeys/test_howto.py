"""The integrator's page is followed literally: every block, in order, in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import environment, free_port

PAGE = Path(__file__).parent.parent.parent / "docs" / "howto" / "integrator.md"


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here: `apt-get install curl` to run it")
def test_every_block_of_the_integrators_page_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 8
    script = tmp_path / "page.sh"
    script.write_text(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "\n".join(blocks), encoding="utf-8"
    )
    here = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-x", str(script)],
        cwd=tmp_path,
        env={**environment(), "PORT": str(free_port()), "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]

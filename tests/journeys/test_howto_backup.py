"""The administrator's page about backups is followed literally: every block, in order, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import environment

PAGE = Path(__file__).parent.parent.parent / "docs" / "howto" / "backup.md"


@pytest.mark.timeout(900)
def test_every_block_of_the_page_about_backups_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    here = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={**environment(), "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    assert "all is whole" in done.stdout
    assert (tmp_path / "restored" / "state.db").exists()

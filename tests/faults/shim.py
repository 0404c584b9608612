"""A library between the product and the system: `shim.c`, compiled where there is a compiler."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.serving import environment

SOURCE = Path(__file__).with_name("shim.c")


class Shim:
    """What the processes that are started with `variables` believe of the time, and how long their disk takes."""

    def __init__(self, folder: Path) -> None:
        self.library, self.file = folder / "shim.so", folder / "shim"
        compiled = ["cc", "-O1", "-shared", "-fPIC", "-o", str(self.library), str(SOURCE)]
        subprocess.run(compiled, check=True, capture_output=True)
        self.file.write_bytes(bytes(16))
        with self.file.open("r+b") as file:
            self._told = mmap.mmap(file.fileno(), 16)

    @property
    def variables(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "FAULT_SHIM": str(self.file)}

    def clock(self, ahead: int) -> None:
        """Set the wall: seconds ahead of the real one."""
        self._told[:8] = struct.pack("=q", ahead)

    def disk(self, milliseconds: int) -> None:
        """How much longer each fsync takes; less than before lets go of those that wait."""
        self._told[8:] = struct.pack("=q", milliseconds)


@pytest.fixture
def shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shim:
    """For every server that the test starts."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here: `apt-get install gcc libc6-dev` to run it")
    made = Shim(tmp_path)
    monkeypatch.setattr("tests.serving.environment", lambda *of: {**environment(*of), **made.variables})
    return made

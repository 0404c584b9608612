"""A small disk of its own for a data folder, so that it can be filled: a loop device with ext4. Needs the right to mount."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


class Disk:
    """`path` is the mounted folder where `mounted`; an ordinary folder otherwise."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.path, self.image = folder / "disk", folder / "image"
        self.path.mkdir()
        self.mounted = False
        if os.geteuid() == 0 and shutil.which("mkfs.ext4"):
            with self.image.open("wb") as image:
                image.truncate(mib * 1024 * 1024)
            made = subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=False, capture_output=True)
            loop = ["mount", "-o", "loop", str(self.image), str(self.path)]
            self.mounted = (
                made.returncode == 0 and subprocess.run(loop, check=False, capture_output=True).returncode == 0
            )
        self.ballast = self.path / "ballast"

    def fill(self) -> None:
        """To the last block."""
        for size in (1024 * 1024, 4096, 512):
            with self.ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(b"\0" * size)

    def room(self) -> None:
        self.ballast.unlink(missing_ok=True)

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)


@contextlib.contextmanager
def disk(folder: Path, mib: int = 256) -> Iterator[Disk]:
    made = Disk(folder, mib)
    try:
        yield made
    finally:
        made.close()

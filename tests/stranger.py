"""A stranger's package beside ours: on the path with its entry point, as `pip install` would leave it, without touching this environment."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.serving import environment


@dataclass(frozen=True)
class Stranger:
    """A service's own package in a folder; `run` runs programs that see it installed."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.root / "src" / f"vonglau_{self.name}"

    def install(self) -> "Stranger":
        """What an installer writes: the metadata with the entry points of its pyproject.toml, read as they stand there."""
        import tomllib

        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = self.root / "installed" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = [
            line
            for group, points in project["entry-points"].items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        return self

    def environment(self) -> dict[str, str]:
        paths = [str(self.root / "src"), str(self.root / "installed"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**environment(), "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *arguments: str, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.root, env=self.environment(), capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    def vonglau(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run("vonglau.cli", *arguments)

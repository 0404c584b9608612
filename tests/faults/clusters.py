"""Cities on a PostgreSQL server that a fault may kill."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests import postgres
from tests.serving import VONGLAU, environment
from vonglau.engines.database import VARIABLE, Database, remember


class Cluster:
    """The server, and new installations on it: one is made, the others are copies of it."""

    def __init__(self, server: postgres.Server, cities: Path) -> None:
        self.server, self._first = server, cities / "first"

    def city(self, data: Path) -> Path:
        """A new city with a database of its own, in this data folder. Nothing may run on another one meanwhile."""
        if not self._first.exists():
            self._init(self._first, self.server.url("first"))
        shutil.copytree(self._first, data)
        remember(data, Database(self.server.url(f"city_{os.getpid()}_{data.parent.name}_{data.name}", like="first")))
        return data

    def beside(self, city: Path, data: Path) -> Path:
        """Another host's data folder: the same secrets, the database's address among them."""
        data.mkdir(mode=0o700)
        shutil.copytree(city / "secrets", data / "secrets")
        return data

    @staticmethod
    def _init(data: Path, url: str) -> None:
        command = [*VONGLAU, "init", "--data", str(data), "--locality", "48"]
        subprocess.run(command, env={**environment(), VARIABLE: url}, check=True, capture_output=True, timeout=300)

    def kill(self) -> None:
        """kill -9 of the postmaster and of everything below it."""
        process = self.server.process
        assert process is not None
        below = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (process.pid, *map(int, below)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(30)
        self.server.process = None

    def start(self) -> None:
        self.server.start()

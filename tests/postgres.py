"""A PostgreSQL server of one's own, from the system's binaries, in a temporary folder; reached by a Unix socket alone.

For tests and measurements. `initdb` refuses to run as root: there it runs as another user.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60
FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "5s"}
"""For tests of behaviour. Faults and measurements take the server's own, durable settings."""

_PR_SET_PDEATHSIG = 1


def binaries() -> Path | None:
    """The folder of the newest server that is installed; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _owner() -> "pwd.struct_passwd | None":
    """Whom to run it as when we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`.")


def _end_with_parent() -> None:
    """In the child: a test session that is killed takes its server with it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


@dataclass
class Server:
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError("PostgreSQL is not installed here: apt-get install postgresql")
        self._binaries, self._owner = found, _owner()

    def _run(self, *command: str, **more: object) -> "subprocess.Popen[bytes]":
        who = (
            {} if self._owner is None else {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}
        )
        return subprocess.Popen(
            command,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            **who,
            **more,  # type: ignore[call-overload]
        )

    def make(self) -> "Server":
        """A new cluster: its texts compare by code points, and know capitals of every alphabet."""
        if self._owner is not None:
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
        command = [str(self._binaries / "initdb"), "-D", str(self.folder / "data"), "-U", "vonglau", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--lc-collate=C", "--no-sync", "--no-instructions"]
        made = self._run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = made.communicate(timeout=START_SECONDS)
        if made.returncode != 0:
            raise RuntimeError(f"initdb: {said.decode('utf-8', 'replace')}")
        return self

    def start(self) -> "Server":
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "300"}
        settings |= self.settings
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self.process = self._run(
                str(self._binaries / "postgres"),
                "-D",
                str(self.folder / "data"),
                *flags,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
            )
        until = time.monotonic() + START_SECONDS
        while self._run(
            str(self._binaries / "pg_isready"), "-q", "-h", str(self.folder), "-U", "vonglau", "-d", "postgres"
        ).wait():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT: fast shutdown. SIGQUIT: at once, as in a crash (recovery at the next start)."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(START_SECONDS)
        self.process = None

    def version(self) -> str:
        said = subprocess.run([self._binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
        return said.stdout.split()[2]

    def url(self, name: str, like: str = "template0") -> str:
        """The address of a database, made if it is not there, as a copy of another if one is named."""
        import psycopg
        from psycopg import errors, sql

        with psycopg.connect(self._address("postgres"), autocommit=True) as db, suppress(errors.DuplicateDatabase):
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (like,))
            names = sql.Identifier(name), sql.Identifier(like)
            db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return self._address(name)

    def _address(self, name: str) -> str:
        return f"postgresql://vonglau@/{name}?host={self.folder}"


@contextmanager
def server(**settings: str) -> Iterator[Server]:
    """A running server, gone at the end with all it held."""
    folder = Path(tempfile.mkdtemp(prefix="vl-pg-", dir="/tmp"))
    made = Server(folder, settings)
    try:
        yield made.make().start()
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)

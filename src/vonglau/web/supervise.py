"""`vonglau serve`: one door, some web processes, one worker; any of them may die and is started again.

The supervisor opens the sockets and hands them down, so that clients queue instead of being refused while a process comes back.
Its children notice its own death by the pipe it holds, and end.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vonglau.core.errors import BadInput, Unavailable
from vonglau.kit.metrics import Numbers

STOP_SECONDS = 8.0
READY_SECONDS = 90.0
STEADY_SECONDS = 30.0
"""A process that lived this long starts again at once; one that keeps dying waits longer each time."""
BACKLOG = 2048
UNIX_PATH_LIMIT = 100
"""Bytes of a Unix socket's path that every system takes (Linux: 107)."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to serve."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    web: int = 1
    tier: str = "city"
    demo: bool = False
    names: tuple[str, ...] = ()
    """Further host names it answers to."""
    origin: str = ""
    """The public address when a proxy of the operator's stands in front."""


@dataclass(slots=True)
class Child:
    name: str
    arguments: list[str]
    descriptors: tuple[int, ...]
    process: subprocess.Popen[bytes] | None = None
    born: float = 0.0
    restarts: int = 0
    deaths: int = 0
    """In a row, without a steady life between."""
    again_at: float = field(default=0.0)


def hold(data: Path) -> int:
    """Take the data folder for this supervisor. The system lets go of it when the process ends, however it ends."""
    folder = data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        owner = os.pread(held, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(held)
        raise Unavailable(
            f"{data} is already being served by process {owner}: stop it first, or serve another folder."
        ) from taken
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held


def listen(host: str, port: int) -> socket.socket:
    """The public socket. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        opened.close()
        raise BadInput(f"Cannot listen on {host}:{port} ({error}): choose another --host or --port.") from error
    return opened


def short_folder() -> Path:
    """A private folder whose paths are short enough for Unix sockets."""
    made = Path(tempfile.mkdtemp(prefix="vl-"))
    if len(str(made)) + 20 > UNIX_PATH_LIMIT:
        made.rmdir()
        made = Path(tempfile.mkdtemp(prefix="vl-", dir="/tmp"))
    return made


class Supervisor:
    """`run` returns the exit code when it was asked to stop."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self.plan, self.say = plan, say
        self.stopping = False
        self.held = hold(plan.data)
        self.folder = short_folder()
        self.public = listen(plan.host, plan.port)
        self.port: int = self.public.getsockname()[1]
        self.inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.inner.bind(str(self.folder / "web"))
        self.inner.listen(BACKLOG)
        self.life, self._our_end = os.pipe()
        self.numbers = Numbers("supervisor", plan.data)
        self.children = [
            self._child("worker", "worker"),
            *(self._child(f"web{n + 1}", "web", self.inner) for n in range(plan.web)),
            self._child("door", "door", self.public, ["--backend", str(self.folder / "web")]),
        ]

    @property
    def url(self) -> str:
        """Where a person on this machine opens it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.plan.host, self.plan.host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}"

    def _child(self, name: str, kind: str, on: socket.socket | None = None, more: list[str] | None = None) -> Child:
        arguments = [
            sys.executable,
            "-m",
            "vonglau.web.run",
            kind,
            "--name",
            name,
            "--life",
            str(self.life),
            *(more or []),
        ]
        if on is None:
            return Child(name, arguments, (self.life,))
        return Child(name, [*arguments, "--socket", str(on.fileno())], (self.life, on.fileno()))

    def _environment(self) -> dict[str, str]:
        names = ["127.0.0.1", "localhost", "[::1]", self.plan.host, socket.gethostname(), *self.plan.names]
        said = os.environ.get("VONGLAU_HOSTS", "")
        return {
            **os.environ,
            "VONGLAU_DATA": str(self.plan.data),
            "VONGLAU_TIER": self.plan.tier,
            "VONGLAU_DEMO": "1" if self.plan.demo else "0",
            "VONGLAU_DOOR": self.url,
            **({"VONGLAU_ORIGIN": self.plan.origin} if self.plan.origin else {}),
            "VONGLAU_HOSTS": ",".join(dict.fromkeys(name for name in [*said.split(","), *names] if name)),
            "DJANGO_SETTINGS_MODULE": "vonglau.web.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> None:
        for name in ("door", "worker", *(f"web{n + 1}" for n in range(64))):
            (self.plan.data / "run" / f"{name}.json").unlink(missing_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        for child in self.children:
            self._spawn(child)

    def stop(self) -> None:
        """May be called from a signal or another thread."""
        self.stopping = True

    def _spawn(self, child: Child) -> None:
        child.born = time.monotonic()
        child.process = subprocess.Popen(
            child.arguments,
            env=self._environment(),
            pass_fds=child.descriptors,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            # Ctrl-C in a terminal reaches the whole group: the order of stopping is the supervisor's.
            start_new_session=True,
        )

    def watch(self) -> None:
        """One look at the children: who ended is started again, at once or after a pause that doubles."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                code = child.process.returncode
                child.process = None
                child.deaths = 1 if now - child.born > STEADY_SECONDS else child.deaths + 1
                child.again_at = now + (0 if child.deaths == 1 else min(10.0, 0.25 * 2**child.deaths))
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                self.say(f"{child.name} ended ({how}) and is started again.")
            if child.process is None and now >= child.again_at and not self.stopping:
                child.restarts += 1
                self.numbers.total("vonglau_process_restarts", child.restarts, process=child.name)
                self._spawn(child)

    def run(self, ready: Callable[[], None], check: Callable[[], bool]) -> int:
        """Start, say when it is ready, watch until stopped."""
        self.start()
        waiting_until: float | None = time.monotonic() + READY_SECONDS
        written = 0.0
        try:
            while not self.stopping:
                self.watch()
                if waiting_until is not None and check():
                    waiting_until = None
                    ready()
                elif waiting_until is not None and time.monotonic() > waiting_until:
                    self.say("Not every part answers yet; /readyz names which. The messages above say why.")
                    waiting_until = None
                if time.monotonic() - written >= 1:
                    written = time.monotonic()
                    self.numbers.write()
                time.sleep(0.05)
        finally:
            self._end()
        return 0

    def _end(self) -> None:
        """The door first, so that nothing new comes in; whoever does not end in time is killed."""
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children):
            if child.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()
        for child in reversed(self.children):
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.name} did not end in {STOP_SECONDS:.0f} s and was killed.")
                child.process.kill()
                child.process.wait()
        self.public.close()
        self.inner.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._our_end)
        os.close(self.life)
        os.close(self.held)

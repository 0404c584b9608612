"""`vonglau serve`: one door, some web processes, one worker; any of them may die and is started again.

The supervisor opens the sockets and hands them down, so that clients queue instead of being refused while a process comes back.
Its children notice its own death by the pipe it holds, and end. It lives long and does little, so it loads neither Django nor what that
brings: `vonglau serve` becomes `python -m vonglau.web.supervise` once it has looked at what it was asked.
On several hosts each has a supervisor with some of the roles (`web/roles.py`).
"""

import contextlib
import http.client
import json
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
from urllib.parse import urlsplit

from vonglau.core.errors import VongLauError
from vonglau.kit import boards
from vonglau.kit.metrics import Numbers
from vonglau.web import notifying
from vonglau.web.roles import BACKLOG, Plan, hold, listen

STOP_SECONDS = 8.0
READY_SECONDS = 90.0
STEADY_SECONDS = 30.0
"""A process that lived this long starts again at once; one that keeps ending by itself waits longer each time."""
LONGEST_PAUSE = 10.0
KILLED_PAUSE = 0.5
"""Whoever a signal ended, however often, did not find that it cannot run: the city waits for it, so it comes back soon."""
UNIX_PATH_LIMIT = 100
"""Bytes of a Unix socket's path that every system takes (Linux: 107)."""

Say = Callable[[str], None]


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
        self.held = hold(plan)
        self.folder = short_folder()
        self.sockets: list[socket.socket] = []
        self.life, self._our_end = os.pipe()
        self.port = plan.port
        self.numbers = Numbers("supervisor", plan.data, None if plan.shared else boards.Files(plan.data))
        self.children = [*self._worker(), *self._web(), *self._door()]
        """In the order of starting; they end the other way round."""

    def _worker(self) -> list[Child]:
        return [self._child("worker", "worker")] if "worker" in self.plan.only else []

    def _web(self) -> list[Child]:
        """All of them share one socket: private to this host, or where `web_listen` says for a door elsewhere."""
        if "web" not in self.plan.only:
            return []
        if self.plan.web_listen:
            shared = listen(self.plan.web_listen)
        else:
            shared = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            shared.bind(str(self.folder / "web"))
            shared.listen(BACKLOG)
        self.sockets.append(shared)
        return [self._child(f"web{n + 1}", "web", shared) for n in range(self.plan.web)]

    def _door(self) -> list[Child]:
        if "door" not in self.plan.only:
            return []
        host = f"[{self.plan.host}]" if ":" in self.plan.host else self.plan.host
        public = listen(f"{host}:{self.plan.port}")
        self.port = public.getsockname()[1]
        self.sockets.append(public)
        here = [f"unix:{self.folder / 'web'}"] if "web" in self.plan.only else []
        where = [word for address in (*here, *self.plan.web_at) for word in ("--backend", address)]
        return [self._child("door", "door", public, where)]

    @property
    def url(self) -> str:
        """Where a person on this machine opens it; on a host without a door, where that stands."""
        if "door" not in self.plan.only:
            return self.plan.door
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
        stale = [f"web{n + 1}" for n in range(64)] if "web" in self.plan.only else []
        self.numbers.forget([*(child.name for child in self.children), *stale])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        for child in self.children:
            self._spawn(child)

    def stop(self) -> None:
        """May be called from a signal or another thread."""
        self.stopping = True

    def all_wrote(self) -> bool:
        """Whether every part of this host has written figures since it was started: how a host without a door knows that it works."""
        wrote = {body["pid"] for body in self.numbers.board.read()}
        return all(child.process is not None and child.process.pid in wrote for child in self.children)

    def _spawn(self, child: Child) -> None:
        child.born = time.monotonic()
        child.process = subprocess.Popen(
            child.arguments,
            env=notifying.without(self._environment()),
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
                child.again_at = now + pause(code, child.deaths)
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
                    notifying.say("READY=1")
                elif waiting_until is not None and time.monotonic() > waiting_until:
                    self.say("Not every part answers yet; /readyz names which. The messages above say why.")
                    waiting_until = None
                if time.monotonic() - written >= 1:
                    written = time.monotonic()
                    self.numbers.write()
                    notifying.say("WATCHDOG=1")
                time.sleep(0.05)
        finally:
            self._end()
        return 0

    def _end(self) -> None:
        """The door first, so that nothing new comes in; whoever does not end in time is killed."""
        notifying.say("STOPPING=1")
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
        for opened in self.sockets:
            opened.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._our_end)
        os.close(self.life)
        for held in self.held:
            os.close(held)


def pause(code: int, deaths: int) -> float:
    """Seconds until a process is started again; `code` as `Popen` says it, `deaths` in a row."""
    longest = KILLED_PAUSE if code < 0 else LONGEST_PAUSE
    return 0.0 if deaths == 1 else min(longest, 0.25 * 2 ** min(deaths, 10))


def ready(url: str) -> bool:
    """Whether every part answers."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=3)
    try:
        link.request("GET", "/readyz")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def run(plan: Plan, *, as_json: bool) -> int:
    """Supervise until stopped. With `as_json` one line is printed when every part answers."""
    supervisor = Supervisor(plan, lambda words: print(words, file=sys.stderr, flush=True))
    roles = ",".join(sorted(plan.only))

    def announce() -> None:
        if as_json:
            said = json.dumps({"url": supervisor.url, "pid": os.getpid(), "roles": roles})
        elif "door" in plan.only:
            said = f"Vọng Lâu serves {plan.data} at {supervisor.url}  (Ctrl-C stops it)"
        else:
            said = f"Vọng Lâu runs {roles} for the door at {supervisor.url}  (Ctrl-C stops it)"
        print(said, flush=True)

    return supervisor.run(announce, lambda: ready(supervisor.url) if "door" in plan.only else supervisor.all_wrote())


def main() -> None:
    plan, as_json = Plan.decoded(sys.argv[1]), "--json" in sys.argv[2:]
    if plan.shared:
        import django

        django.setup()
    try:
        sys.exit(run(plan, as_json=as_json))
    except VongLauError as wrong:
        print(f"Error: {wrong.message}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

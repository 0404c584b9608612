"""`vonglau demo`: the operations centre of Đà Nẵng in a drill world whose day runs at 60×.

One command: a fresh data folder, the server, the drill (`demo_day`). The accounts it makes can sign in only while it serves.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vonglau.core.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from vonglau.web.demo_day import Account

LOCALITY = "48"
ACCOUNTS = "demo-accounts.json"


def run(data: Path, host: str = "127.0.0.1", port: int = 8000, *, as_json: bool = False, web: int = 1) -> None:
    """Set up a fresh drill, serve it, and let its day run until interrupted."""
    console = Console(stderr=True, highlight=False)
    _fresh(data)
    os.environ.update(VONGLAU_DATA=str(data), VONGLAU_DEMO="1", DJANGO_SETTINGS_MODULE="vonglau.web.settings")
    _command("init", "--data", str(data), "--locality", LOCALITY)
    import django

    django.setup()
    from vonglau.web import demo_day

    opens = demo_day.opening(demo_day.today())
    token, accounts = demo_day.people(data, opens)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _serving(data, host, port, web) as server:
        with Progress(*columns, console=console) as bar:
            demo_day.learn(host, port, token, opens, bar)
            demo_day.past(opens, bar)
        demo_day.start_clock(opens)
        _welcome(console, f"http://{host}:{port}", accounts, as_json)
        with suppress(KeyboardInterrupt):
            demo_day.live(host, port, token, opens, server)


def _fresh(data: Path) -> None:
    """A demo starts anew each time; anybody else's data folder is left alone."""
    if (data / ACCOUNTS).exists():
        shutil.rmtree(data)
    elif data.exists() and any(data.iterdir()):
        raise BadInput(f"{data} holds something that is not a demo; give an empty or a new folder with --data.")
    data.mkdir(parents=True, exist_ok=True)
    (data / ACCOUNTS).write_text("[]")  # marks the folder as a demo's from the first moment


def _command(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "vonglau.cli", *arguments], check=False)
    if done.returncode:
        raise Unavailable(f"`vonglau {arguments[0]}` ended with {done.returncode}; its message stands above.")


@contextmanager
def _serving(data: Path, host: str, port: int, web: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The server as a child; stopped, with all of its processes, when the demo ends. Only this child lets demo accounts in."""
    ours, its = os.pipe()[::-1]  # its end closes with us, however we end: then it stops too
    arguments = [str(data), host, str(port), str(web), str(its)]
    server = subprocess.Popen(
        [sys.executable, "-m", "vonglau.web.demo", *arguments], stdout=subprocess.DEVNULL, pass_fds=(its,)
    )
    os.close(its)
    try:
        _wait_ready(server, host, port)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
        os.close(ours)


def _wait_ready(server: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    for _try in range(600):
        if server.poll() is not None:
            raise Unavailable("The server stopped while starting; its message stands above.")
        try:
            connection = HTTPConnection(host, port, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        time.sleep(0.1)
    raise Unavailable("The server did not become ready within a minute.")


def _welcome(console: Console, url: str, accounts: "list[tuple[Account, str]]", as_json: bool) -> None:
    console.print("\n[bold]Vọng Lâu[/bold] · trung tâm điều hành Đà Nẵng, diễn tập, ngày chạy nhanh 60 lần")
    console.print(f"  [bold green]{url}[/bold green]\n")
    for account, password in accounts:
        console.print(f"  {account.name:<14} {account.username:<10} {password}", markup=False)
    console.print("\n  Ctrl-C để dừng · Ctrl-C stops it\n")
    if as_json:
        said = {
            "url": url,
            "world": "da-nang-drill",
            "accounts": {a.role: {"username": a.username, "password": p} for a, p in accounts},
        }
        print(json.dumps(said), flush=True)


def serve(data: str, host: str, port: str, web: str, life: str) -> int:
    """What the child runs: `vonglau serve`, with demonstration accounts let in, for as long as its parent lives."""
    from vonglau.web.commands.base import configure
    from vonglau.web.roles import Plan
    from vonglau.web.serving import follow_life
    from vonglau.web.supervise import run as supervise

    follow_life(int(life))
    configure(Path(data))
    return supervise(Plan(data=Path(data), host=host, port=int(port), web=int(web), demo=True), as_json=True)


if __name__ == "__main__":
    raise SystemExit(serve(*sys.argv[1:]))

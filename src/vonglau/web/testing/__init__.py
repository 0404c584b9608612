"""A city to try a service in: the real product on a free port, in a folder of its own, with a recording as its world.

A recording's clock is driven by its events, so that a night of readings is over as soon as it was sent, and silence is heard in it.

    with city(tmp_path) as trial:
        trial.post([cloudevent("vn.example.lighting.lamp", at, {"power_w": 0}, subject="lamp-1")])
        alert = trial.until(lambda: trial.api("alerts")["items"])[0]
        assert "lamp-1" in trial.page("/lighting/")
"""

import html
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from vonglau.core.errors import Unavailable

Found = TypeVar("Found")

START_SECONDS = 180.0
WAIT_SECONDS = float(os.environ.get("TRIAL_SECONDS", "30"))
"""Patience with the worker; TRIAL_SECONDS lengthens it on a busy machine."""
PASSWORD = "một-câu-dài-chỉ-để-thử"  # noqa: S105 - of an account that lives as long as the test


def cloudevent(
    type: str,
    at: datetime,
    data: Mapping[str, Any],
    *,
    subject: str,
    lon: float | None = None,
    lat: float | None = None,
    source: str = "/trial",
) -> dict[str, Any]:
    """An event as a device's gateway would post it."""
    place = {} if lon is None or lat is None else {"lon": str(lon), "lat": str(lat)}
    moment = at.isoformat()
    return {
        "specversion": "1.0", "id": f"{subject}-{moment}", "source": source, "type": type, "subject": subject, "time": moment,
        **place, "data": dict(data),
    }  # fmt: skip


class City:
    """A served installation and one supervisor signed in to it, who looks at the trial's world."""

    def __init__(self, port: int, world: str, token: str, log: Path) -> None:
        self.port, self.world, self.token, self.log = port, world, token, log
        self.url = f"http://127.0.0.1:{port}"
        self._cookies: dict[str, str] = {}
        self._language = "vi"

    def post(self, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Through the door, into the trial's world. Raises AssertionError with the door's reasons when one was not accepted."""
        body = json.dumps([{**event, "exercise": self.world} for event in events]).encode()
        headers = {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {self.token}"}
        status, _headers, said = self._ask("POST", "/api/events", body, headers)
        answer: dict[str, Any] = json.loads(said)
        assert status == 202, f"the door answered {status}: {answer}"
        assert not answer.get("quarantined"), f"the door keeps events in quarantine: {answer}"
        return answer

    def api(self, path: str, **query: str) -> Any:
        """The JSON API's answer: api("alerts"), api("indicators/lamps_burning", start="2026-11-02")."""
        asked = urlencode({"world": self.world, **query})
        status, _headers, said = self._ask(
            "GET", f"/api/{path}?{asked}", None, {"Authorization": f"Bearer {self.token}"}
        )
        assert status == 200, f"/api/{path} answered {status}: {said[:500]!r}"
        return json.loads(said)

    def page(self, path: str, language: str = "vi") -> str:
        """The text of a page as the supervisor sees it, without its tags."""
        if language != self._language:
            self._form("/", "/language", language=language)
            self._language = language
        status, headers, said = self._ask("GET", path, None, {"Accept": "text/html"})
        why = _last_error(self.log) if status >= 500 else f"{headers.get('location', '')} {_plain(said)[:600]}"
        assert status == 200, f"{path} answered {status}: {why}"
        return _plain(said)

    def until(self, look: Callable[[], Found], seconds: float = WAIT_SECONDS) -> Found:
        """What `look` gives once it is something; the worker needs a moment after the door answered."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, f"still nothing after {seconds:.0f} s: {look.__name__}"
            time.sleep(0.1)
        return found

    def sign_in(self, username: str) -> None:
        """As a person does: the form, its token, the world to look at."""
        self._form("/accounts/login/", "/accounts/login/", login=username, password=PASSWORD)
        self._form("/", f"/world/{self.world}")

    def _form(self, page: str, action: str, **fields: str) -> None:
        _status, _headers, said = self._ask("GET", page, None, {"Accept": "text/html"})
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', said.decode())
        assert token, f"{page} has no form to send: {_plain(said)[:300]}"
        body = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": self.url + page}
        status, _headers, said = self._ask("POST", action, body, headers)
        assert status == 302, f"{action} answered {status}: {_plain(said)[:500]}"

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        link = HTTPConnection("127.0.0.1", self.port, timeout=30)
        if self._cookies and "Authorization" not in headers:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        link.request(method, path, body, headers)
        answer = link.getresponse()
        said = answer.read()
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies.update({name: one.value for name, one in SimpleCookie(line).items()})
        link.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, said


@contextmanager
def city(folder: Path, world: str = "trial", locality: str = "48") -> Iterator[City]:
    """Make an installation in a folder, serve it, sign in; it is stopped at the end. About ten seconds."""
    data = folder / "city"
    _command("init", "--data", data, "--locality", locality)
    said = _command("token", "create", "trial", "--scope", "events:write,read", "--world", world, "--data", data)
    _command("user", "create", "truong.ca", "--role", "supervisor", "--data", data, stdin=f"{PASSWORD}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with (folder / "city.log").open("w") as log:
        server = subprocess.Popen(
            [*_PROGRAM, "serve", "--data", str(data), "--port", str(port)],
            stdout=log, stderr=log, env=_environment(), start_new_session=True,
        )  # fmt: skip
        try:
            _wait(server, port, folder / "city.log")
            found = City(port, world, said.strip().splitlines()[-1], folder / "city.log")
            found.sign_in("truong.ca")
            yield found
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(10)


_PROGRAM = [sys.executable, "-m", "vonglau.cli"]


def _environment() -> dict[str, str]:
    """The caller's, less what belongs to the test session's own Django."""
    return {
        key: value for key, value in os.environ.items() if not key.startswith(("VONGLAU_DATA", "DJANGO_", "PYTEST_"))
    }


def _command(*arguments: str | Path, stdin: str | None = None) -> str:
    done = subprocess.run(
        [*_PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, text=True, env=_environment(), check=False
    )
    if done.returncode:
        raise Unavailable(
            f"`vonglau {' '.join(map(str, arguments))}` ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return done.stdout


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise Unavailable(f"The server ended with {server.returncode}: {log.read_text()[-2000:]}")
        link = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            link.request("GET", "/readyz")
            if link.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            link.close()
        time.sleep(0.1)
    raise Unavailable(f"The server was not ready after {START_SECONDS:.0f} s: {log.read_text()[-2000:]}")


def _last_error(log: Path) -> str:
    """The end of the last traceback the server wrote."""
    for line in reversed(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        if "Traceback" in line:
            try:
                return str(json.loads(line).get("exc_info", line))[-2_000:]
            except json.JSONDecodeError:
                return line[-2_000:]
    return f"its log says nothing of it: {log}"


def _plain(page: bytes) -> str:
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page.decode("utf-8", "replace"), flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))

"""Door, web processes and worker under supervisors of their own, reached over TCP: as on several hosts, here with one state."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.serving import VONGLAU, Serving, environment, free_port, new_city, token, vonglau

EVENT = {"specversion": "1.0", "id": "1", "source": "/test", "type": "test.thing", "time": "2026-11-20T00:00:00Z"}


@contextmanager
def host(data: Path, *arguments: str | int, ready: bool = True) -> Iterator["subprocess.Popen[str]"]:
    """A supervisor with some roles. Where no door runs its line of JSON says that its parts work."""
    process = subprocess.Popen(
        [*VONGLAU, "serve", "--data", str(data), "--json", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        if ready:
            assert json.loads(process.stdout.readline())["pid"] == process.pid
        yield process
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    link = HTTPConnection("127.0.0.1", port, timeout=20)
    link.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    answer = link.getresponse()
    body = answer.read()
    link.close()
    return answer.status, body


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_city(tmp_path_factory.mktemp("roles") / "city")


def test_each_role_may_have_a_supervisor_of_its_own(city: Path) -> None:
    front, back = free_port(), free_port()
    address, door = f"127.0.0.1:{back}", f"http://127.0.0.1:{front}"
    with (
        host(city, "--only", "door", "--port", front, "--web-at", address, ready=False) as first,
        host(city, "--only", "web", "--web", 2, "--web-listen", address, "--door", door) as second,
        host(city, "--only", "worker", "--door", door),
    ):
        served = Serving(door, city, first)
        served.wait_ready()
        ready: Any = served.request("GET", "/readyz")[2]
        assert ready["checks"]["web"] == {"ok": True, "answering": 1, "of": 1}
        assert get(front, "/accounts/login/")[0] == 200
        assert served.request("POST", "/api/events", EVENT, token(city))[0] == 202
        # Who reaches the web processes without the door is nobody, whatever he says about himself.
        status, said = get(back, "/accounts/login/", X_Forwarded_For="127.0.0.1", X_Vonglau_Hop="1 2")
        assert status == 403
        assert b"door" in said
        assert get(back, "/-/alive")[0] == 403
        # A role of a folder is held once, and who tries learns by whom.
        again = vonglau("serve", "--data", city, "--only", "worker", "--door", door)
        assert again.returncode == 2
        assert "(worker)" in again.stderr
        # Web processes go and come back: the door says so, and finds them again by itself.
        second.terminate()
        second.wait(20)
        status, _ = get(front, "/accounts/login/")
        assert status == 502
        assert served.request("GET", "/readyz")[0] == 503
        assert served.request("POST", "/api/events", {**EVENT, "id": "2"}, token(city))[0] == 202
        with host(city, "--only", "web", "--web-listen", address, "--door", door):
            until = time.monotonic() + 20
            while served.request("GET", "/readyz")[0] != 200:
                assert time.monotonic() < until, "the door did not find the web processes again"
                time.sleep(0.1)


def test_web_processes_may_be_reached_over_a_socket_of_the_operators_choice(city: Path) -> None:
    front, address = free_port(), f"unix:{city.parent / 'web.sock'}"
    door = f"http://127.0.0.1:{front}"
    with (
        host(city, "--only", "web", "--web-listen", address, "--door", door),
        host(city, "--only", "door", "--only", "worker", "--port", front, "--web-at", address) as first,
    ):
        Serving(door, city, first).wait_ready()
        assert get(front, "/accounts/login/")[0] == 200
        assert (city.parent / "web.sock").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--only", "door"], "--web-at"),
        (["--only", "door", "--web-at", "nowhere"], "host:port"),
        (["--only", "web", "--door", "http://127.0.0.1:1"], "--web-listen"),
        (["--only", "worker"], "--door"),
        (["--only", "worker", "--door", "http://127.0.0.1:1", "--web-at", "127.0.0.1:2"], "--web-at"),
        (["--web-listen", "127.0.0.1:0"], "--web-listen"),
    ],
)
def test_roles_that_could_not_reach_each_other_are_refused_with_advice(
    city: Path, arguments: list[str], advice: str
) -> None:
    refused = vonglau("serve", "--data", city, *arguments)
    assert refused.returncode == 2
    assert advice in refused.stderr
    assert "Traceback" not in refused.stderr

"""The shipped configurations of nginx and Caddy as they stand, with Debian's programs on loopback and a certificate made here."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.serving import Serving, free_port, new_city, ran, serving, token

PACKAGING = Path(__file__).parents[2] / "packaging"
NAME = "ioc.example.vn"
PROGRAMS = {name: shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in ("nginx", "caddy")}
PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}
EVENT = {"specversion": "1.0", "id": "1", "source": "/test", "type": "test.thing", "time": "2026-11-20T00:00:00Z"}


@dataclass(frozen=True)
class Site:
    """A proxy, and the server behind it."""

    plain: int
    secure: int
    behind: Serving
    trust: ssl.SSLContext

    def link(self) -> http.client.HTTPSConnection:
        """Like a client that resolved the name: the certificate is checked against it."""
        link = http.client.HTTPSConnection(NAME, self.secure, timeout=30, context=self.trust)
        raw = socket.create_connection(("127.0.0.1", self.secure), timeout=30)
        link.sock = self.trust.wrap_socket(raw, server_hostname=NAME)
        return link

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        link = self.link()
        link.request(method, path, body, {"Host": NAME, **{key.replace("_", "-"): v for key, v in headers.items()}})
        answer = link.getresponse()
        data = answer.read()
        link.close()
        return answer.status, answer.headers, data


def certificate(folder: Path) -> None:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            str(folder / "privkey.pem"),
            "-out",
            str(folder / "fullchain.pem"),
            "-subj",
            f"/CN={NAME}",
            "-addext",
            f"subjectAltName=DNS:{NAME}",
        ],
        check=True,
        capture_output=True,
    )


def nginx(folder: Path, door: int, plain: int, secure: int) -> list[str]:
    """The command that runs the recipe, with only its ports and paths changed."""
    site = (PACKAGING / "nginx" / "vonglau.conf").read_text(encoding="utf-8")
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{door}").replace("/etc/ssl/vonglau/", f"{folder}/")
    site = re.sub(r" *listen \[::\].*\n", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{plain};").replace("listen 443", f"listen 127.0.0.1:{secure}")
    (folder / "site.conf").write_text(site, encoding="utf-8")
    temp = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} pid {folder}/pid; error_log {folder}/error.log; events {{}} "
        f"http {{ access_log off; {temp} include {folder}/site.conf; }}",
        encoding="utf-8",
    )
    return ["-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def caddy(folder: Path, door: int, plain: int, secure: int) -> list[str]:
    """The same for Caddy: its ports, and our certificate instead of one that it would fetch."""
    site = (
        (PACKAGING / "caddy" / "Caddyfile").read_text(encoding="utf-8").replace("127.0.0.1:8000", f"127.0.0.1:{door}")
    )
    site = site.replace(f"\n{NAME} {{", f"\n{NAME} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem")
    ours = f"{{\n\tadmin off\n\tgrace_period 2s\n\thttp_port {plain}\n\thttps_port {secure}\n\tdefault_bind 127.0.0.1\n\tstorage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(ours + site, encoding="utf-8")
    return ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


RECIPES = {"nginx": nginx, "caddy": caddy}


@contextmanager
def proxy(name: str, folder: Path, door: int, plain: int, secure: int) -> Iterator[None]:
    folder.mkdir()
    certificate(folder)
    program, said = PROGRAMS[name], folder / "stderr"
    assert program is not None
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with said.open("wb") as errors:
        words = [program, *RECIPES[name](folder, door, plain, secure)]
        process = subprocess.Popen(words, stderr=errors, env=environment)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", secure), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < until, f"{name} does not listen: {said.read_text()}"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    city = new_city(tmp_path_factory.mktemp("tls") / "city")
    ran("user", "create", "truc", "--role", "supervisor", "--data", city, stdin="mot-mat-khau-du-dai\n")
    with serving(city, "--origin", f"https://{NAME}") as started:
        yield started


@pytest.fixture(scope="module", params=RECIPES)
def site(request: pytest.FixtureRequest, behind: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name: str = request.param
    if PROGRAMS[name] is None:
        pytest.skip(f"no {name} here: `apt-get install {PACKAGES[name]}` to run it")
    folder, plain, secure = tmp_path_factory.mktemp(name) / "proxy", free_port(), free_port()
    with proxy(name, folder, int(behind.url.rpartition(":")[2]), plain, secure):
        yield Site(plain, secure, behind, ssl.create_default_context(cafile=str(folder / "fullchain.pem")))


def test_http_leads_to_https_and_the_browser_remembers(site: Site) -> None:
    link = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=20)
    link.request("GET", "/desk/?a=1", headers={"Host": NAME})
    answer = link.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/desk/?a=1")
    link.close()
    for path, expected in (("/accounts/login/", 200), ("/metrics", 404)):
        status, headers, _ = site.ask("GET", path)
        assert status == expected
        assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
        assert "/" not in headers.get("Server", "")


def test_a_program_that_came_without_tls_is_told_and_not_led_on(site: Site) -> None:
    for path in ("/api/incidents", "/open311/v2/services.json"):
        link = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=20)
        link.request("GET", path, headers={"Host": NAME})
        answer = link.getresponse()
        assert (answer.status, answer.headers["Location"]) == (403, None)
        assert b"https only" in answer.read()
        link.close()


def test_who_came_over_tls_is_told_by_us_too_and_nobody_else(behind: Serving) -> None:
    """A proxy that says nothing of it is no gap."""
    for path in ("/accounts/login/", "/api/incidents", "/healthz", "/nowhere"):
        _, headers, _ = behind.request("GET", path, headers={"Host": NAME, "X-Forwarded-Proto": "https"})
        assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains", path
        assert "strict-transport-security" not in behind.request("GET", path, headers={"Host": NAME})[1], path


def sign_in(site: Site) -> tuple[int, SimpleCookie]:
    _, headers, body = site.ask("GET", "/accounts/login/")
    csrf = SimpleCookie(headers["Set-Cookie"])["__Host-csrftoken"]
    assert csrf["secure"]
    assert csrf["samesite"] == "Lax"
    field = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', body)
    assert field is not None
    form = urlencode(
        {"login": "truc", "password": "mot-mat-khau-du-dai", "csrfmiddlewaretoken": field[1].decode()}
    ).encode()
    status, headers, _ = site.ask(
        "POST",
        "/accounts/login/",
        form,
        Content_Type="application/x-www-form-urlencoded",
        Cookie=f"__Host-csrftoken={csrf.value}",
        Origin=f"https://{NAME}",
        Referer=f"https://{NAME}/accounts/login/",
    )
    cookies: SimpleCookie = SimpleCookie()
    for line in headers.get_all("Set-Cookie") or []:
        cookies.load(line)
    return status, cookies


def test_one_signs_in_with_cookies_that_never_leave_tls_and_follows_the_stream(site: Site) -> None:
    status, cookies = sign_in(site)
    assert status == 302
    session = cookies["__Host-sessionid"]
    assert session["secure"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    link = site.link()
    link.request("GET", "/api/stream", headers={"Host": NAME, "Cookie": f"__Host-sessionid={session.value}"})
    answer = link.getresponse()
    assert answer.status == 200
    began, said = time.monotonic(), b""
    while not said.startswith(b"event: hello"):  # comes at once: nothing between holds it back
        said = answer.readline()
        assert time.monotonic() - began < 10
    link.close()


def test_events_come_in_and_what_is_too_large_is_refused(site: Site) -> None:
    bearer = f"Bearer {token(site.behind.data, name=f'sender-{site.secure}')}"
    body = json.dumps({**EVENT, "id": f"1-{site.secure}"}).encode()
    status, _, said = site.ask(
        "POST", "/api/events", body, Authorization=bearer, Content_Type="application/cloudevents+json"
    )
    assert (status, json.loads(said)["accepted"]) == (202, 1)
    link, size = site.link(), 26 * 2**20
    link.putrequest("POST", "/open311/v2/requests.json", skip_host=True)
    for name, value in (
        ("Host", NAME),
        ("Content-Length", str(size)),
        ("Content-Type", "multipart/form-data; boundary=x"),
    ):
        link.putheader(name, value)
    link.endheaders()
    with suppress(OSError):  # refused before it is through
        link.send(b"x" * size)
    assert link.getresponse().status == 413
    link.close()


def test_who_a_client_says_it_is_counts_for_nothing(site: Site) -> None:
    """A token bound to a network: its holder's word for where he is must not open it, nor the word of who reaches the door itself."""
    made = ran(
        "token",
        "create",
        f"bound-{site.secure}",
        "--scope",
        "events:write",
        "--from",
        "203.0.113.0/24",
        "--data",
        site.behind.data,
    )
    bearer = f"Bearer {made.split()[-1]}"
    body = json.dumps({**EVENT, "id": f"2-{site.secure}"}).encode()
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        said = "for=203.0.113.7" if header == "Forwarded" else "203.0.113.7"
        status, _, _ = site.ask("POST", "/api/events", body, Authorization=bearer, **{header: said})
        assert status == 403, header
    # A client that can reach the door's own port from a proxy's address is a proxy: there the last address is believed.
    status, _, _ = site.behind.request(
        "POST",
        "/api/events",
        {**EVENT, "id": f"3-{site.secure}"},
        bearer.removeprefix("Bearer "),
        {"X-Forwarded-For": "203.0.113.7"},
    )
    assert status == 202

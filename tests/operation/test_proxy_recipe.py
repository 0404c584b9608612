"""The shipped nginx configuration as it stands, with Debian's nginx on loopback and a certificate made here."""

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
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.serving import Serving, free_port, new_city, ran, serving, token

RECIPE = Path(__file__).parents[2] / "packaging" / "nginx" / "vonglau.conf"
NAME = "ioc.example.vn"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
EVENT = {"specversion": "1.0", "id": "1", "source": "/test", "type": "test.thing", "time": "2026-11-20T00:00:00Z"}

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here: `apt-get install nginx-light` to run it")


@dataclass(frozen=True)
class Site:
    """nginx, and the server behind it."""

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


@contextmanager
def nginx(folder: Path, door: int, plain: int, secure: int) -> Iterator[None]:
    """The recipe with only its ports and paths changed."""
    folder.mkdir()
    certificate(folder)
    site = RECIPE.read_text(encoding="utf-8").replace("127.0.0.1:8000", f"127.0.0.1:{door}")
    site = site.replace("/etc/ssl/vonglau/", f"{folder}/")
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
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", secure), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < until, "nginx does not listen"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tls")
    city = new_city(folder / "city")
    ran("user", "create", "truc", "--role", "supervisor", "--data", city, stdin="mot-mat-khau-du-dai\n")
    plain, secure = free_port(), free_port()
    with (
        serving(city, "--origin", f"https://{NAME}") as behind,
        nginx(folder / "nginx", int(behind.url.rpartition(":")[2]), plain, secure),
    ):
        yield Site(plain, secure, behind, ssl.create_default_context(cafile=str(folder / "nginx" / "fullchain.pem")))


def test_http_leads_to_https_and_the_browser_remembers(site: Site) -> None:
    link = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=20)
    link.request("GET", "/desk/?a=1", headers={"Host": NAME})
    answer = link.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/desk/?a=1")
    link.close()
    status, headers, _ = site.ask("GET", "/accounts/login/")
    assert status == 200
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    assert "nginx/" not in headers.get("Server", "")
    assert site.ask("GET", "/metrics")[0] == 404


def sign_in(site: Site) -> tuple[int, SimpleCookie]:
    _, headers, body = site.ask("GET", "/accounts/login/")
    csrf = SimpleCookie(headers["Set-Cookie"])["__Host-csrftoken"]
    assert csrf["secure"]
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
    bearer = f"Bearer {token(site.behind.data)}"
    body = json.dumps(EVENT).encode()
    status, _, said = site.ask(
        "POST", "/api/events", body, Authorization=bearer, Content_Type="application/cloudevents+json"
    )
    assert (status, json.loads(said)["accepted"]) == (202, 1)
    assert site.ask("POST", "/open311/v2/requests.json", b"x", Content_Length=str(26 * 2**20))[0] == 413


def test_who_a_client_says_it_is_counts_for_nothing(site: Site) -> None:
    """A token bound to a network: its holder's word for where he is must not open it, nor the word of who reaches the door itself."""
    made = ran(
        "token", "create", "bound", "--scope", "events:write", "--from", "203.0.113.0/24", "--data", site.behind.data
    )
    bearer = f"Bearer {made.split()[-1]}"
    body = json.dumps({**EVENT, "id": "2"}).encode()
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        said = "for=203.0.113.7" if header == "Forwarded" else "203.0.113.7"
        status, _, _ = site.ask("POST", "/api/events", body, Authorization=bearer, **{header: said})
        assert status == 403, header
    # A client that can reach the door's own port from a proxy's address is a proxy: there the last address is believed.
    status, _, _ = site.behind.request(
        "POST", "/api/events", {**EVENT, "id": "3"}, bearer.removeprefix("Bearer "), {"X-Forwarded-For": "203.0.113.7"}
    )
    assert status == 202

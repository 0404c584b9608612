"""The proxy over a real server on a real socket: what passes, what is held back, what a client sees when nobody answers."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from vonglau.kit.asgi import Receive, Scope, Send, header, respond
from vonglau.web import proxy as proxying
from vonglau.web.backends import Backends
from vonglau.web.proxy import Proxy
from vonglau.web.serving import serve


async def backend(scope: Scope, receive: Receive, send: Send) -> None:
    """Echoes what it was asked, as JSON-like text; /large answers in chunks; /read digests its body."""
    body, parts = b"", 0
    while True:
        message = await receive()
        body, parts = body + message.get("body", b""), parts + 1
        if not message.get("more_body", False):
            break
    if scope["path"] == "/large":
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"x/y"), (b"connection", b"close")],
            }
        )
        for _ in range(64):
            await send({"type": "http.response.body", "body": b"z" * 65_536, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    if scope["path"] == "/read":
        await respond(send, 200, hashlib.sha256(body).hexdigest().encode(), b"text/plain")
        return
    said = [
        scope["method"].encode(),
        scope["raw_path"],
        scope["query_string"],
        *(k + b": " + v for k, v in scope["headers"]),
    ]
    await respond(
        send, 207, b"\n".join(said), b"text/plain", [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-y", b"z")]
    )


class Answer:
    def __init__(self) -> None:
        self.status, self.headers, self.body, self.ended = 0, [], b"", False  # type: ignore[var-annotated]

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message.get("body", b"")
            self.ended = not message.get("more_body", False)


async def ask(
    proxy: Proxy, path: str = "/", method: str = "GET", body: list[bytes] | None = None, **headers: str
) -> Answer:
    path, _, query = path.partition("?")
    parts = list(body or [])
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "client": ("203.0.113.7", 4711),
        "headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        chunk = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(parts)}

    answer = Answer()
    await proxy(scope, receive, answer)
    return answer


def beside(path: Path, act: Callable[[Proxy], Awaitable[None]], *, served: bool = True) -> None:
    async def main() -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen(16)
        if not served:
            listening.close()
        stop, proxy = asyncio.Event(), Proxy(Backends([f"unix:{path}"]))
        await proxy.open()

        async def nothing() -> None: ...

        serving = (
            asyncio.ensure_future(
                serve(backend, os.dup(listening.fileno()), unix=True, at_once=64, stop=stop, on_stop=nothing)
            )
            if served
            else None
        )
        try:
            await act(proxy)
        finally:
            await proxy.close()
            stop.set()
            if serving is not None:
                await serving
            listening.close()

    asyncio.run(main())


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from vonglau.web.supervise import short_folder

    return short_folder() / "web"


def test_a_request_passes_whole_and_only_we_say_where_it_came_from(path: Path) -> None:
    async def act(proxy: Proxy) -> None:
        answer = await ask(
            proxy,
            "/a%2Fb/%C4%90?q=%20&x",
            host="city.example",
            x_forwarded_for="6.6.6.6",
            x_forwarded_proto="https",
            forwarded="for=6.6.6.6",
            x_real_ip="6.6.6.6",
            connection="keep-alive, x-secret",
            x_secret="1",
            te="trailers",
            cookie="a=b; c=d",
        )
        lines = answer.body.decode().splitlines()
        assert lines[:3] == ["GET", "/a%2Fb/%C4%90", "q=%20&x"]
        sent = dict(line.split(": ", 1) for line in lines[3:])
        assert sent["x-forwarded-for"] == "203.0.113.7"
        assert sent["x-forwarded-proto"] == "http"
        assert sent["x-forwarded-host"] == sent["host"] == "city.example"
        assert sent["cookie"] == "a=b; c=d"
        assert not {"forwarded", "x-real-ip", "x-secret", "te"} & sent.keys()
        assert "6.6.6.6" not in answer.body.decode()
        assert answer.status == 207
        assert [value for key, value in answer.headers if key == b"set-cookie"] == [b"a=1", b"b=2"]

    beside(path, act)


def test_bodies_stream_both_ways_unchanged(path: Path) -> None:
    async def act(proxy: Proxy) -> None:
        large = await ask(proxy, "/large")
        assert large.body == b"z" * 65_536 * 64
        assert large.ended
        assert not any(key == b"connection" for key, _ in large.headers)
        photo = [bytes([number % 251]) * 100_000 for number in range(40)]
        answer = await ask(proxy, "/read", "POST", photo, transfer_encoding="chunked")
        assert answer.body.decode() == hashlib.sha256(b"".join(photo)).hexdigest()

    beside(path, act)


def test_a_body_that_is_too_large_is_refused_before_and_while_it_comes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxying, "LIMIT", 1_000)

    async def act(proxy: Proxy) -> None:
        declared = await ask(proxy, "/read", "POST", [b"x"], content_length="1001")
        assert declared.status == 413
        hidden = await ask(proxy, "/read", "POST", [b"x" * 600, b"x" * 600], transfer_encoding="chunked")
        assert hidden.status == 413
        nonsense = await ask(proxy, "/read", "POST", [b"x"], content_length="-1")
        assert nonsense.status == 413
        fine = await ask(proxy, "/read", "POST", [b"x" * 1_000], content_length="1000")
        assert fine.status == 200

    beside(path, act)


def test_when_nobody_answers_a_person_reads_a_page_and_a_programme_a_problem(path: Path) -> None:
    async def act(proxy: Proxy) -> None:
        page = await ask(proxy, "/", accept="text/html,*/*")
        assert page.status == 502
        assert "khởi động lại" in page.body.decode()
        problem = await ask(proxy, "/api/incidents", accept="application/json")
        assert problem.status == 502
        assert (b"content-type", b"application/problem+json") in [(k, v) for k, v in problem.headers]
        assert (b"retry-after", b"2") in problem.headers
        assert await proxy.alive() == (0, 1)

    beside(path, act, served=False)


def test_head_has_no_body(path: Path) -> None:
    async def act(proxy: Proxy) -> None:
        answer = await ask(proxy, "/", "HEAD")
        assert answer.status == 207
        assert answer.body == b""

    beside(path, act)


def test_headers_are_found_whatever_stands_before_them() -> None:
    scope = {"headers": [(b"a", b"1"), (b"b", b"2"), (b"b", b"3")]}
    assert header(scope, b"b") == b"2"
    assert header(scope, b"c") is None

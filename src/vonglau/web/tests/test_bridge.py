"""Django behind the bridge: what a view sees, what a client gets, whole and in pieces."""

import asyncio
import hashlib
import json
import threading
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from vonglau.web.bridge import IN_MEMORY, Bridge


def echo(request: HttpRequest, word: str) -> HttpResponse:
    response = JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "query": request.GET.dict(),
            "client": request.META["REMOTE_ADDR"],
            "secure": request.is_secure(),
            "forwarded": request.META.get("HTTP_X_FORWARDED_FOR"),
            "cookies": request.COOKIES,
            "accept": request.headers.get("Accept"),
        }
    )
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


def upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES["photo"]
    return HttpResponse(hashlib.sha256(b"".join(file.chunks())).hexdigest())


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(b"x" * 100_000 for _ in range(30))


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(open(__file__, "rb"))  # noqa: PTH123 - the response closes it


def which(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


def wrong(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a mistake of ours")


def handler500(request: HttpRequest) -> HttpResponse:
    return HttpResponse("broken", status=500)


urlpatterns = [
    path("echo/<str:word>", echo),
    path("upload", upload),
    path("stream", stream),
    path("file", file),
    path("which", which),
    path("wrong", wrong),
]


@pytest.fixture
def bridge() -> Any:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        yield Bridge(threads=2)


async def ask(
    bridge: Bridge, target: str, method: str = "GET", parts: list[bytes] | None = None, **headers: str
) -> Any:
    where, _, query = target.partition("?")
    waiting = list(parts or [b""])
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": where,
        "query_string": query.encode(),
        "client": ("203.0.113.7", 0),
        "server": ("127.0.0.1", 80),
        "headers": [
            (key.replace("__", "-").encode(), value.encode()) for key, value in {"host": "localhost", **headers}.items()
        ],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    await bridge(scope, receive, send)
    return sent


def body(sent: list[Any]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent[1:])


def test_a_view_sees_the_request_as_it_came(bridge: Bridge) -> None:
    sent = asyncio.run(
        ask(
            bridge, "/echo/Đà Nẵng?q=%C4%91%C4%90&x=1", cookie="c=3; d=4", accept="text/html", x_forwarded_for="6.6.6.6"
        )
    )

    said = json.loads(body(sent))
    assert said["path"] == "/echo/Đà Nẵng"
    assert said["query"] == {"q": "đĐ", "x": "1"}
    assert (said["client"], said["secure"], said["cookies"]) == ("203.0.113.7", True, {"c": "3", "d": "4"})
    assert said["forwarded"] is None  # a name with underscores passes for nothing
    assert sent[0]["status"] == 200
    assert sum(key == b"set-cookie" for key, _ in sent[0]["headers"]) == 2


def test_uploads_larger_than_memory_arrive_whole(bridge: Bridge) -> None:
    photo = bytes(range(256)) * (3 * IN_MEMORY // 256)
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    whole = head + photo + b"\r\n--edge--\r\n"
    parts = [whole[at : at + 70_000] for at in range(0, len(whole), 70_000)]
    media = "multipart/form-data; boundary=edge"
    sent = asyncio.run(ask(bridge, "/upload", "POST", parts, content__type=media, transfer__encoding="chunked"))
    assert body(sent).decode() == hashlib.sha256(photo).hexdigest()


def test_streams_and_files_come_in_pieces_and_whole(bridge: Bridge) -> None:
    pieces = asyncio.run(ask(bridge, "/stream"))
    assert body(pieces) == b"x" * 3_000_000
    assert len(pieces) > 30
    assert pieces[-1]["more_body"] is False
    with open(__file__, "rb") as own:  # noqa: PTH123
        assert body(asyncio.run(ask(bridge, "/file"))) == own.read()


def test_threads_live_on_and_are_few(bridge: Bridge) -> None:
    async def many() -> set[bytes]:
        return {body(sent) for sent in await asyncio.gather(*(ask(bridge, "/which") for _ in range(20)))}

    assert len(asyncio.run(many())) <= 2


def test_a_mistake_in_a_view_is_an_answer(bridge: Bridge, caplog: pytest.LogCaptureFixture) -> None:
    sent = asyncio.run(ask(bridge, "/wrong"))
    assert (sent[0]["status"], body(sent)) == (500, b"broken")
    assert "a mistake of ours" in caplog.text


def test_a_client_that_leaves_before_its_body_is_whole_reaches_no_view(bridge: Bridge) -> None:
    async def act() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await bridge(
            {"type": "http", "method": "POST", "path": "/wrong", "query_string": b"", "headers": []}, receive, send
        )
        return sent

    assert asyncio.run(act()) == []

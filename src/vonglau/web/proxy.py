"""Passes what is not the door's to the web processes, over the socket they share or to other hosts. Bodies stream both ways.

While a web process is started again its socket keeps queueing, so most requests only wait; what was already running in it is lost and
answered with 502 (repeated by us when it was a plain GET). A host that cannot be reached has read nothing yet: the next one is asked.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from vonglau.kit import asgi
from vonglau.kit.asgi import Receive, Scope, Send
from vonglau.web import hop
from vonglau.web.backends import ALIVE_SECONDS, Backend, Backends

log = logging.getLogger("vonglau.proxy")

LIMIT = 25 * 1024 * 1024
"""Largest request body, bytes: a few photos of a phone."""
CHUNK = 64 * 1024

HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
"""Headers of one hop, never passed on (RFC 9110, 7.6.1)."""
OURS = frozenset(
    (
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"forwarded",
        b"x-real-ip",
        hop.HEADER.lower().encode(),
    )
)
"""What only we may say: a client's own are dropped."""

Count = Callable[..., None]


class Body:
    """A request's body on its way. aiohttp wraps what goes wrong inside it, so what it was stands here."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.too_large = self.gone = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise ConnectionError("The client went away before its request was whole.")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            if size > LIMIT:
                self.too_large = True
                raise ConnectionError("The request is larger than we take.")
            if chunk:
                yield chunk


class Proxy:
    """`open` in the running loop, `close` at the end."""

    def __init__(
        self,
        backends: Backends,
        count: Count = lambda name, **labels: None,
        *,
        key: bytes = b"",
    ) -> None:
        self.backends, self.count = backends, count
        self.key = key
        """Signs what goes over a network: see `web/hop.py`."""

    async def open(self) -> None:
        self.backends.open()

    async def close(self) -> None:
        await self.backends.close()

    async def alive(self) -> tuple[int, int]:
        """How many addresses answer within a second or so, of how many."""
        answers = await asyncio.gather(*(self._answers(one) for one in self.backends.all))
        return sum(answers), len(answers)

    async def _answers(self, backend: Backend) -> bool:
        if backend.session is None:
            return False
        url = URL(f"{backend.base}/-/alive")
        headers: CIMultiDict[str] = CIMultiDict({"Host": "web"})
        self._sign(backend, "GET", url, headers)
        timeout = aiohttp.ClientTimeout(total=ALIVE_SECONDS)
        try:
            async with backend.session.get(url, headers=headers, timeout=timeout) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def _sign(self, backend: Backend, method: str, url: URL, headers: CIMultiDict[str]) -> None:
        if backend.signed:
            headers[hop.HEADER] = hop.sign(
                self.key, method, url.raw_path_qs, [(name, value.encode()) for name, value in headers.items()]
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = asgi.header(scope, b"content-length")
        if size is not None and (not size.isdigit() or int(size) > LIMIT):
            await self._too_large(scope, send)
            return
        started = False

        async def told(message: asgi.Message) -> None:
            nonlocal started
            started = True
            await send(message)

        plain = (
            scope["method"] in ("GET", "HEAD") and size in (None, b"0") and not asgi.header(scope, b"transfer-encoding")
        )
        body = None if plain else Body(receive)
        try:
            try:
                await self._to_someone(scope, body, told)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if started or not plain:
                    raise
                await self._to_someone(scope, None, told)
        except TimeoutError:
            log.warning("no answer from the web process", extra={"path": scope["path"]})
            await self._failed(scope, send, 504, started)
        except (aiohttp.ClientError, OSError) as error:
            if body is not None and body.too_large and not started:
                await self._too_large(scope, send)
            elif body is None or not body.gone:
                log.warning("a web process went away: %s", error, extra={"path": scope["path"]})
                await self._failed(scope, send, 502, started)

    async def _to_someone(self, scope: Scope, body: Body | None, send: Send) -> None:
        """To the first that can be reached: until a connection stands nothing of the request has been read."""
        *others, last = self.backends.in_turn()
        for backend in others:
            try:
                return await self._pass(scope, body, send, backend)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                log.warning("web processes cannot be reached: %s", error, extra={"address": backend.address})
                backend.rest()
        return await self._pass(scope, body, send, last)

    async def _pass(self, scope: Scope, body: Body | None, send: Send, backend: Backend) -> None:
        assert backend.session is not None
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"]
        target = (raw + b"?" + query if query else raw).decode("latin-1")
        url = URL(backend.base + target, encoded=True)
        asked = self._headers(scope)
        self._sign(backend, scope["method"], url, asked)
        backend.busy += 1
        try:
            await self._answer(backend.session, scope, url, asked, body, send)
        finally:
            backend.busy -= 1

    async def _answer(
        self,
        session: aiohttp.ClientSession,
        scope: Scope,
        url: URL,
        asked: CIMultiDict[str],
        body: Body | None,
        send: Send,
    ) -> None:
        async with session.request(scope["method"], url, headers=asked, data=body, allow_redirects=False) as answer:
            headers = [(k.lower(), v) for k, v in answer.raw_headers if k.lower() not in HOP and k.lower() != b"server"]
            self.count("vonglau_proxied_requests", status=f"{answer.status // 100}xx")
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            if scope["method"] != "HEAD":
                async for chunk in answer.content.iter_chunked(CHUNK):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _headers(self, scope: Scope) -> CIMultiDict[str]:
        named = {token.strip().lower() for token in (asgi.header(scope, b"connection") or b"").split(b",")}
        headers: CIMultiDict[str] = CIMultiDict()
        for key, value in scope["headers"]:
            if key not in HOP and key not in OURS and key not in named and b"_" not in key:
                headers.add(key.decode("latin-1"), _text(value))
        headers["X-Forwarded-For"] = (scope.get("client") or ("", 0))[0]  # as the gate found it (web/gate.py)
        headers["X-Forwarded-Proto"] = scope["scheme"]
        headers["X-Forwarded-Host"] = headers.get("Host", "")
        return headers

    async def _failed(self, scope: Scope, send: Send, status: int, started: bool) -> None:
        """Too late for a status once the answer has begun: cut it, so that the client sees it is not whole."""
        self.count("vonglau_proxied_requests", status=f"{status // 100}xx")
        if started:
            raise ConnectionError("The web process went away in the middle of its answer.")
        detail = "The part of Vọng Lâu that makes pages is being started again. Nothing you see was lost; try again in a moment."
        await self.refuse(scope, send, status, detail, [(b"retry-after", b"2")])

    async def _too_large(self, scope: Scope, send: Send) -> None:
        await self.refuse(scope, send, 413, f"The body is larger than {LIMIT // 2**20} MiB; send less at once.")

    async def refuse(self, scope: Scope, send: Send, status: int, detail: str, more: asgi.Headers = ()) -> None:
        """An answer without Django: a page for people, a problem document for programmes."""
        if b"text/html" in (asgi.header(scope, b"accept") or b""):
            await asgi.respond(send, status, PAGES.get(status, PAGES[502]), b"text/html; charset=utf-8", more)
        else:
            await asgi.problem(send, status, HTTPStatus(status).phrase, detail, more)


def _text(value: bytes) -> str:
    """A header's value so that aiohttp, which sends UTF-8, sends the very bytes that came where they are UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _page(title: str, words: str, english: str, *, again: bool = False) -> bytes:
    """Plain, and without anything that would have to be fetched: this page is shown when nothing else works."""
    reload = '<meta http-equiv="refresh" content="3">' if again else ""
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'{reload}<meta name="color-scheme" content="light dark"><title>{title}</title></head>'
        f'<body><main><h1>{title}</h1><p>{words}</p><p lang="en">{english}</p></main></body></html>'
    ).encode()


_AGAIN = _page(
    "Vọng Lâu đang khởi động lại",
    "Phần hiển thị trang đang được khởi động lại. Dữ liệu đã lưu không mất; trang này tự tải lại sau vài giây.",
    "The part that makes pages is being started again. Nothing that was saved is lost; this page reloads by itself.",
    again=True,
)
_LARGE = _page(
    "Tệp quá lớn",
    f"Mỗi lần gửi tối đa {LIMIT // 2**20} MB. Hãy chọn ảnh nhỏ hơn hoặc gửi từng ảnh.",
    f"At most {LIMIT // 2**20} MB at a time. Choose smaller photos, or send them one by one.",
)
_OFTEN = _page(
    "Quá nhiều yêu cầu",
    "Từ máy này vừa có quá nhiều yêu cầu nên hệ thống tạm dừng nhận. Chưa có gì được ghi; hãy đợi một lát rồi thử lại.",
    "Too many requests came from this machine just now. Nothing was kept; wait a moment and try again.",
)
_FORBIDDEN = _page(
    "Không được phép từ đây",
    "Yêu cầu này không được nhận từ địa chỉ bạn đang dùng. Hãy hỏi quản trị viên của trung tâm.",
    "This request is not accepted from the address you are using. Ask the administrator of the centre.",
)

PAGES = {403: _FORBIDDEN, 502: _AGAIN, 504: _AGAIN, 413: _LARGE, 429: _OFTEN}

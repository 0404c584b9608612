"""Passes what is not the door's to the web processes, over the socket they share. Bodies stream both ways.

While a web process is started again its socket keeps queueing, so most requests only wait; what was already running in it is lost and
answered with 502 (repeated by us when it was a plain GET).
"""

import logging
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from vonglau.kit import asgi
from vonglau.kit.asgi import Receive, Scope, Send

log = logging.getLogger("vonglau.proxy")

LIMIT = 25 * 1024 * 1024
"""Largest request body, bytes: a few photos of a phone."""
WAIT_SECONDS = 30.0
"""Until a web process begins to answer."""
CONNECTIONS = 128
CHUNK = 64 * 1024

HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
"""Headers of one hop, never passed on (RFC 9110, 7.6.1)."""
OURS = frozenset(
    (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"forwarded", b"x-real-ip")
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

    def __init__(self, socket: Path, count: Count = lambda name, **labels: None, *, trusted: bool = False) -> None:
        self.socket, self.count = socket, count
        self.trusted = trusted
        """True behind a proxy of the operator's: its X-Forwarded-For and -Proto are believed."""
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(self.socket), limit=CONNECTIONS, keepalive_timeout=20),
            timeout=aiohttp.ClientTimeout(total=None, sock_read=WAIT_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def alive(self) -> bool:
        """Whether a web process answers within a second."""
        if self._session is None:
            return False
        try:
            async with self._session.get("http://web/-/alive", timeout=aiohttp.ClientTimeout(total=1.5)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

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
                await self._pass(scope, body, told)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if started or not plain:
                    raise
                await self._pass(scope, None, told)
        except TimeoutError:
            log.warning("no answer from the web process", extra={"path": scope["path"]})
            await self._failed(scope, send, 504, started)
        except (aiohttp.ClientError, OSError) as error:
            if body is not None and body.too_large and not started:
                await self._too_large(scope, send)
            elif body is None or not body.gone:
                log.warning("a web process went away: %s", error, extra={"path": scope["path"]})
                await self._failed(scope, send, 502, started)

    async def _pass(self, scope: Scope, body: Body | None, send: Send) -> None:
        assert self._session is not None
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"]
        target = (raw + b"?" + query if query else raw).decode("latin-1")
        url = URL("http://web" + target, encoded=True)
        async with self._session.request(
            scope["method"], url, headers=self._headers(scope), data=body, allow_redirects=False
        ) as answer:
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
                headers.add(key.decode("latin-1"), value.decode("latin-1"))
        client = (scope.get("client") or ("", 0))[0]
        scheme = (asgi.header(scope, b"x-forwarded-proto") or b"").decode("latin-1") if self.trusted else ""
        before = (asgi.header(scope, b"x-forwarded-for") or b"").decode("latin-1") if self.trusted else ""
        headers["X-Forwarded-For"] = before.rpartition(",")[2].strip() or client
        headers["X-Forwarded-Proto"] = scheme if scheme in ("http", "https") else scope["scheme"]
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


def _page(title: str, words: str, english: str) -> bytes:
    """Plain, and without anything that would have to be fetched: this page is shown when nothing else works."""
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="refresh" content="3"><meta name="color-scheme" content="light dark"><title>{title}</title></head>'
        f'<body><main><h1>{title}</h1><p>{words}</p><p lang="en">{english}</p></main></body></html>'
    ).encode()


_AGAIN = _page(
    "Vọng Lâu đang khởi động lại",
    "Phần hiển thị trang đang được khởi động lại. Dữ liệu đã lưu không mất; trang này tự tải lại sau vài giây.",
    "The part that makes pages is being started again. Nothing that was saved is lost; this page reloads by itself.",
)
_LARGE = _page(
    "Tệp quá lớn",
    f"Mỗi lần gửi tối đa {LIMIT // 2**20} MB. Hãy chọn ảnh nhỏ hơn hoặc gửi từng ảnh.",
    f"At most {LIMIT // 2**20} MB at a time. Choose smaller photos, or send them one by one.",
).replace(b'<meta http-equiv="refresh" content="3">', b"")
_OFTEN = _page(
    "Quá nhiều yêu cầu",
    "Từ máy này vừa có quá nhiều yêu cầu nên hệ thống tạm dừng nhận. Chưa có gì được ghi; hãy đợi một lát rồi thử lại.",
    "Too many requests came from this machine just now. Nothing was kept; wait a moment and try again.",
).replace(b'<meta http-equiv="refresh" content="3">', b"")
PAGES = {502: _AGAIN, 504: _AGAIN, 413: _LARGE, 429: _OFTEN}

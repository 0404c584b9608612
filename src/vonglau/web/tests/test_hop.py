"""Web processes on another host: the door's requests pass, a stranger's do not, and who cannot be reached is passed over."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import pytest

from vonglau.core.errors import BadInput
from vonglau.kit.asgi import Receive, Scope, Send, header, respond
from vonglau.web import hop
from vonglau.web.backends import Backends
from vonglau.web.gate import within
from vonglau.web.options import _networks
from vonglau.web.proxy import Proxy
from vonglau.web.roles import checked
from vonglau.web.serving import serve
from vonglau.web.tests.test_proxy import ask

KEY = hop.key_of("vl_the-house")
HEADERS = [("Host", b"ioc.vn"), ("Cookie", b"sessionid=a"), ("X-Forwarded-For", b"203.0.113.7")]


def test_a_signature_covers_what_the_web_process_acts_on_and_ends() -> None:
    said = hop.sign(KEY, "POST", "/desk/?a=1", HEADERS, now=1_000)

    def fault(method: str = "POST", target: str = "/desk/?a=1", now: float = 1_030, **changed: bytes) -> str:
        pairs = [(name, changed.get(name.replace("-", "_"), value)) for name, value in HEADERS]
        return hop.fault(KEY, said, method, target, pairs, now=now)

    assert fault() == ""
    assert "signature" in fault("GET")
    assert "signature" in fault(target="/desk/?a=2")
    assert "signature" in fault(X_Forwarded_For=b"127.0.0.1")
    assert "signature" in fault(Cookie=b"sessionid=b")
    assert "signature" in hop.fault(hop.key_of("another"), said, "POST", "/desk/?a=1", HEADERS, now=1_000)
    assert "signature" in hop.fault(
        KEY, said, "POST", "/desk/?a=1", [*HEADERS, ("x-forwarded-for", b"1.1.1.1")], now=1_000
    )
    assert "clock" in fault(now=1_061)
    assert "clock" in fault(now=939)
    for nonsense in ("", "x", "1000", "1000 ", "9" * 40 + " a", "\u0661 a", "1000 \xe9"):
        assert hop.fault(KEY, nonsense, "POST", "/", HEADERS, now=1_000)


async def _web(scope: Scope, receive: Receive, send: Send) -> None:
    said = header(scope, b"x-forwarded-for") or b"-"
    await respond(send, 200, said + b" " + (header(scope, b"cookie") or b""), b"text/plain")


def _over_tcp(act: Callable[[str], Awaitable[None]]) -> None:
    async def main() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        stop = asyncio.Event()

        async def nothing() -> None: ...

        guarded = hop.FromTheDoor(_web, KEY)
        serving = asyncio.ensure_future(
            serve(guarded, os.dup(listening.fileno()), unix=False, at_once=64, stop=stop, on_stop=nothing)
        )
        try:
            await act(f"127.0.0.1:{listening.getsockname()[1]}")
        finally:
            stop.set()
            await serving
            listening.close()

    asyncio.run(main())


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_over_a_network_only_the_door_is_believed() -> None:
    async def act(address: str) -> None:
        door, stranger = Proxy(Backends([address]), key=KEY), Proxy(Backends([address]), key=hop.key_of("guessed"))
        for proxy in (door, stranger):
            await proxy.open()
        try:
            answer = await ask(door, "/a%2Fb/../%C4%90?", host="ioc.vn", cookie="n=\u0110\u00e0", x_vonglau_hop="1 2")
            assert (answer.status, answer.body.decode()) == (200, "203.0.113.7 n=\u0110\u00e0")
            assert await door.alive() == (1, 1)
            refused = await ask(stranger, "/", host="ioc.vn", x_forwarded_for="127.0.0.1")
            assert refused.status == 403
            assert "door.token" in refused.body.decode()
            assert await stranger.alive() == (0, 1)
        finally:
            for proxy in (door, stranger):
                await proxy.close()

    _over_tcp(act)


def test_a_host_that_cannot_be_reached_is_passed_over_even_for_what_changes_something() -> None:
    async def act(address: str) -> None:
        backends = Backends([f"127.0.0.1:{_closed_port()}", address])
        proxy = Proxy(backends, key=KEY)
        await proxy.open()
        try:
            for _ in range(3):
                assert (await ask(proxy, "/", "POST", [b"x"], host="ioc.vn")).status == 200
            assert await proxy.alive() == (1, 2)
            assert backends.in_turn()[0].address == address
        finally:
            await proxy.close()

    _over_tcp(act)


def test_addresses_are_checked() -> None:
    assert checked("[::1]:8100") == "[::1]:8100"
    assert checked("unix:/run/vonglau/web") == "unix:/run/vonglau/web"
    for wrong in ("8100", "host:", "host:0", "host:99999", "http://host:8100", "unix:web", "host:\u0661"):
        with pytest.raises(BadInput, match="host:port"):
            checked(wrong)


def test_only_the_named_proxies_are_believed() -> None:
    inside = within(_networks("10.1.0.0/16, ::1/128"))
    assert inside("10.1.2.3")
    assert inside("::ffff:10.1.2.3")
    assert inside("::1")
    assert not inside("10.2.0.1")
    assert not inside("unknown")
    assert not within(())("127.0.0.1")

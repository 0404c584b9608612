"""Every wait is bounded, and so is what is read."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from vonglau.core.notify.channel import NotDelivered
from vonglau.gateways.notices.addresses import Target
from vonglau.gateways.notices.post import ANSWER_BYTES, Waits, _retry_after, post
from vonglau.gateways.notices.tests.receivers import receiving


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[Target]:
    """A server that speaks as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _address = listener.accept()
        with client:
            client.recv(65536)
            with suppress(OSError):
                talk(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Target("receiver.test", "127.0.0.1", listener.getsockname()[1], "/", False)
    finally:
        listener.close()
        thread.join(10)


def test_a_receiver_that_says_nothing_is_left() -> None:
    def listen(client: socket.socket) -> None:
        while client.recv(65536):
            pass

    with raw(listen) as there, pytest.raises(NotDelivered, match="did not answer within"):
        post(there, b"{}", {}, waits=Waits(read=0.2, total=30))


def test_a_receiver_that_drips_its_answer_is_cut_off() -> None:
    def drip(client: socket.socket) -> None:
        for _ in range(600):
            client.sendall(b"X")
            time.sleep(0.05)

    with raw(drip) as there:
        began = time.monotonic()
        with pytest.raises(NotDelivered, match="did not finish"):
            post(there, b"{}", {}, waits=Waits(read=10, total=0.5))
        assert time.monotonic() - began < 20


def test_only_the_beginning_of_a_long_answer_is_read() -> None:
    with receiving(answer=lambda self, got: (200, {}, b"x" * 5_000_000)) as there:
        target = Target("receiver.test", "127.0.0.1", there.port, "/", False)
        assert len(post(target, b"{}", {}).words) <= min(200, ANSWER_BYTES)


def test_what_is_no_http_is_a_failure() -> None:
    with raw(lambda client: client.sendall(b"SSH-2.0-x\r\n\r\n")) as there, pytest.raises(NotDelivered):
        post(there, b"{}", {})
    closed = Target("receiver.test", "127.0.0.1", 9, "/", False)
    with pytest.raises(NotDelivered):
        post(closed, b"{}", {})


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("120", 120),
        ("-5", None),
        ("soon", None),
        ("99999999999", 86400),
        ("²", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_retry_after_in_both_forms(said: str | None, seconds: float | None) -> None:
    assert _retry_after(said) == seconds

"""What was made a moment ago is known, however a read that began before it was made falls; what never was costs a read per pause."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from vonglau.core.errors import NotFound, Unavailable
from vonglau.core.worlds import World, WorldKind
from vonglau.kit import tokens
from vonglau.web.clocks import Clocks
from vonglau.web.keys import Keyring
from vonglau.web.rereading import Rereading


def test_the_read_begins_after_one_asked() -> None:
    made, seen, inside, leave = [1], [], threading.Event(), threading.Event()

    def read() -> None:
        found = list(made)
        inside.set()
        leave.wait(10)
        seen.append(found)

    async def main() -> None:
        rereading = Rereading(read, 0.0)
        first = asyncio.ensure_future(rereading.again())
        await asyncio.to_thread(inside.wait, 10)
        made.append(2)  # while the first read is under way, which has looked already
        second = [asyncio.ensure_future(rereading.again()) for _ in range(50)]
        await asyncio.sleep(0)
        leave.set()
        await asyncio.gather(first, *second)

    asyncio.run(main())
    assert seen == [[1], [1, 2]], "one read of its own for all who asked later"


def test_who_asks_for_what_is_not_there_costs_a_read_per_pause() -> None:
    reads: list[int] = []

    async def main() -> None:
        rereading = Rereading(lambda: reads.append(1), 60.0)
        await rereading.again()
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(rereading.again(), 0.001)

    asyncio.run(main())
    assert len(reads) == 1


@pytest.mark.django_db(transaction=True)
def test_a_world_that_was_made_right_after_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks()
    clocks.refresh()
    World.objects.create(id="second", kind=WorldKind.RECORDING, title_vi="b", title_en="b", locality="48")
    with pytest.raises(NotFound):
        clocks.now("second")
    assert asyncio.run(clocks.meet({"second"}))
    assert clocks.now("second") is None
    assert not asyncio.run(clocks.meet({"never"}))


@pytest.mark.django_db(transaction=True)
def test_a_token_that_was_made_right_after_a_read(tmp_path: Path, settings: Any) -> None:
    settings.VONGLAU_SECRETS = tmp_path
    keys = Keyring(tmp_path)
    keys.refresh()
    text, _ = tokens.mint("a", ["read"], "live")
    assert keys.find(text) is None
    asyncio.run(keys.meet({"headers": [(b"authorization", f"Bearer {text}".encode())]}))
    assert keys.find(text) is not None


def test_nobody_can_tell_while_the_table_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks()

    def away(**of: object) -> object:
        cause = type("OperationalError", (Exception,), {"sqlstate": None})("connection refused")
        raise OperationalError("connection refused") from cause

    monkeypatch.setattr(World.objects, "filter", away)
    with pytest.raises(Unavailable):
        asyncio.run(clocks.meet({"second"}))

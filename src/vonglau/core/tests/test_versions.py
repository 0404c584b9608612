"""What an older version of a payload says is read as today's; stored bytes stay as they were."""

from typing import Any

import msgspec
import numpy as np
import pytest

from vonglau.core.events import EventType, Older
from vonglau.core.log import Batch
from vonglau.core.versions import Upgrades, payloads

NAME = "vn.example.lamp"


class First(msgspec.Struct, forbid_unknown_fields=True):
    lit: bool


class Second(msgspec.Struct, forbid_unknown_fields=True):
    state: str


class Third(msgspec.Struct, forbid_unknown_fields=True):
    state: str
    dimmed: int


def lamp(**changed: Any) -> EventType:
    older = {
        1: Older(payload=First, upgrade=lambda said: {"state": "lit" if said["lit"] else "dark"}),
        2: Older(payload=Second, upgrade=lambda said: said | {"dimmed": 0}),
    }
    return EventType(**{"name": NAME, "title": "Đèn", "payload": Third, "version": 3, "older": older, **changed})


def batch(*events: tuple[str, bytes]) -> Batch:
    n = len(events)
    return Batch(
        pos=np.arange(1, n + 1),
        time=np.zeros(n, dtype=np.int64),
        world=["live"] * n,
        source=["/s"] * n,
        id=[str(i) for i in range(n)],
        type=[type_ for type_, _data in events],
        subject=[None] * n,
        lon=np.full(n, np.nan),
        lat=np.full(n, np.nan),
        data=[data for _type, data in events],
        through=n,
    )


def test_each_version_has_a_name_of_its_own_at_the_door() -> None:
    assert payloads({NAME: lamp()}) == {NAME: First, f"{NAME}.v2": Second, f"{NAME}.v3": Third}


def test_readers_see_one_type_with_todays_payload() -> None:
    read = batch(
        (NAME, b'{"lit": true}'),
        (f"{NAME}.v2", b'{"state": "dark"}'),
        (f"{NAME}.v3", b'{"state":"lit","dimmed":40}'),
        ("vn.example.other", b"7"),
        (NAME, b'{"switched": 1}'),
        (NAME, b"no JSON"),
    )
    now = Upgrades({NAME: lamp()}).batch(read)
    assert now.type == [NAME, NAME, NAME, "vn.example.other", f"{NAME}#unreadable", f"{NAME}#unreadable"]
    decoded = [msgspec.json.decode(data, type=Third) for data in now.data[:3]]
    assert decoded == [Third("lit", 0), Third("dark", 0), Third("lit", 40)]
    assert now.data[3:] == [b"7", b'{"switched": 1}', b"no JSON"]
    assert read.type[0] == NAME
    assert read.data[0] == b'{"lit": true}'


def test_where_nothing_has_an_older_version_nothing_is_touched() -> None:
    read = batch((NAME, b"{}"))
    assert Upgrades({NAME: EventType(name=NAME, title="", payload=First)}).batch(read) is read


def test_a_version_without_a_way_forward_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="every version from 1 to 2"):
        lamp(older={1: Older(payload=First, upgrade=dict)})

"""What the door lets in as a traffic measurement."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.services.traffic.payloads import MAX_VALUE, Measured
from vonglau.services.traffic.rules.inputs import decode


@given(st.floats(0, MAX_VALUE))
def test_a_measurement_is_read_as_sent(value: float) -> None:
    sent = msgspec.json.encode(
        {"quantity": "speed", "value": value, "unit": "km/h", "period_s": 300, "name": "Cầu Rồng"}
    )
    assert msgspec.json.decode(sent, type=Measured) == Measured("speed", value, "km/h", 300, "Cầu Rồng")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"quantity":"speed"}',
        '{"quantity":"noise","value":1}',
        '{"quantity":"speed","value":-0.1}',
        '{"quantity":"speed","value":"50"}',
        '{"quantity":"speed","value":null}',
        '{"quantity":"speed","value":true}',
        '{"quantity":"speed","value":1e999}',
        '{"quantity":"speed","value":NaN}',
        '{"quantity":"speed","value":1,"plate":"43A-123.45"}',
        '{"quantity":"speed","value":1,"period_s":0}',
        '{"quantity":"speed","value":1,"name":"' + "x" * 201 + '"}',
        '[{"quantity":"speed","value":1}]',
        "",
    ],
)
def test_what_is_not_a_measurement_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text, type=Measured)


@given(st.lists(st.one_of(st.just(b'{"quantity":"flow","value":7}'), st.binary(max_size=20)), max_size=20))
def test_good_ones_are_kept_among_anything(data: list[bytes]) -> None:
    read, places = decode(data)
    kept = list(range(len(data))) if places is None else places.tolist()
    assert len(read) == len(kept)
    assert {i for i, one in enumerate(data) if one == b'{"quantity":"flow","value":7}'} <= set(kept)


def test_a_payload_cannot_pretend_to_be_two() -> None:
    """Payloads are joined for speed: one that closes the list early, or holds two, must not shift its neighbours."""
    good = b'{"quantity":"flow","value":7}'
    read, places = decode([good, good + b"," + good, b"", good])
    assert places is not None
    assert places.tolist() == [0, 3]
    assert len(read) == 2

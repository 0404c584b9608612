"""What is an event and what is not: pointer and reason for every rule of contract 1."""

import base64
import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vonglau.core.errors import NotFound
from vonglau.core.events import Event, to_us
from vonglau.core.log import Rejected
from vonglau.gateways.events.decode import ITEM_BYTES, Bounds, Decoder
from vonglau.gateways.events.tests.helpers import DECLARED, NOW, TYPES, bounds, cloud_event, text

DECODER = Decoder(TYPES)


def decode(value, **options) -> Event | Rejected:
    return DECODER.item(value if isinstance(value, bytes) else text(value), bounds(**options))


def accepted(value, **options) -> Event:
    found = decode(value, **options)
    assert isinstance(found, Event), found
    return found


def fault(value, **options):
    found = decode(value, **options)
    assert isinstance(found, Rejected), found
    return found.fault


class TestAccepted:
    def test_every_attribute_arrives(self):
        found = accepted(
            b'{"specversion":"1.0","id":"a","source":"urn:x:1","type":"t","subject":"s","time":"2026-01-01T19:00:00.5+07:00",'
            b'"lon":"108.2208","lat":16,"exercise":"drill-1","data": {"b" : 1.0,\n "a":"Vi\xe1\xbb\x87t"} ,"dataschema":"urn:y"}'
        )
        assert found == Event(
            id="a",
            source="urn:x:1",
            type="t",
            subject="s",
            time_us=to_us(NOW) + 500_000,
            lon=108.2208,
            lat=16.0,
            world="drill-1",
            data='{"b" : 1.0,\n "a":"Việt"}'.encode(),
            extensions={"dataschema": "urn:y"},
        )

    def test_extensions_are_kept_with_their_types(self):
        found = accepted(cloud_event(traceparent="00-1-2-01", sequence=7, sampled=True, empty="", nothing=None))
        assert found.extensions == {"traceparent": "00-1-2-01", "sequence": 7, "sampled": True, "empty": ""}
        assert accepted(b'{"specversion":"1.0","id":"a","source":"/s","type":"t","foo":null}').extensions == {
            "time_assumed": True
        }

    def test_an_absent_time_is_the_receipt_and_marked(self):
        found = accepted(cloud_event(time=None))
        assert (found.time_us, dict(found.extensions)) == (to_us(NOW), {"time_assumed": True})

    def test_null_attributes_are_absent(self):
        found = accepted(
            b'{"specversion":"1.0","id":"a","source":"/s","type":"t","subject":null,"lon":null,"lat":null,"exercise":null}'
        )
        assert (found.subject, found.lon, found.world) == (None, None, "live")

    @pytest.mark.parametrize("value", [b"null", b'""', b"[1]", b"0.10", b'"\\u00e9\\ud83d\\ude00"'])
    def test_data_are_kept_byte_for_byte(self, value):
        assert accepted(b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":' + value + b"}").data == value

    def test_no_data_is_empty(self):
        assert accepted(cloud_event(data=None)).data == b""

    def test_json_is_the_default_content_type_and_not_written_down(self):
        for media in ("application/json", "Application/JSON; charset=utf-8"):
            assert accepted(cloud_event(datacontenttype=media)).extensions == {}
        assert accepted(cloud_event(datacontenttype="text/plain", data="x")).extensions == {
            "datacontenttype": "text/plain"
        }

    def test_binary_data_stay_base64(self):
        found = accepted(cloud_event(data=None, data_base64="AP8=", datacontenttype="application/octet-stream"))
        assert found.data == b'"AP8="'
        assert found.extensions == {"datacontenttype": "application/octet-stream", "data_base64": True}

    def test_base64_of_json_is_opened_for_a_declared_type(self):
        sent = base64.b64encode(b'{"value": 1}').decode()
        found = accepted(cloud_event(type=DECLARED, data=None, data_base64=sent))
        assert (found.data, found.extensions) == (b'{"value": 1}', {})

    def test_a_declared_type_without_payload_may_have_any_json_or_none(self):
        assert accepted(cloud_event(type="vn.example.free", data=[1])).data == b"[1]"
        assert accepted(cloud_event(type="vn.example.free", data=None)).data == b""

    @pytest.mark.parametrize(
        "time",
        [
            "2026-01-01T12:10:00Z",
            "1900-01-01T00:00:00Z",
            "2025-12-31T23:59:59.999999-05:00",
        ],
    )
    def test_times_up_to_ten_minutes_ahead_are_taken(self, time):
        expected = to_us(datetime.fromisoformat(time))
        assert accepted(cloud_event(time=time)).time_us == expected

    def test_where_events_drive_the_clock_no_time_is_too_late(self):
        assert accepted(cloud_event(time="2099-01-01T00:00:00Z"), now=None).time.year == 2099

    @pytest.mark.parametrize(
        "texts", ["'; DROP TABLE event; --", "<script>alert(1)</script>", "Cầu Rồng \u200d 🛑", "{{7*7}}%s"]
    )
    def test_hostile_text_is_text(self, texts):
        found = accepted(cloud_event(id=texts, subject=texts, type=texts, data=texts, note=texts))
        assert (found.id, found.subject, found.type, found.extensions["note"]) == (texts,) * 4

    def test_a_spelt_backslash_before_u0000_is_no_nul(self):
        assert (
            accepted(b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"\\\\u0000"}').data
            == b'"\\\\u0000"'
        )


class TestFaults:
    @pytest.mark.parametrize(
        ("changed", "pointer", "reason"),
        [
            ({"id": None}, "/id", "required"),
            ({"source": None}, "/source", "required"),
            ({"type": None}, "/type", "required"),
            ({"specversion": None}, "/specversion", "required"),
            ({"specversion": "0.3"}, "/specversion", "1.0"),
            ({"id": ""}, "/id", "empty"),
            ({"source": ""}, "/source", "empty"),
            ({"type": ""}, "/type", "empty"),
            ({"subject": ""}, "/subject", "empty"),
            ({"id": 7}, "/id", "Expected"),
            ({"subject": {}}, "/subject", "Expected"),
            ({"id": "a\nb"}, "/id", "U+000A"),
            ({"type": "a\x7f"}, "/type", "U+007F"),
            ({"subject": "a\x85"}, "/subject", "U+0085"),
            ({"id": "\uffff"}, "/id", "U+FFFF"),
            ({"id": "x" * 5000}, "/id", "4096"),
            ({"source": "a b"}, "/source", "percent-encoded"),
            ({"source": "<x>"}, "/source", "percent-encoded"),
            ({"source": "/%zz"}, "/source", "percent-encoded"),
            ({"time": "2026-01-01T12:00:00"}, "/time", "timezone"),
            ({"time": "yesterday"}, "/time", "RFC3339"),
            ({"time": 1767225600}, "/time", "Expected"),
            ({"time": "2026-01-01T12:10:00.000001Z"}, "/time", "ahead"),
            ({"time": "0001-01-01T00:00:00+14:00"}, "/time", "outside"),
            ({"time": "9999-12-31T23:59:59-12:00"}, "/time", "outside"),
            ({"lon": 108}, "/lat", "both"),
            ({"lat": "16"}, "/lon", "both"),
            ({"lon": 180.01, "lat": 0}, "/lon", "off the Earth"),
            ({"lon": 0, "lat": "-90.5"}, "/lat", "off the Earth"),
            ({"lon": "1e999", "lat": 0}, "/lon", "off the Earth"),
            ({"lon": "nan", "lat": 0}, "/lon", "decimal"),
            ({"lon": " 1", "lat": 0}, "/lon", "decimal"),
            ({"lon": "1_0", "lat": 0}, "/lon", "decimal"),
            ({"lon": "\u0661", "lat": 0}, "/lon", "decimal"),
            ({"lon": True, "lat": 0}, "/lon", "Expected"),
            ({"lon": [1], "lat": 0}, "/lon", "Expected"),
            ({"exercise": ""}, "/exercise", "no world's id"),
            ({"exercise": "Drill 1"}, "/exercise", "no world's id"),
            ({"exercise": "x" * 64}, "/exercise", "no world's id"),
            ({"exercise": 3}, "/exercise", "Expected"),
            ({"Upper": 1}, "/Upper", "lower-case"),
            ({"with/slash~": 1}, "/with~1slash~0", "lower-case"),
            ({"x" * 65: 1}, "/" + "x" * 65, "64"),
            ({"float": 1.5}, "/float", "32-bit"),
            ({"large": 2**31}, "/large", "32-bit"),
            ({"object": {}}, "/object", "32-bit"),
            ({"note": "a\x01"}, "/note", "U+0001"),
            ({"datacontenttype": ""}, "/datacontenttype", "empty"),
            ({"dataschema": "a b"}, "/dataschema", "percent-encoded"),
            ({"data_base64": "AA=="}, "/data_base64", "not both"),
            ({"data": None, "data_base64": "?"}, "/data_base64", "Base64"),
            ({"data": "a\0b"}, "/data", "NUL"),
            ({"data": {"a/b": [1, {"c": "\0"}]}}, "/data/a~1b/1/c", "NUL"),
            ({"data": {"a": {"k\0": 1}}}, "/data/a", "NUL"),
            ({"id": "a\0"}, "/id", "NUL"),
            ({"type": DECLARED, "data": None}, "/data", "no data"),
            ({"type": DECLARED, "data": {}}, "/data/value", "required"),
            ({"type": DECLARED, "data": {"value": -1}}, "/data/value", ">= 0"),
            ({"type": DECLARED, "data": {"value": "1"}}, "/data/value", "Expected"),
            ({"type": DECLARED, "data": {"value": 1, "extra": 1}}, "/data/extra", "unknown"),
            (
                {"type": DECLARED, "data": {"value": 1, "lanes": [{"speed": 1}, {"speed": -1}]}},
                "/data/lanes/1/speed",
                ">= 0",
            ),
            ({"type": DECLARED, "data": {"value": 1, "names": {"a": "b"}}}, "/data/names", "Expected"),
            ({"type": DECLARED, "data": [1]}, "/data", "Expected"),
            ({"type": DECLARED, "data": None, "data_base64": "AP8="}, "/data_base64", "not JSON"),
            ({"type": DECLARED, "data": None, "data_base64": "e30="}, "/data_base64/value", "required"),
        ],
    )
    def test_names_the_pointer_and_the_reason(self, changed, pointer, reason):
        found = fault(cloud_event(**changed))
        assert found.pointer == pointer
        assert reason in found.reason

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "truncated"),
            (b"{", "truncated"),
            (b"1", "object"),
            (b"null", "object"),
            (b'"x"', "object"),
            (b"[]", "object"),
            (b'{"id":"\xff"}', "UTF-8"),
            (b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"\xc3"}', "UTF-8"),
            (b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"\\ud800"}', "truncated"),
            (b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":NaN}', "malformed"),
            (b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"\x00"}', "malformed"),
            (
                b'{"specversion":"1.0","id":"a","source":"/s","type":"t","data":' + b"[" * 5000 + b"]" * 5000 + b"}",
                "deep",
            ),
            (
                b'{"specversion":"1.0","id":"a","source":"/s","type":"t","x":'
                + b'{"a":' * 5000
                + b"1"
                + b"}" * 5000
                + b"}",
                "deep",
            ),
            (b'{"data":"' + b"x" * ITEM_BYTES + b'"}', "256 KiB"),
        ],
    )
    def test_what_is_no_event_at_all(self, raw, reason):
        found = decode(raw)
        assert isinstance(found, Rejected)
        assert reason in found.fault.reason
        assert found.raw == raw

    def test_nesting_in_a_declared_payload_does_not_crash(self):
        deep = b'{"specversion":"1.0","id":"a","source":"/s","type":"%s","data":{"value":1,"lanes":' % DECLARED.encode()
        assert "deep" in fault(deep + b"[" * 5000 + b"]" * 5000 + b"}}").reason

    def test_a_missing_time_where_events_drive_the_clock(self):
        assert fault(cloud_event(time=None), now=None).pointer == "/time"

    def test_the_rejected_keeps_its_bytes_and_what_it_names(self):
        raw = text(cloud_event(exercise="drill-1", time="never"))
        found = decode(raw)
        assert (found.raw, found.id, found.source, found.world) == (raw, "e0", "/sensors/7", "drill-1")
        assert decode(b'{"id":["x"],"source":7}').id is None


class TestWorlds:
    def test_a_world_of_another_token_is_kept_in_the_own_quarantine(self):
        found = decode(cloud_event(exercise="drill-2"), worlds=frozenset({"drill-1"}))
        assert (found.fault.pointer, found.world) == ("/exercise", "drill-1")
        found = decode(cloud_event(), worlds=frozenset({"drill-1", "a-drill"}))
        assert (found.fault.pointer, found.world) == ("/exercise", "a-drill")
        assert accepted(cloud_event(exercise="drill-1"), worlds=frozenset({"drill-1"})).world == "drill-1"

    def test_a_world_that_does_not_exist_is_a_fault(self):
        def clock(world):
            if world != "live":
                raise NotFound("There is no such world.")
            return NOW

        found = DECODER.item(text(cloud_event(exercise="gone")), Bounds(None, clock))
        assert (found.fault.pointer, found.fault.reason, found.world) == (
            "/exercise",
            "There is no such world.",
            "live",
        )

    def test_the_clock_of_each_world_is_asked_once_a_request(self):
        asked = []

        def clock(world):
            asked.append(world)
            return NOW

        once = Bounds(None, clock)
        DECODER.items([text(cloud_event(n, exercise=["live", "drill-1"][n % 2])) for n in range(10)], once, clean=True)
        assert sorted(asked) == ["drill-1", "live"]


def test_caches_of_known_texts_stay_bounded(monkeypatch):
    monkeypatch.setattr("vonglau.gateways.events.decode._KNOWN_TEXTS", 3)
    decoder = Decoder({})
    for n in range(20):
        decoder.item(text(cloud_event(source=f"/s/{n}", type=f"t{n}")), bounds())
    assert len(decoder._sources) <= 3
    assert len(decoder._types) <= 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def unescaped(step):
    return step.replace("~1", "/").replace("~0", "~")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_never_crash_the_decoder(raw):
    found = decode(raw)
    assert isinstance(found, Rejected)
    assert found.raw == raw
    assert found.fault.reason


@given(
    st.dictionaries(st.sampled_from([*cloud_event(), "lon", "lat", "exercise", "subject", "x", "data_base64"]), JSON)
)
@settings(max_examples=400, deadline=None)
def test_arbitrary_members_give_an_event_or_a_pointer_into_the_item(changed):
    item = {**cloud_event(), **changed}
    found = decode(json.dumps(item).encode())
    if isinstance(found, Event):
        assert found.id == item["id"]
        return
    where = item
    *parents, last = found.fault.pointer.split("/")[1:] or [""]
    for step in parents:
        where = where[int(step)] if isinstance(where, list) else where[unescaped(step)]
    name = unescaped(last)
    present = found.fault.pointer == "" or (isinstance(where, list) and int(name) < len(where)) or name in where
    assert present or "both" in found.fault.reason or "required" in found.fault.reason

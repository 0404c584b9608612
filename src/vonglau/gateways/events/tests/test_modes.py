"""The three content modes of the HTTP binding, and how a batch is cut."""

import json
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vonglau.core.errors import BadInput
from vonglau.core.events import Event
from vonglau.gateways.events import modes, split
from vonglau.gateways.events.decode import Decoder
from vonglau.gateways.events.modes import TooLarge, UnknownMedia
from vonglau.gateways.events.tests.helpers import BATCH, STRUCTURED, bounds, cloud_event, text

HEADERS = {b"ce-specversion": b"1.0", b"ce-id": b"e0", b"ce-source": b"/s", b"ce-type": b"t"}


def items(body: bytes, media: bytes = BATCH) -> list[bytes]:
    return [bytes(piece) for piece in modes.read([(b"content-type", media)], body).pieces]


def binary(body: bytes = b"", **headers: bytes) -> modes.Received:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return modes.read([*{**HEADERS, **named}.items()], body)


def event(received: modes.Received) -> Event:
    found = Decoder({}).item(bytes(received.pieces[0]), bounds())
    assert isinstance(found, Event), found
    return found


class TestBinary:
    def test_attributes_come_from_headers_and_data_from_the_body(self):
        found = event(
            binary(
                b' {"a": 1} ',
                ce_subject=b"x",
                ce_foo=b"7",
                ce_lon=b"108.2",
                ce_lat=b"16",
                content_type=b"application/json",
            )
        )
        assert (found.id, found.source, found.type, found.subject) == ("e0", "/s", "t", "x")
        assert (found.lon, found.lat, found.data) == (108.2, 16.0, b'{"a": 1}')
        assert {name: value for name, value in found.extensions.items() if name != "time_assumed"} == {"foo": "7"}

    def test_the_same_event_is_the_same_in_binary_and_structured_mode(self):
        sent = cloud_event(subject="a b")
        headers = {
            f"ce_{name}": quote(str(value), safe=":/").encode() for name, value in sent.items() if name != "data"
        }
        assert event(binary(text(sent["data"]), content_type=b"application/json", **headers)) == Decoder({}).item(
            text(sent), bounds()
        )

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            (b"Vi%E1%BB%87t%20Nam", "Việt Nam"),
            (b"%e1%bb%87", "ệ"),
            (b'"quoted %22x%22"', 'quoted "x"'),
            (b'"a\\"b\\\\c"', 'a"b\\c'),
            (b"100%", "100%"),
            (b"  spaces  ", "spaces"),
            ("thô".encode(), "thô"),
        ],
    )
    def test_header_values_are_percent_decoded(self, header, value):
        assert event(binary(ce_subject=header)).subject == value

    @pytest.mark.parametrize("header", [b"%FF", b"\xff", b"a%C3"])
    def test_a_value_that_is_no_utf8_is_a_fault(self, header):
        assert binary(ce_subject=header).fault.pointer == "/subject"

    def test_data_headers_are_a_fault(self):
        assert binary(b"1", ce_data=b"2").fault.pointer == "/data"

    def test_text_becomes_a_json_string_and_anything_else_base64(self):
        found = event(binary("chào \x00".encode()[:6], content_type=b"text/plain; charset=utf-8"))
        assert (found.data, found.extensions["datacontenttype"]) == ('"chào "'.encode(), "text/plain; charset=utf-8")
        found = event(binary(b"\x00\xff", content_type=b"image/png"))
        assert (found.data, found.extensions["data_base64"]) == (b'"AP8="', True)
        assert event(binary(b"\xff", content_type=b"text/plain")).extensions["data_base64"] is True

    def test_broken_json_is_kept_as_it_came(self):
        assert event(binary(b'{"a":', content_type=b"application/json")).extensions["data_base64"] is True
        assert event(binary(b"[" * 9999, content_type=b"application/vnd.x+json")).extensions["data_base64"] is True

    def test_no_body_is_no_data(self):
        assert event(binary()).data == b""


class TestStructured:
    @pytest.mark.parametrize(
        "media", [STRUCTURED, b"application/json", b"application/cloudevents+json; charset=UTF-8", b""]
    )
    def test_one_event_as_an_object(self, media):
        assert items(b" \n" + text(cloud_event()) + b"\n", media) == [text(cloud_event())]

    @pytest.mark.parametrize("body", [b"", b"{", b"x", b'{"a":1} {"b":2}', b"[1]", b"7", b'"x"', b"\xef\xbb\xbf{}"])
    def test_what_does_not_parse_is_bad_input(self, body):
        with pytest.raises(BadInput):
            items(body, STRUCTURED)

    @pytest.mark.parametrize(
        "media", [b"application/x-www-form-urlencoded", b"text/plain", b"application/cloudevents+avro", b"\xff"]
    )
    def test_other_media_are_unknown(self, media):
        with pytest.raises(UnknownMedia):
            items(b"{}", media)

    def test_compressed_bodies_and_other_charsets_are_refused(self):
        with pytest.raises(UnknownMedia):
            modes.read([(b"content-type", STRUCTURED), (b"content-encoding", b"gzip")], b"{}")
        with pytest.raises(UnknownMedia):
            items(b"{}", b"application/json; charset=utf-16")


class TestBatch:
    @pytest.mark.parametrize("media", [BATCH, b"application/json"])
    def test_items_of_an_array(self, media):
        assert items(b'[ {"a":1} , 2,"x,]" ,[3,[4]]]', media) == [b'{"a":1}', b"2", b'"x,]"', b"[3,[4]]"]
        assert items(b" [ ] ", media) == []

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b'[{"a":1},{"b":},{"c":"x]\\",}"}]', [b'{"a":1}', b'{"b":}', b'{"c":"x]\\",}"}']),
            (b'[1, NaN ,"\\q",2]', [b"1", b"NaN", b'"\\q"', b"2"]),
            (b"[1,]", [b"1", b""]),
            (b"[,]", [b"", b""]),
            (b'[1,"\x00",2]', [b"1", b'"\x00"', b"2"]),
            (b"[1," + b"[" * 3000 + b"]" * 3000 + b",2]", [b"1", b"[" * 3000 + b"]" * 3000, b"2"]),
        ],
    )
    def test_a_bad_item_leaves_the_others_whole(self, body, expected):
        assert items(body) == expected

    @pytest.mark.parametrize(
        "body", [b"", b"[", b"[1", b"[1,", b"1]", b"{}", b"[1]x", b'["a]', b"[{]", b"x[1]", b"\xff"]
    )
    def test_what_is_no_array_is_bad_input(self, body):
        with pytest.raises(BadInput):
            items(body)

    def test_more_than_ten_thousand_items_are_too_many(self):
        assert len(items(b"[" + b",".join([b"1"] * 10_000) + b"]")) == 10_000
        for one in (b"1", b"nope"):
            with pytest.raises(TooLarge, match="10,000"):
                items(b"[" + b",".join([one] * 10_001) + b"]")

    def test_millions_of_tiny_items_are_given_up_early(self):
        with pytest.raises(TooLarge):
            items(b"[" + b"0," * 2_000_000 + b"0]")

    def test_a_large_item_with_many_commas_is_cut_like_any_other(self):
        large = b"[" + b",".join([b"1.5"] * 400_000) + b"]"
        assert items(b"[" + large + b',{"a":[2]}]') == [large, b'{"a":[2]}']

    @given(
        st.lists(
            st.recursive(
                st.none() | st.text(max_size=6) | st.integers(),
                lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4), x, max_size=3),
            ),
            max_size=8,
        ),
        st.sampled_from([None, 1]),
    )
    @settings(max_examples=150, deadline=None)
    def test_the_scanner_cuts_like_the_parser(self, values, indent):
        body = json.dumps(values, indent=indent).encode()
        assert [json.loads(one) for one in split._scanned(body, 100)] == values
        assert [msgspec.json.decode(one) for one in split.items(body, 100)] == values

    @given(st.binary(max_size=120))
    @settings(max_examples=300, deadline=None)
    def test_the_scanner_never_crashes(self, body):
        for whole in (body, b"[" + body + b"]"):
            try:
                split.items(whole, 50)
            except (split.NotAnArray, split.TooManyItems):
                continue


def test_a_body_with_nul_or_broken_utf8_is_looked_at_item_by_item():
    assert modes.batch(b'["\xc3\xa9"]').clean
    assert not modes.batch(b'["\xff"]').clean
    assert not modes.batch(b'["\\u0000"]').clean

"""What a submission may bring: answers, photos in three ways, links; and what hostile or mistaken ones get for an answer."""

import base64
import io
import json
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from PIL import Image

from vonglau.core import audit
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.tests import factories
from vonglau.core.worlds import World
from vonglau.gateways.open311 import tickets
from vonglau.gateways.open311.tests.conftest import Send, step
from vonglau.kit import tokens
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import Report

BASE = "/open311/v2"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def reasons(answer: Any) -> str:
    return " ".join(one["description"] for one in answer.json())


def picture(colour: str = "red", form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, form)
    return out.getvalue()


def named(data: bytes, name: str = "a.jpg") -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


# ---------------------------------------------------------------------------------------------- answers


def test_answers_lie_with_the_words_and_go_with_them(send: Send) -> None:
    answer = send(**{"attribute[fault]": "flickers", "attribute[post_number]": " 12B/4 ", "attribute[lamps]": "3"})
    assert answer.status_code == 200
    report = Report.objects.get()
    assert report.content.attributes == {"fault": "flickers", "post_number": "12B/4", "lamps": "3"}
    chain = json.dumps([body for _row, body in audit.rows(report.incident.stream)])
    assert "12B/4" not in chain
    intake.erase(report, factories.SUPERVISOR, "request")
    assert not hasattr(Report.objects.get(), "content")


@pytest.mark.parametrize("name", ["attribute[kinds][]", "attribute[kinds]"])
def test_several_answers_to_one_question(send: Send, name: str) -> None:
    assert send(service_code="waste", **{name: ["rubble", "bulky", "rubble"]}).status_code == 200
    assert Report.objects.get().content.attributes == {"kinds": ["rubble", "bulky"]}


def test_a_required_answer_is_required_and_an_empty_one_absent(send: Send) -> None:
    for missing in ({}, {"attribute[animal]": ""}, {"attribute[animal]": "  "}):
        answer = send(service_code="stray_animals", **missing)
        assert answer.status_code == 400
        assert "attribute[animal]" in reasons(answer)
    assert send(service_code="stray_animals", **{"attribute[animal]": "dog"}).status_code == 200


@pytest.mark.parametrize(
    ("service", "sent"),
    [
        ("street_light", {"attribute[fault]": "purple"}),
        ("street_light", {"attribute[fault][]": ["dark", "wires"]}),
        ("street_light", {"attribute[post_number]": "x" * 256}),
        ("street_light", {"attribute[post_number]": "a\x00"}),
        ("street_light", {"attribute[lamps]": "many"}),
        ("street_light", {"attribute[lamps]": "NaN"}),
        ("street_light", {"attribute[lamps]": "1e999"}),
        ("flooding", {"attribute[since]": "yesterday"}),
        ("flooding", {"attribute[since]": "2026-11-25T07:00:00"}),
        ("waste", {"attribute[kinds][]": ["rubble", "gold"]}),
        ("waste", {"attribute[a][b]": "1"}),
        ("waste", {"attribute[]": "1"}),
        ("waste", {"attribute": "1"}),
        ("waste", {"attribute[kinds": "rubble"}),
        ("waste", {"attribute[" + "k" * 61 + "]": "1"}),
    ],
)
def test_answers_that_cannot_be_used(send: Send, service: str, sent: dict[str, Any]) -> None:
    answer = send(service_code=service, **sent)
    assert answer.status_code == 400
    assert "attribute" in reasons(answer)
    assert not Report.objects.exists()


def test_what_the_service_does_not_ask_is_not_kept(send: Send) -> None:
    """The specification's own sample sends such."""
    assert send(**{"attribute[WHISPAWN]": "123456"}).status_code == 200
    assert Report.objects.get().content.attributes == {}


def test_faults_of_words_and_answers_are_named_together(send: Send) -> None:
    answer = send(email="x", **{"attribute[lamps]": "many", "attribute[fault]": "purple"})
    assert len(answer.json()) == 3
    root = ET.fromstring(send("xml", email="x", **{"attribute[lamps]": "many"}).content)
    assert [one.findtext("code") for one in root.findall("error")] == ["400", "400"]


# ---------------------------------------------------------------------------------------------- photos and links


def test_several_photos_whatever_the_parts_are_called(send: Send) -> None:
    answer = send(media=[named(picture("red")), named(picture("green"))], photo1=named(picture("blue", "PNG")))
    assert answer.status_code == 200
    assert Evidence.objects.count() == 3


def test_photos_within_the_form_and_links_beside_them(send: Send, key: str) -> None:
    inside = "data:image/jpeg;base64," + base64.b64encode(picture()).decode()
    links = ["https://example.vn/a.jpg", "https://example.vn/b.jpg", inside]
    body = urlencode(
        {"api_key": key, "service_code": "waste", "lat": "16.06", "long": "108.22", "media_url": links}, doseq=True
    )
    assert Client().post(f"{BASE}/requests.xml", body, content_type=FORM).status_code == 200
    assert Report.objects.get().content.media_url.split("\n") == links[:2]
    assert Evidence.objects.count() == 1
    unescaped = body.replace("%2B", "+")
    assert Client().post(f"{BASE}/requests.xml", unescaped, content_type=FORM).status_code == 200


@pytest.mark.parametrize(
    "link",
    [
        "data:image/jpeg;base64,@@@",
        "data:image/jpeg;base64,abc",
        "data:image/jpeg;base64," + base64.b64encode(b"<svg onload='alert(1)'/>").decode(),
        "data:text/html;base64," + base64.b64encode(b"<script>").decode(),
        "data:image/jpeg,raw",
        "https://example.vn/" + "a" * 2000,
        "https://example.vn/\x00",
        "ftp://example.vn/a.jpg",
    ],
)
def test_links_that_are_none(send: Send, link: str) -> None:
    assert send(media_url=link).status_code == 400
    assert not Report.objects.exists()
    assert not Incident.objects.exists()


def test_more_photos_than_anybody_takes(send: Send) -> None:
    answer = send(media=[named(picture()) for _ in range(11)])
    assert answer.status_code == 400
    assert "10" in reasons(answer)


def test_a_part_that_is_too_large_and_too_many_parts(send: Send, settings: Any) -> None:
    assert send(media=named(b"\xff\xd8\xff" + b"x" * (16 * 2**20))).status_code == 400
    assert send(media=[named(b"x") for _ in range(101)]).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    too_long = "data:image/jpeg;base64," + "A" * 20_000
    assert send(media_url=too_long).status_code == 413
    assert not Report.objects.exists()


# ---------------------------------------------------------------------------------------------- where


@pytest.mark.parametrize(
    ("lat", "long", "says"),
    [
        ("16.4637", "107.5909", "Huế"),
        ("21.0285", "105.8542", "Hà Nội"),
        ("0", "0", "trên mặt biển"),
        ("15.9", "109.5", "trên mặt biển"),
        ("48.8566", "2.3522", "không nằm trong phường"),
    ],
)
def test_a_point_outside_the_city_is_told_whose_it_is(send: Send, lat: str, long: str, says: str) -> None:
    answer = send(lat=lat, long=long)
    assert answer.status_code == 400
    assert says in reasons(answer)
    assert not Report.objects.exists()


def test_whose_it_is_in_english(send: Send, key: str) -> None:
    form = {"api_key": key, "service_code": "waste", "lat": "16.4637", "long": "107.5909"}
    answer = Client().post(f"{BASE}/requests.json?locale=en", form)
    assert "Hue" in reasons(answer)
    assert "authority there" in reasons(answer)


def test_a_drill_may_play_with_the_points_of_another_city(send: Send) -> None:
    drill = tokens.mint("drill", ["reports:write"], "drill-1")[0]
    assert send(api_key=drill, lat="42.36", long="-71.06").status_code == 200


# ---------------------------------------------------------------------------------------------- odd forms


def test_an_argument_given_twice_must_say_the_same(send: Send, key: str) -> None:
    form = f"api_key={key}&service_code=waste&lat=16.06&long=108.22"
    url = f"{BASE}/requests.json"
    assert Client().post(url, form + "&lat=16.06", content_type=FORM).status_code == 200
    answer = Client().post(url, form + "&lat=16.07", content_type=FORM)
    assert answer.status_code == 400
    assert "lat" in reasons(answer)
    both = Client().post(f"{url}?service_code=pothole", form, content_type=FORM)
    assert both.status_code == 200, "the form has the last word"
    assert Report.objects.order_by("id").last().category == "waste"  # type: ignore[union-attr]
    assert Client().get(url, {"page": ["1", "2"]}).status_code == 400
    assert Client().get(url, {"status": ["open", "closed"]}).status_code == 200


def test_letters_that_xml_cannot_carry(send: Send) -> None:
    assert send(description="a\x01b\x0bc\ufffe", first_name="\x1b[31m").status_code == 200
    report = Report.objects.get()
    step(report, "verify")
    root = ET.fromstring(Client().get(f"{BASE}/requests.xml").content)
    assert root.findtext("request/description") == "a\ufffdb\ufffdc\ufffd"
    [told] = Client().get(f"{BASE}/requests.json").json()
    assert told["description"] == "a\x01b\x0bc\ufffe"


def test_4000_characters_and_one_more(send: Send) -> None:
    lines = ("x" * 39 + "\r\n") * 100
    assert send(description=lines.strip() + "y").status_code == 200
    assert send(description="🏮" * 4000).status_code == 200
    answer = send(description="🏮" * 4001)
    assert answer.status_code == 400
    assert "4000" in reasons(answer)


# ---------------------------------------------------------------------------------------------- jurisdiction and tokens


@pytest.mark.parametrize("path", ["services", "services/waste", "requests", "servicerequestupdates"])
def test_one_jurisdiction_is_known(send: Send, path: str) -> None:
    for given, status in ((None, 200), ("", 200), ("48", 200), ("city.gov", 404)):
        query = {} if given is None else {"jurisdiction_id": given}
        answer = Client().get(f"{BASE}/{path}.json", query)
        assert answer.status_code == status, given
    assert [one["code"] for one in answer.json()] == [404]


def test_a_submission_names_the_jurisdiction_or_not(send: Send) -> None:
    assert send(jurisdiction_id="48").status_code == 200
    assert send(jurisdiction_id="46").status_code == 404
    World.objects.filter(pk="live").update(locality="")
    assert send(jurisdiction_id="48").status_code == 404


@pytest.fixture
def promising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VONGLAU_FIELD_REPORTS_TOKENS", "60")


def test_a_token_is_exchanged_for_the_number(send: Send, promising: None) -> None:
    [told] = send().json()
    assert told.keys() == {"token", "service_notice", "account_id"}
    report = Report.objects.get()
    assert report.token not in told["token"]
    answer = Client().get(f"{BASE}/tokens/{told['token']}.json")
    assert answer.json() == [{"service_request_id": report.reference, "token": told["token"]}]
    root = ET.fromstring(Client().get(f"{BASE}/tokens/{told['token']}.xml").content)
    assert root.findtext("request/service_request_id") == report.reference
    assert {one["type"] for one in Client().get(f"{BASE}/services.json").json()} == {"batch"}


def test_tokens_that_are_none(send: Send, promising: None, monkeypatch: pytest.MonkeyPatch) -> None:
    [told] = send().json()
    good = told["token"]
    drill = tokens.mint("drill", ["reports:write"], "drill-1")[0]
    other = "A" if good[5] != "A" else "B"
    for wrong in ("x", "é", good[:-4], good + "AAAA", good[:5] + other + good[6:], Report.objects.get().token):
        assert Client().get(f"{BASE}/tokens/{wrong}.json").status_code == 404, wrong
    assert Client().get(f"{BASE}/tokens/{good}.json", {"api_key": drill}).status_code == 404
    now = tickets.time.time()
    monkeypatch.setattr(tickets.time, "time", lambda: now + 61)
    assert Client().get(f"{BASE}/tokens/{good}.json").status_code == 404

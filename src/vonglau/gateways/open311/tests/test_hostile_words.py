"""Words and photos that strangers send: kept exactly, shown harmless, or refused with nothing kept and a reason."""

import io
import json
import unicodedata
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.gateways.open311.tests.conftest import Send, step
from vonglau.services.field_reports import looking
from vonglau.services.field_reports.models import Original, PhotoReview, Report
from vonglau.services.field_reports.photos.tests import makers

WORDS = {
    "emoji": "😀🕳️🚧" * 300,
    "right-to-left": "\u202eabc مرحبا 0905123456\u202c",
    "decomposed": unicodedata.normalize("NFD", "Đường ngập, gọi 0905 123 456"),
    "script": "<script>alert('x')</script><img src=x onerror=alert(1)>",
    "markup": "]]></description><status>closed</status><![CDATA[",
    "template": "{{ 7 * 7 }} {% csrf_token %} ${7*7}",
    "query": "'; DROP TABLE field_reports_report; --",
    "longest": "đ" * 4000,
    "zero width": "a\u200bb\u2060c\ufeff",
    "combining": "Z" + "\u0317" * 200,
    "noncharacters": "\ufffe\U0001fffe\x0b",
}


@pytest.mark.parametrize("text", WORDS.values(), ids=WORDS)
def test_it_is_kept_as_written_and_shown_in_both_formats(send: Send, text: str) -> None:
    assert send(description=text).status_code == 200
    report = Report.objects.get()
    assert looking.words(report, Actor("truc.ban", "operator")) == text.strip()
    step(report, "verify")
    [shown] = Client().get(f"/open311/v2/requests/{report.reference}.json").json()
    assert "0905" not in json.dumps(shown)
    xml = ET.fromstring(Client().get(f"/open311/v2/requests/{report.reference}.xml").content)
    assert xml.findtext("request/status") == "open"
    assert len(xml.findall("request/description")) == 1


def test_one_character_more_is_refused_and_nothing_kept(send: Send) -> None:
    answer = send(description="đ" * 4001)
    assert answer.status_code == 400
    assert "4000" in answer.content.decode()
    assert not Report.objects.exists()


def sent(send: Send, data: bytes) -> Any:
    file = io.BytesIO(data)
    file.name = "anh.jpg"
    return send(media=file)


@pytest.mark.parametrize(
    "data",
    [makers.bomb(), makers.SVG, makers.HEIC, makers.archive(), makers.jpeg()[:-300], makers.moving("WEBP"), b""],
    ids=["30000x30000", "svg", "heic", "zip", "truncated", "moving", "empty"],
)
def test_a_photo_that_cannot_be_used_keeps_nothing(send: Send, data: bytes) -> None:
    answer = sent(send, data)
    assert answer.status_code in (200, 400) if not data else answer.status_code == 400
    if answer.status_code == 400:
        assert answer.json()[0]["description"]
        assert not Report.objects.exists()
    assert not Original.objects.exists()


def test_a_photo_of_forty_megabytes_keeps_nothing(send: Send) -> None:
    assert sent(send, makers.jpeg() + bytes(40 * 1024 * 1024)).status_code in (400, 413)
    assert not Report.objects.exists()


def test_a_good_photo_waits_and_its_original_is_sealed(send: Send) -> None:
    assert sent(send, makers.jpeg() + makers.HTML).status_code == 200
    review = PhotoReview.objects.get()
    assert review.state == "waiting"
    assert Original.objects.get().evidence_id == review.evidence_id
    factories.agency()
    assert (
        Client(raise_request_exception=False)
        .get(f"/field_reports/photos/{review.report.reference}/{review.pk}.jpg")
        .status_code
        == 404
    )

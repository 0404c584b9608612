"""An SMS relay and Zalo's service, over real HTTP, with the payloads of their contracts: what they get, and what each answer leads to."""

import json
from pathlib import Path
from typing import Any

import pytest

from vonglau.core.notify.outbox import Draft, queue
from vonglau.core.notify.sender import Sender
from vonglau.core.notify_models import Notice
from vonglau.core.seams import Letter, Letters, services
from vonglau.core.tests import factories
from vonglau.gateways.notices.addresses import Allowed
from vonglau.gateways.notices.phones import Sms, Zalo, _short, national
from vonglau.gateways.notices.post import Wire
from vonglau.gateways.notices.tests.receivers import Receiver, receiving

pytestmark = pytest.mark.django_db
BODY = "PA-2611-0042: Đã có kết quả. Đã khắc phục. https://city.example/field_reports/v/abc/"
GONE: list[str] = []


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    """One person of a service, whose number stands in no row."""
    from dataclasses import replace

    from vonglau.core.notify import letters

    GONE.clear()
    found = Letter(address="0905 123 456", subject="PA-2611-0042: Đã có kết quả", body=BODY)
    told = Letters(of=lambda notice: found, gone=lambda notice: GONE.append(notice.recipient))
    some = [replace(one, letters=told) if one.name == "field_reports" else one for one in services()]
    monkeypatch.setattr(letters, "services", lambda: some)
    settings.VONGLAU_DATA, settings.VONGLAU_SECRETS = tmp_path, tmp_path / "secrets"
    factories.live()
    factories.drill()


def send(channel: Sms | Zalo, world: str = "live") -> Notice:
    fields = {"kind": "news", "recipient": "field_reports/1", "subject": "x", "body": "y"}
    queue([Draft(key=f"{channel.name}/{world}", world=world, channel=channel.name, **fields)])
    Sender({channel.name: channel}).deliver()
    return Notice.objects.get()


def wire() -> Wire:
    return Wire(Allowed.of(["127.0.0.1"]))


def sms(settings: Any, relay: Receiver) -> Notice:
    settings.VONGLAU_SMS_URL, settings.VONGLAU_SMS_KEY = relay.url, "s3cret"
    return send(Sms(wire()))


def zalo(settings: Any, service: Receiver) -> Notice:
    settings.VONGLAU_ZALO_URL = service.url
    settings.VONGLAU_ZALO_TOKEN, settings.VONGLAU_ZALO_TEMPLATE = "tok", "7895417"
    return send(Zalo(wire()))


def test_the_relay_gets_what_the_contract_says(settings: Any) -> None:
    with receiving(answer=lambda self, got: (202, {}, b'{"status":"queued"}')) as relay:
        assert sms(settings, relay).state == "delivered"
    (got,) = relay.got
    body = json.loads(got.body)
    assert got.headers["authorization"] == "Bearer s3cret"
    assert got.headers["idempotency-key"] == body["id"]
    assert body == {"id": body["id"], "to": "+84905123456", "text": BODY}


@pytest.mark.parametrize(
    ("status", "state", "gone"),
    [(400, "failed", False), (410, "failed", True), (429, "pending", False), (503, "pending", False)],
)
def test_each_answer_of_the_relay_has_its_meaning(settings: Any, status: int, state: str, gone: bool) -> None:
    with receiving(answer=lambda self, got: (status, {}, b"no route to +84905123456")) as relay:
        notice = sms(settings, relay)
    assert notice.state == state
    assert "905123456" not in notice.error
    assert bool(GONE) is gone


TAKEN = {"error": 0, "message": "Success", "data": {"msg_id": "96d384ebc7a8f6a1", "sent_time": "1764400000000"}}


def test_zalo_gets_a_template_message(settings: Any) -> None:
    with receiving(answer=lambda self, got: (200, {}, json.dumps(TAKEN).encode())) as service:
        assert zalo(settings, service).state == "delivered"
    (got,) = service.got
    body = json.loads(got.body)
    assert got.headers["access_token"] == "tok"
    assert body.pop("tracking_id").startswith("msg_")
    assert body == {
        "phone": "84905123456",
        "template_id": "7895417",
        "template_data": {
            "code": "PA-2611-0042",
            "news": "Đã có kết quả",
            "link": "https://city.example/field_reports/v/abc/",
        },
    }


@pytest.mark.parametrize(
    ("answer", "state", "gone"),
    [
        ((200, b'{"error":-124,"message":"Access token invalid"}'), "pending", False),
        ((200, b'{"error":-118,"message":"Zalo account not existed"}'), "failed", True),
        ((200, b'{"error":-132,"message":"template data invalid"}'), "failed", False),
        ((200, b"<html>"), "pending", False),
        ((500, b""), "pending", False),
        ((403, b"forbidden"), "failed", False),
    ],
)
def test_each_answer_of_zalo_has_its_meaning(settings: Any, answer: tuple[int, bytes], state: str, gone: bool) -> None:
    with receiving(answer=lambda self, got: (answer[0], {}, answer[1])) as service:
        assert zalo(settings, service).state == state
    assert bool(GONE) is gone


@pytest.mark.parametrize("kind", [Sms, Zalo])
def test_without_its_setting_nothing_leaves_and_it_says_so(settings: Any, kind: Any) -> None:
    settings.VONGLAU_SMS_URL = settings.VONGLAU_ZALO_TOKEN = ""
    notice = send(kind(wire()))
    assert notice.state == "failed"
    assert "set" in notice.error


@pytest.mark.parametrize("kind", [Sms, Zalo])
def test_a_drill_rings_nobodys_telephone(settings: Any, tmp_path: Path, kind: Any) -> None:
    settings.VONGLAU_SMS_URL = settings.VONGLAU_ZALO_URL = "http://127.0.0.1:1/never"
    assert send(kind(wire()), "drill-1").state == "delivered"
    (kept,) = (tmp_path / "outbox" / "drill-1").iterdir()
    assert json.loads(kept.read_text())["text"] == BODY


def test_numbers_and_lengths() -> None:
    assert [national(one) for one in ("0905 123 456", "+84 905.123.456", "84905123456")] == ["84905123456"] * 3
    long = _short("x" * 500 + " https://city.example/a")
    assert len(long) <= 300
    assert long.endswith("… https://city.example/a")

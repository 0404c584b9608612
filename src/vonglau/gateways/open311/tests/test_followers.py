"""A programme follows one request: told of each step, signed, without anybody's words, until it says stop."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from vonglau.core.notify.sender import Sender
from vonglau.core.notify_models import Notice
from vonglau.core.tests import factories
from vonglau.gateways.notices.addresses import Allowed
from vonglau.gateways.notices.post import Wire
from vonglau.gateways.notices.tests.receivers import receiving
from vonglau.gateways.notices.webhooks import CitizenWebhooks, signature
from vonglau.gateways.open311.tests.conftest import Send, step
from vonglau.kit import tokens
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.voices import joining

ROOT = "/open311/v2/requests"


@pytest.fixture(autouse=True)
def _city(settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.VONGLAU_SECRETS = tmp_path, tmp_path / "secrets"


def test_each_step_arrives_once_signed_and_without_words(key: str, send: Send) -> None:
    reference = send(email=None).json()[0]["service_request_id"]
    with receiving() as hook:
        asked = Client().post(f"{ROOT}/{reference}/followers.json", {"api_key": key, "url": hook.url})
        assert asked.status_code == 201
        [told] = asked.json()
        report = Report.objects.get(reference=reference)
        step(report, "verify")
        sender = Sender({"citizen-webhook": CitizenWebhooks(Wire(Allowed.of(["127.0.0.1"])))})
        assert sender.deliver() == 1
        stop = f"{ROOT}/{reference}/followers/{told['follower_id']}/stop.json"
        assert Client().post(stop, {"api_key": key}).status_code == 200
        factories.agency()
        step(report, "assign", agency="xay-dung")
        assert sender.deliver() == 0
    (got,) = hook.got
    event = json.loads(got.body)
    assert event["type"] == "vn.vonglau.field_reports.told"
    assert (event["subject"], event["data"]["step"], event["data"]["state"]) == (reference, "verify", "verified")
    assert "tắt" not in got.body.decode()
    sent = int(got.headers["webhook-timestamp"])
    assert got.headers["webhook-signature"] == signature([told["secret"]], got.headers["webhook-id"], sent, got.body)
    assert joining.people(report.incident) == 1, "a programme is nobody"
    assert Voice.objects.get().address == ""


def test_a_private_address_is_never_called_and_no_error_names_it(key: str, send: Send) -> None:
    reference = send(email=None).json()[0]["service_request_id"]
    url = "https://169.254.169.254/latest/meta-data"
    assert Client().post(f"{ROOT}/{reference}/followers.json", {"api_key": key, "url": url}).status_code == 201
    step(Report.objects.get(reference=reference), "verify")
    Sender({"citizen-webhook": CitizenWebhooks(Wire(Allowed()))}).deliver()
    notice = Notice.objects.get()
    assert notice.state == "pending"
    assert "no public address" in notice.error
    assert "meta-data" not in notice.error


def test_a_hook_that_is_gone_ends_it(key: str, send: Send) -> None:
    reference = send(email=None).json()[0]["service_request_id"]
    with receiving(answer=lambda self, got: (410, {}, b"")) as hook:
        Client().post(f"{ROOT}/{reference}/followers.json", {"api_key": key, "url": hook.url})
        step(Report.objects.get(reference=reference), "verify")
        Sender({"citizen-webhook": CitizenWebhooks(Wire(Allowed.of(["127.0.0.1"])))}).deliver()
    assert Voice.objects.get().ended_at is not None


@pytest.mark.parametrize("format", ["json", "xml"])
@pytest.mark.parametrize(
    ("changed", "status"),
    [({"url": ""}, 400), ({"url": "ftp://x"}, 400), ({"url": "https://u:p@x.vn"}, 400), ({"api_key": "no"}, 403)],
)
def test_what_cannot_be_followed_is_said(
    key: str, send: Send, format: str, changed: dict[str, str], status: int
) -> None:
    reference = send(email=None).json()[0]["service_request_id"]
    fields = {"api_key": key, "url": "https://x.example/hook", **changed}
    assert Client().post(f"{ROOT}/{reference}/followers.{format}", fields).status_code == status
    assert not Voice.objects.exists()


def test_others_followers_are_not_mine_to_end_and_there_is_a_limit(key: str, send: Send) -> None:
    reference = send(email=None).json()[0]["service_request_id"]
    asked = {"api_key": key, "url": "https://x.example/hook"}
    follow = f"{ROOT}/{reference}/followers.json"
    mine = Client().post(follow, asked).json()[0]["follower_id"]
    other = tokens.mint("other", ["reports:write"], "live")[0]
    assert Client().post(f"{ROOT}/{reference}/followers/{mine}/stop.json", {"api_key": other}).status_code == 404
    for n in range(4):
        assert Client().post(follow, {**asked, "url": f"https://x.example/{n}"}).status_code == 201
    assert Client().post(follow, {**asked, "url": "https://x.example/5"}).status_code == 409
    assert Client().post(f"{ROOT}/PA-2611-9999/followers.json", asked).status_code == 404
    assert Client().get(follow).status_code == 405


def test_what_is_not_public_cannot_be_followed_and_a_follower_may_still_go(key: str, send: Send) -> None:
    reference = send(email=None).json()[0]["service_request_id"]
    asked = {"api_key": key, "url": "https://x.example/hook"}
    [told] = Client().post(f"{ROOT}/{reference}/followers.json", asked).json()
    step(
        Report.objects.get(reference=reference), "refuse", outcome="redirected", why="Là đơn.", reason="denunciation", target="citizen_reception"
    )  # fmt: skip
    never = Client().post(f"{ROOT}/PA-2611-9999/followers.json", asked)
    hidden = Client().post(f"{ROOT}/{reference}/followers.json", asked)
    assert (hidden.status_code, hidden.content.decode()) == (
        404,
        never.content.decode().replace("PA-2611-9999", reference),
    )
    stop = f"{ROOT}/{reference}/followers/{told['follower_id']}/stop.json"
    assert Client().post(stop, {"api_key": key}).status_code == 200

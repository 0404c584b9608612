"""The pages of notices: what is stuck and what to do about it, webhooks, and one's own choices and devices."""

import json
from typing import Any

import pytest
from django.utils import translation

from vonglau.centre.administration.notices.words import error_words
from vonglau.centre.tests.conftest import Sign, incident
from vonglau.core import audit
from vonglau.core.notify import devices, endpoints, outbox
from vonglau.core.notify.channel import NotDelivered
from vonglau.core.notify.outbox import Draft
from vonglau.core.notify_models import Endpoint, Notice, NoticeChoices, PushDevice
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World

pytestmark = pytest.mark.django_db

ADMINISTRATOR = Actor("quan.tri", "administrator")
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _secrets(settings: Any, tmp_path: Any) -> None:
    settings.VONGLAU_SECRETS = tmp_path / "secrets"


def mail(key: str, world: str = "drill-1", **more: Any) -> Notice:
    outbox.queue(
        [
            Draft(
                key=key,
                world=world,
                kind="assigned",
                channel="email",
                recipient="a@example.invalid",
                subject=EVIL,
                body=EVIL,
            )
        ]
    )
    Notice.objects.filter(key=key).update(**more)
    return Notice.objects.get(key=key)


def webhook(**more: Any) -> Endpoint:
    said = {
        "name": "Đối tác",
        "url": "https://hooks.example.org/x",
        "world": "drill-1",
        "types": ["vn.vonglau.incident.*"],
        **more,
    }
    return endpoints.add(ADMINISTRATOR, **said)[0]


def test_administration_is_for_administrators(sign_in: Sign) -> None:
    for role in ("operator", "supervisor", "leader"):
        assert sign_in(role).get("/administration/notices/").status_code == 403
        assert sign_in(role).post("/administration/notices/act", {"do": "retry", "which": "all"}).status_code == 403
        assert sign_in(role).get("/administration/webhooks/").status_code == 403
    page = sign_in("administrator").get("/administration/notices/")
    assert page.status_code == 200
    assert "Không có thông báo nào bị kẹt" in page.content.decode()


def test_a_failed_one_is_seen_with_its_reason_retried_and_audited(sign_in: Sign) -> None:
    stuck = mail("a", state="failed", error="It answered 500: no", attempts=3)
    mail("b", world="live", state="failed")
    admin = sign_in("administrator")
    text = admin.get("/administration/notices/").content.decode()
    assert "Bên nhận trả lời 500: no" in text
    assert EVIL not in text
    assert f"/administration/notices/{stuck.pk}/" in text
    detail = admin.get(f"/administration/notices/{stuck.pk}/").content.decode()
    assert "Gửi lại ngay" in detail
    assert EVIL not in detail
    answer = admin.post("/administration/notices/act", {"do": "retry", "id": stuck.pk, "back": stuck.pk})
    assert answer["Location"] == f"/administration/notices/{stuck.pk}/"
    stuck.refresh_from_db()
    assert (stuck.state, stuck.attempts_before) == ("pending", 3)
    (_row, body), *_rest = audit.rows(f"notice/{stuck.pk}")
    assert (body["who"], body["step"], body["from"]) == ("administrator.tt", "retry", "failed")


def test_all_of_a_list_is_done_at_once_and_another_world_is_left_alone(sign_in: Sign) -> None:
    for n in range(3):
        mail(f"a{n}", state="failed")
    other = mail("live", world="live", state="failed")
    admin = sign_in("administrator")
    assert admin.get(f"/administration/notices/{other.pk}/").status_code == 404
    admin.post("/administration/notices/act", {"do": "discard", "which": "all", "view": "failed"})
    admin.post("/administration/notices/act", {"do": "discard", "id": other.pk})
    assert set(Notice.objects.filter(world="drill-1").values_list("state", flat=True)) == {"discarded"}
    other.refresh_from_db()
    assert other.state == "failed"


def test_uncertain_ones_have_a_tab_and_say_what_that_means(sign_in: Sign) -> None:
    found = mail("a", uncertain=1, error=outbox.UNCERTAIN)
    admin = sign_in("administrator")
    assert "chưa chắc đã đến" in admin.get("/administration/notices/?view=uncertain").content.decode()
    assert "cùng một mã" in admin.get(f"/administration/notices/{found.pk}/").content.decode()


def test_odd_questions_are_answered_like_plain_ones(sign_in: Sign) -> None:
    admin = sign_in("administrator")
    for query in ("view=x&channel=y&endpoint=z", "after=%00", "endpoint=99999999999999999999", "endpoint=²"):
        assert admin.get(f"/administration/notices/?{query}").status_code == 200
    assert admin.post("/administration/notices/act", {"do": "retry", "id": ["x", "9" * 30]}).status_code == 302


def test_lists_filter_by_webhook_and_count_by_it(sign_in: Sign) -> None:
    here = webhook()
    incident("Ngập ở hầm chui")
    mail("a", state="failed")
    admin = sign_in("administrator")
    text = admin.get(f"/administration/notices/?view=pending&endpoint={here.pk}").content.decode()
    assert text.count('class="notice-row"') == 1
    assert f"view=pending&amp;channel=webhook&amp;endpoint={here.pk}" in text


def test_a_webhook_is_made_and_its_secret_shown_once(sign_in: Sign) -> None:
    admin = sign_in("administrator")
    said = {
        "name": "Trung tâm 115",
        "url": "https://hooks.example.org/a",
        "common": ["vn.vonglau.incident.*"],
        "types": "org.example.*",
    }
    answer = admin.post("/administration/webhooks/new/", said, follow=True)
    secret = Endpoint.objects.get().secret
    assert secret in answer.content.decode()
    address = answer.redirect_chain[-1][0]
    assert secret not in admin.get(address).content.decode()
    assert Endpoint.objects.get().types == ["vn.vonglau.incident.*", "org.example.*"]
    act = f"/administration/webhooks/{Endpoint.objects.get().pk}/act"
    assert "Sự kiện thử" in admin.post(act, {"do": "test"}, follow=True).content.decode()
    assert Notice.objects.get().kind == "test"
    fresh = admin.post(act, {"do": "rotate"}, follow=True).content.decode()
    assert Endpoint.objects.get().secret != secret
    assert Endpoint.objects.get().secret in fresh
    admin.post(act, {"do": "pause"})
    assert not Endpoint.objects.get().active
    assert "cho chạy lại trước" in admin.post(act, {"do": "test"}, follow=True).content.decode()
    admin.post(act, {"do": "resume"})
    assert admin.post(act, {"do": "remove"})["Location"] == "/administration/webhooks/"
    assert admin.get(address).status_code == 404


@pytest.mark.parametrize(
    "bad", [{"url": "ftp://x"}, {"common": [], "types": ""}, {"types": "a b<"}, {"name": ""}, {"agency": "999"}]
)
def test_a_webhook_that_cannot_be_is_refused_beside_its_field(sign_in: Sign, bad: dict[str, Any]) -> None:
    said = {"name": "x", "url": "https://hooks.example.org/a", "common": ["vn.vonglau.incident.*"], **bad}
    answer = sign_in("administrator").post("/administration/webhooks/new/", said)
    assert answer.status_code == 422
    assert 'class="errors"' in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_another_worlds_webhook_is_not_here(sign_in: Sign) -> None:
    here = webhook(world="live")
    assert sign_in("administrator").get(f"/administration/webhooks/{here.pk}/").status_code == 404


def test_ones_own_choices(sign_in: Sign) -> None:
    boss = sign_in("supervisor")
    page = boss.get("/account/notices/").content.decode()
    assert "Sắp đến hạn" in page
    assert "Được phân công" not in page, "for agencies"
    boss.post(
        "/account/notices/",
        {"choice": ["urgent/email", "due/push", "nonsense"], "quiet_from": "22:00", "quiet_to": "06:00"},
    )
    mine = NoticeChoices.objects.get()
    assert mine.channels == {"urgent": ["email"], "returned": [], "reopened": [], "due": ["push"], "overdue": []}
    assert str(mine.quiet_from) == "22:00:00"
    wrong = boss.post("/account/notices/", {"quiet_from": "22:00"})
    assert wrong.status_code == 422
    assert "Điền cả hai giờ" in wrong.content.decode()


def test_a_device_is_added_tried_and_removed(sign_in: Sign, city: World) -> None:
    boss = sign_in("supervisor")
    subscription = {
        "endpoint": "https://push.example.org/1",
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    }
    answer = boss.post("/account/notices/devices", json.dumps(subscription), content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert PushDevice.objects.get().world == city.pk
    number = PushDevice.objects.get().pk
    stranger = sign_in("operator")
    stranger.post(f"/account/notices/devices/{number}", {"do": "remove"})
    assert PushDevice.objects.exists()
    boss.post(f"/account/notices/devices/{number}", {"do": "test"})
    assert Notice.objects.get().channel == "push"
    boss.post(f"/account/notices/devices/{number}", {"do": "remove"})
    assert not PushDevice.objects.exists()
    for bad in (b"{", b"[]", b"{}", b"[" * 4000):
        assert boss.post("/account/notices/devices", bad, content_type="application/json").status_code == 400


def test_a_notice_leads_to_its_incident_or_to_the_other_world_first(sign_in: Sign) -> None:
    found = incident()
    boss = sign_in("supervisor")
    assert boss.get(f"/go/drill-1/{found.ref}")["Location"] == f"/desk/{found.ref}/"
    page = boss.get(f"/go/live/{found.ref}").content.decode()
    assert "Chuyển và mở" in page
    assert boss.post("/world/live", {"next": f"/go/live/{found.ref}"})["Location"] == f"/go/live/{found.ref}"


def test_the_service_worker_is_served_from_the_root(client: Any, db: Any) -> None:
    answer = client.get("/sw.js")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Service-Worker-Allowed"] == "/"
    assert b"notificationclick" in b"".join(answer.streaming_content)


def test_what_went_wrong_is_said_in_the_readers_language() -> None:
    said = [
        "It answered 410 Gone: it wants no more notices.",
        "It answered 302: redirects are not followed; register the address it moved to.",
        "It answered 500: boom",
        "It answered 503",
        "hooks.example.org did not answer within 10 s.",
        "hooks.example.org did not finish its answer within 20 s.",
        "x.example is 10.0.0.1, which is no public address. A server of the city's own can be named in VONGLAU_PRIVATE_HOSTS.",
        "x.example is called over https only; http is for hosts named in VONGLAU_PRIVATE_HOSTS.",
        "The name x.example cannot be resolved: nope",
        "The certificate of x.example is not valid: expired",
        "The mail server refused the address: 550 no such user",
        "The push service answered 403: no",
        "The subscription ended (410).",
        "x.example: ConnectionRefusedError: [Errno 111] Connection refused",
        outbox.UNCERTAIN,
        outbox.NEVER_TRIED,
    ]
    with translation.override("vi"):
        told = [error_words(one) for one in said]
    assert not [(one, two) for one, two in zip(said, told, strict=True) if one == two]
    with translation.override("vi"):
        assert error_words("100%s unknown") == "100%s unknown"
    assert devices.label("") == ""
    assert NotDelivered("x" * 900).message == "x" * 300

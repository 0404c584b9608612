"""Signed as Standard Webhooks says, verified by its own library; failing, gone and slow receivers; whom each endpoint hears of."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from vonglau.core.alert_models import Cursor
from vonglau.core.errors import BadInput, Conflict, NotFound
from vonglau.core.events import Event, to_us
from vonglau.core.incidents import desk
from vonglau.core.notify import endpoints, fan_out, outbox
from vonglau.core.notify.sender import Sender
from vonglau.core.notify_models import Endpoint, Notice, NoticeAttempt
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.engines import open_reader, open_writer
from vonglau.gateways.notices.addresses import Allowed
from vonglau.gateways.notices.post import Waits, Wire
from vonglau.gateways.notices.tests.receivers import Got, Receiver, receiving
from vonglau.gateways.notices.webhooks import Webhooks
from vonglau.kit import tokens

pytestmark = pytest.mark.django_db(transaction=True)

ADMINISTRATOR = Actor("quan.tri", "administrator")
Answer = Callable[[Receiver, Got], tuple[int, dict[str, str], bytes]]


@pytest.fixture(autouse=True)
def _city(settings: Any, tmp_path: Any) -> None:
    settings.VONGLAU_DATA = tmp_path
    settings.VONGLAU_ORIGIN = "https://ioc.example.vn"
    factories.live()
    factories.drill()


def sender() -> Sender:
    return Sender({"webhook": Webhooks(Wire(Allowed.of(["127.0.0.1"]), waits=Waits(read=5, total=10)))})


def add(url: str, types: str = "vn.vonglau.incident.*", world: str = "live", **more: Any) -> tuple[Endpoint, str]:
    return endpoints.add(ADMINISTRATOR, name="Đối tác", url=url, world=world, types=types.split(), **more)


def later() -> None:
    Notice.objects.filter(state="pending").update(next_at=timezone.now() - timedelta(seconds=1))
    Endpoint.objects.update(hold_until=None)


def test_a_change_arrives_as_a_signed_cloudevent() -> None:
    with receiving() as there:
        _endpoint, secret = add(there.url)
        incident = factories.incident()
        assert sender().deliver() == 1
    (got,) = there.got
    event = Webhook(secret).verify(got.body, got.headers)
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert (event["specversion"], event["type"], event["subject"]) == (
        "1.0",
        "vn.vonglau.incident.received",
        incident.ref,
    )
    assert event["source"] == "https://ioc.example.vn/api/incidents"
    assert (event["data"]["state"], event["data"]["version"], "exercise" in event) == ("received", 1, False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(got.body + b" ", got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints.mint()).verify(got.body, got.headers)


def test_every_attempt_has_the_same_id_and_the_same_bytes() -> None:
    with receiving(answer=lambda self, got: (500 if len(self.got) == 1 else 200, {}, b"")) as there:
        _endpoint, secret = add(there.url)
        factories.incident()
        assert sender().deliver() == 0
        later()
        assert sender().deliver() == 1
    first, second = there.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-id"].startswith("msg_")
    assert first.body == second.body
    Webhook(secret).verify(second.body, second.headers)
    assert list(NoticeAttempt.objects.order_by("n").values_list("outcome", "status")) == [
        ("failed", 500),
        ("delivered", 200),
    ]


def test_during_a_rotation_both_secrets_verify_and_afterwards_only_the_new_one() -> None:
    with receiving() as there:
        endpoint, old = add(there.url)
        new = endpoints.rotate(endpoint, ADMINISTRATOR)
        factories.incident()
        sender().deliver()
        for secret in (old, new):
            Webhook(secret).verify(there.got[0].body, there.got[0].headers)
        Endpoint.objects.update(old_until=timezone.now() - timedelta(seconds=1))
        factories.incident()
        sender().deliver()
        Webhook(new).verify(there.got[1].body, there.got[1].headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(there.got[1].body, there.got[1].headers)


def test_secrets_are_not_in_the_database_as_they_are() -> None:
    _endpoint, secret = add("https://hooks.example.org/")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM core_endpoint")
        (stored,) = cursor.fetchone()
    assert secret not in stored
    assert Endpoint.objects.get().secret == secret


def test_gone_disables_the_endpoint_and_what_waits_for_it_is_seen() -> None:
    with receiving(answer=lambda self, got: (410, {}, b"")) as there:
        add(there.url)
        factories.incident()
        factories.incident()
        sender().deliver()
    endpoint = Endpoint.objects.get()
    assert (endpoint.active, endpoint.paused_why) == (False, "gone")
    assert set(Notice.objects.values_list("state", flat=True)) == {"failed"}
    assert len(there.got) == 1
    factories.incident()
    assert Notice.objects.count() == 2, "nothing is queued for it any more"


def test_a_wait_it_asks_for_rests_the_whole_endpoint() -> None:
    with receiving(answer=lambda self, got: (503, {"Retry-After": "600"}, b"")) as there:
        add(there.url)
        factories.incident()
        factories.incident()
        sender().deliver()
        assert len(there.got) == 1
    assert Endpoint.objects.get().hold_until > timezone.now() + timedelta(seconds=500)


def test_one_that_keeps_failing_is_probed_by_one_notice_and_recovers() -> None:
    with receiving(answer=lambda self, got: (500 if len(self.got) <= 3 else 200, {}, b"no")) as there:
        add(there.url)
        for _ in range(6):
            factories.incident()
        sender().deliver()
        assert len(there.got) == 3, "then it rests"
        endpoint = Endpoint.objects.get()
        assert (endpoint.failures, endpoint.last_error) == (3, "It answered 500: no")
        later()
        assert sender().deliver() == 6
        assert Endpoint.objects.get().failures == 0


def test_a_redirect_is_a_failure_with_advice() -> None:
    with receiving(answer=lambda self, got: (301, {"Location": "/new"}, b"")) as there:
        add(there.url)
        factories.incident()
        sender().deliver()
    assert "redirects are not followed" in Notice.objects.get().error


def test_without_a_setting_the_house_does_not_call_itself() -> None:
    with receiving() as there:
        add(there.url)
        factories.incident()
        Sender({"webhook": Webhooks(Wire(Allowed()))}).deliver()
        assert there.got == []
    assert "VONGLAU_PRIVATE_HOSTS" in Notice.objects.get().error


def test_an_endpoint_hears_of_its_own_world_alone() -> None:
    with receiving() as there:
        add(there.url, world="drill-1")
        factories.incident("live")
        factories.incident("drill-1")
        assert sender().deliver() == 1
    assert json.loads(there.got[0].body)["exercise"] == "drill-1"


def test_an_agencys_endpoint_hears_of_what_is_in_its_hands() -> None:
    mine, other = factories.agency(), factories.agency("giao-thong")
    add("https://hooks.example.org/", agency=mine)
    for agency in (mine, other):
        incident = factories.incident()
        desk.take("live", incident.ref, "verify", factories.SUPERVISOR)
        desk.take("live", incident.ref, "assign", factories.SUPERVISOR, desk.Details(agency=agency.code))
    (notice,) = Notice.objects.filter(channel="webhook")
    body = json.loads(notice.body)
    assert (body["type"], body["data"]["agency"]) == ("vn.vonglau.incident.assigned", "xay-dung")


def test_a_filter_names_types_exactly_or_by_their_beginning() -> None:
    add("https://hooks.example.org/", "vn.vonglau.incident.verified")
    incident = factories.incident()
    desk.take("live", incident.ref, "verify", factories.SUPERVISOR)
    assert [json.loads(n.body)["type"] for n in Notice.objects.all()] == ["vn.vonglau.incident.verified"]
    assert fan_out.matches(["a.*"], "a.b")
    assert not fan_out.matches(["a.*"], "ab")
    assert not fan_out.matches(["*"], "vn.vonglau.clock.tick")


def test_a_revoked_tokens_endpoint_hears_no_more() -> None:
    _text, token = tokens.mint("t", ["webhooks:write", "read"], "live")
    add("https://hooks.example.org/", token=token)
    factories.incident()
    token.revoked_at = timezone.now()
    token.save()
    factories.incident()
    assert Notice.objects.count() == 1


def test_a_rotated_tokens_endpoint_goes_on_and_a_namesake_wakes_no_dead_one() -> None:
    _text, token = tokens.mint("t", ["webhooks:write", "read"], "live")
    add("https://hooks.example.org/", token=token)
    _text, fresh = tokens.rotate(token, timedelta(0), "qt")
    factories.incident()
    assert Notice.objects.count() == 1
    tokens.revoke(fresh, "qt")
    tokens.mint("t", ["webhooks:write", "read"], "live")
    factories.incident()
    assert Notice.objects.count() == 1, "another token of the same name is another token"


def test_events_of_the_log_are_passed_on_once_from_a_cursor_and_ours_cannot_be_forged(tmp_path: Any) -> None:
    writer = open_writer(tmp_path)

    def event(id: str, type: str, world: str = "live") -> Event:
        return Event(id=id, source="/s", type=type, time_us=to_us(factories.MONDAY), world=world, data=b'{"a": 1.50}')

    with receiving() as there:
        endpoint, secret = add(there.url, "org.example.* vn.vonglau.*")
        writer.append([event("before", "org.example.a")])
        reader = open_reader(tmp_path)
        assert fan_out.follow(reader) == 0, "it begins at the head"
        writer.append(
            [
                event("1", "org.example.a"),
                event("2", "vn.vonglau.incident.resolved"),
                event("3", "org.other"),
                event("4", "org.example.b", "drill-1"),
            ]
        )
        assert fan_out.follow(reader) == 1
        assert fan_out.follow(reader) == 0
        assert sender().deliver() == 1
    writer.close()
    got = Webhook(secret).verify(there.got[0].body, there.got[0].headers)
    assert (got["id"], got["source"], got["type"]) == ("1", "/s", "org.example.a")
    assert b'{"a": 1.50}' in there.got[0].body, "data as they were sent"
    assert Cursor.objects.get(pk=f"webhook/{endpoint.pk}").position == 5


def test_the_log_is_the_queue_of_one_that_is_behind(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(fan_out, "BEHIND", 3)
    writer = open_writer(tmp_path)
    add("https://hooks.example.org/", "org.example.*")
    reader = open_reader(tmp_path)
    fan_out.follow(reader)
    writer.append([Event(id=str(n), source="/s", type="org.example.a", time_us=1, data=b"") for n in range(10)])
    assert [fan_out.follow(reader), fan_out.follow(reader)] == [3, 0]
    Notice.objects.update(state="delivered")
    assert fan_out.follow(reader) == 3
    writer.close()
    keys = list(Notice.objects.order_by("pk").values_list("key", flat=True))
    assert [key.rsplit("/", 1)[1] for key in keys] == ["1", "2", "3", "4", "5", "6"]


def test_pausing_holds_and_resuming_goes_on() -> None:
    with receiving() as there:
        endpoint, _secret = add(there.url)
        factories.incident()
        endpoints.pause(endpoint, ADMINISTRATOR)
        factories.incident()
        assert sender().deliver() == 0
        assert Notice.objects.count() == 1, "nothing new while it is paused"
        endpoints.resume(endpoint, ADMINISTRATOR)
        assert sender().deliver() == 1
        with pytest.raises(NotFound):
            endpoints.find(endpoint.pk + 1)


def test_removing_erases_the_secrets_and_discards_what_waits() -> None:
    endpoint, _secret = add("https://hooks.example.org/")
    factories.incident()
    endpoints.remove(endpoint, ADMINISTRATOR)
    assert Notice.objects.get().state == "discarded"
    assert Endpoint.objects.get().secret == ""
    with pytest.raises(NotFound):
        endpoints.find(endpoint.pk)


def test_a_test_event_is_sent_whatever_the_filter_says_and_not_to_a_paused_one() -> None:
    with receiving() as there:
        endpoint, secret = add(there.url, "org.example.none")
        endpoints.test(endpoint, ADMINISTRATOR)
        assert sender().deliver() == 1
        assert Webhook(secret).verify(there.got[0].body, there.got[0].headers)["type"] == fan_out.TEST
    endpoints.pause(endpoint, ADMINISTRATOR)
    with pytest.raises(Conflict):
        endpoints.test(endpoint, ADMINISTRATOR)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x.example/", "https://", "https://u:p@x.example/", "https://x.example/#a", "https://x.example/ a", "https://x.example:99999/",
     "https://ví.dụ/", "https://[::1/", "javascript:alert(1)", "https://x.example/" + "a" * 500],
)  # fmt: skip
def test_addresses_that_cannot_be_used_are_refused_at_once(url: str) -> None:
    with pytest.raises(BadInput):
        add(url)


@pytest.mark.parametrize("types", ["", "a b*c", "<script>", "a" * 200])
def test_filters_that_cannot_be_used_are_refused(types: str) -> None:
    with pytest.raises(BadInput):
        add("https://x.example/", types)


def test_the_outbox_is_asked_through_its_index() -> None:
    plan = outbox.due("webhook/1", timezone.now()).explain()
    assert "notice_due" in plan
    assert "TEMP B-TREE" not in plan.upper()

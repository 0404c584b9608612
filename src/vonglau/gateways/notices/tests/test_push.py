"""A push service that decrypts with the browser's keys and checks our signature, over real HTTP: what it reads is what was meant."""

import base64
import json
from pathlib import Path
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.db.models import TextField, Value
from django.utils import timezone

from vonglau.core.errors import BadInput
from vonglau.core.incidents import desk, escalation
from vonglau.core.notify import devices, outbox, vapid
from vonglau.core.notify.email import Email
from vonglau.core.notify.sender import Sender
from vonglau.core.notify_models import Notice, NoticeChoices, PushDevice
from vonglau.core.people.models import User
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.gateways.notices.addresses import Allowed
from vonglau.gateways.notices.channels import channels
from vonglau.gateways.notices.post import Wire
from vonglau.gateways.notices.push import Push, topic
from vonglau.gateways.notices.tests.receivers import Got, receiving

pytestmark = pytest.mark.django_db(transaction=True)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """The client's side of RFC 8291."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"0123456789abcdef"

    def subscription(self, endpoint: str) -> dict[str, Any]:
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": b64(point), "auth": b64(self.auth)}}

    def read(self, got: Got) -> dict[str, Any]:
        plain = http_ece.decrypt(got.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return json.loads(plain)


def claims(got: Got) -> dict[str, Any]:
    """The VAPID token's claims, its ES256 signature checked against the key it names (RFC 8292)."""
    scheme, _, rest = got.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert said["k"] == vapid.public_key()
    head, body, signature = said["t"].split(".")
    raw = unb64(signature)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(said["k"]))
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    assert json.loads(unb64(head))["alg"] == "ES256"
    return dict(json.loads(unb64(body)))


@pytest.fixture(autouse=True)
def _city(settings: Any, tmp_path: Any) -> None:
    settings.VONGLAU_DATA = tmp_path
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    settings.VONGLAU_ORIGIN = "https://ioc.example.vn"
    factories.live()
    factories.drill()


def person(name: str = "truong.ca", role: str = "supervisor", **more: Any) -> User:
    return User.objects.create(username=name, role=role, **more)


def sender() -> Sender:
    return Sender({"push": Push(Wire(Allowed.of(["127.0.0.1"])))})


def test_an_urgent_incident_reaches_the_device_encrypted_and_signed() -> None:
    browser, boss = Browser(), person(language="en")
    with receiving() as service:
        devices.register(
            boss, world("live"), browser.subscription(f"http://127.0.0.1:{service.port}/p/1"), "Chrome Android"
        )
        incident = factories.incident(level="urgent")
        assert sender().deliver() == 1
    (got,) = service.got
    read = browser.read(got)
    assert incident.ref in read["title"]
    assert read["url"] == f"/go/live/{incident.ref}"
    assert (read["lang"], read["urgent"]) == ("en", True)
    assert incident.title.encode() not in got.body
    said = claims(got)
    assert said["aud"] == f"http://127.0.0.1:{service.port}"
    assert timezone.now().timestamp() < said["exp"] < timezone.now().timestamp() + 24 * 3600
    assert said["sub"] == "https://ioc.example.vn"
    assert (got.headers["content-encoding"], got.headers["urgency"]) == ("aes128gcm", "high")
    assert got.headers["topic"] == topic(Notice.objects.get().key)
    assert len(got.headers["topic"]) == 32
    assert int(got.headers["ttl"]) > 60


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_ended_is_forgotten_and_is_no_failure(status: int) -> None:
    with receiving(answer=lambda self, got: (status, {}, b"")) as service:
        devices.register(person(), world("live"), Browser().subscription(f"http://127.0.0.1:{service.port}/p"), "")
        factories.incident(level="urgent")
        factories.incident(level="urgent")
        sender().deliver()
    assert not PushDevice.objects.exists()
    assert set(Notice.objects.values_list("state", flat=True)) == {"cancelled"}


def test_one_who_did_it_is_not_told_of_it_nor_one_who_is_inactive() -> None:
    for name, more in (
        ("truc.ban", {"role": "operator"}),
        ("nghi", {"is_active": False}),
        ("dien.tap", {"demo": True}),
    ):
        devices.register(
            person(name, **more), world("live"), Browser().subscription(f"https://push.example.org/{name}"), ""
        )
    factories.incident(level="urgent")
    assert Notice.objects.count() == 0


def test_a_drills_notices_go_to_devices_that_asked_for_that_drill() -> None:
    boss = person()
    devices.register(boss, world("live"), Browser().subscription("https://push.example.org/1"), "")
    factories.incident("drill-1", level="urgent")
    assert Notice.objects.count() == 0
    devices.register(boss, world("drill-1"), Browser().subscription("https://push.example.org/1"), "")
    factories.incident("drill-1", level="urgent")
    notice = Notice.objects.get()
    assert notice.subject.startswith("[DIỄN TẬP]")


def test_choices_decide_the_channels_and_quiet_hours_delay_what_is_not_urgent() -> None:
    boss = person(email="b@example.invalid")
    devices.register(boss, world("live"), Browser().subscription("https://push.example.org/1"), "")
    now = timezone.localtime()
    NoticeChoices.objects.create(
        user=boss,
        channels={"returned": ["email"], "urgent": []},
        quiet_from=(now - timezone.timedelta(hours=1)).time(),
        quiet_to=(now + timezone.timedelta(hours=1)).time(),
    )
    agency = factories.agency()
    incident = factories.incident(level="urgent")
    desk.take("live", incident.ref, "verify", factories.OPERATOR)
    desk.take("live", incident.ref, "assign", factories.OPERATOR, desk.Details(agency=agency.code))
    desk.take("live", incident.ref, "return", factories.agent(agency), desk.Details(why="không thuộc địa bàn"))
    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.channel) == ("returned", "email")
    assert notice.next_at > timezone.now() + timezone.timedelta(minutes=50)


def test_a_deadline_that_draws_near_is_told_once_and_not_after_the_work_is_done() -> None:
    boss = person()
    devices.register(boss, world("live"), Browser().subscription("https://push.example.org/1"), "")
    incident = factories.incident()
    due = incident.due_at
    assert escalation.run(world("live"), factories.MONDAY) == 0
    assert escalation.run(world("live"), due - timezone.timedelta(minutes=5)) == 1
    assert escalation.run(world("live"), due - timezone.timedelta(minutes=4)) == 0
    (notice,) = Notice.objects.filter(kind="due")
    desk.take("live", incident.ref, "verify", factories.SUPERVISOR)
    notice.refresh_from_db()
    assert notice.state == "cancelled"


def test_a_deadline_is_told_however_many_others_are_overdue() -> None:
    boss = person()
    devices.register(boss, world("live"), Browser().subscription("https://push.example.org/1"), "")
    late = [factories.incident() for _ in range(7)]
    soon = factories.incident(at=factories.MONDAY + timezone.timedelta(hours=3))
    now = soon.due_at - timezone.timedelta(minutes=5)
    told = [escalation.run(world("live"), now, limit=3) for _ in range(4)]
    assert told == [3, 3, 2, 0]
    about = Notice.objects.filter(kind__in=("due", "overdue")).values_list("about", flat=True)
    assert sorted(about) == sorted(one.stream for one in (*late, soon))


def test_a_device_that_does_not_open_stops_neither_the_step_nor_other_notices(settings: Any, tmp_path: Path) -> None:
    boss = person(email="b@example.invalid")
    devices.register(boss, world("live"), Browser().subscription("https://push.example.org/1"), "")
    NoticeChoices.objects.create(user=boss, channels={"urgent": ["push", "email"]})
    PushDevice.objects.update(subscription=Value("vl1.aaaaaaaaaaaa.AAAA", output_field=TextField()))
    incident = factories.incident(level="urgent")
    assert {one.channel for one in Notice.objects.all()} == {"push", "email"}
    settings.VONGLAU_DATA = tmp_path
    Sender({"push": Push(Wire(Allowed.of(["127.0.0.1"]))), "email": Email()}).deliver()
    states = {one.channel: one.state for one in Notice.objects.filter(about=incident.stream)}
    assert states["email"] == "delivered"
    assert states["push"] == "pending"


def test_the_same_browser_under_another_account_changes_hands() -> None:
    subscription = Browser().subscription("https://push.example.org/1")
    devices.register(person("a"), world("live"), subscription, "")
    other = person("b")
    devices.register(other, world("live"), subscription, "Mozilla Firefox Android")
    assert PushDevice.objects.get().user == other
    assert PushDevice.objects.get().label == "Firefox · Android"
    assert not devices.remove(User.objects.get(username="a"), PushDevice.objects.get().pk)
    assert devices.remove(other, PushDevice.objects.get().pk)


def test_what_is_no_subscription_is_refused() -> None:
    good = Browser().subscription("https://push.example.org/1")
    keys = good["keys"]
    point = b64(b"\x04" + b"\x01" * 64)
    for bad in (
        None, [], {}, {"endpoint": "https://x.example/"}, {**good, "endpoint": "file:///etc/passwd"}, {**good, "endpoint": 5},
        {**good, "endpoint": "https://u:p@x.example/"}, {**good, "endpoint": "https://x.example/" + "a" * 2000},
        {**good, "keys": {**keys, "auth": "AA"}}, {**good, "keys": {**keys, "p256dh": point}}, {**good, "keys": {"auth": keys["auth"]}},
        {**good, "endpoint": "https://x.example:99999/"}, {**good, "endpoint": "https://x.example/\r\nHost: y"},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            devices.checked(bad)
    assert devices.checked(good)["endpoint"] == "https://push.example.org/1"


def test_the_private_key_is_a_file_outside_the_database_and_stays(settings: Any) -> None:
    first = vapid.public_key()
    path = settings.VONGLAU_SECRETS / vapid.FILE
    assert path.stat().st_mode & 0o077 == 0
    assert vapid.public_key() == first
    assert len(unb64(first)) == 65


def test_every_channel_has_a_schedule() -> None:
    assert set(outbox.SCHEDULES) == set(channels())

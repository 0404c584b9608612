"""Delivered or visibly failed; once under its key; a drill's mail never leaves the house."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from vonglau.core import notify
from vonglau.core.notify_models import Notice

pytestmark = pytest.mark.django_db(transaction=True)


def queued(key: str = "k1", world: str = "drill-1", about: str = "incident/x") -> Notice:
    return notify.queue(
        key=key,
        world=world,
        channel="email",
        recipient="a@example.invalid",
        subject="Ùn tắc\nBcc: x",
        body="…",
        about=about,
    )


@pytest.fixture(autouse=True)
def _sink(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.VONGLAU_DATA = tmp_path
    settings.EMAIL_HOST = "mail.example.invalid"


def test_a_drill_mails_into_its_own_folder_whatever_server_is_set(tmp_path: Path) -> None:
    queued()
    assert notify.deliver() == 1
    (mail,) = (tmp_path / "outbox" / "drill-1").iterdir()
    assert b"Message-ID: <" in mail.read_bytes()
    assert not [line for line in mail.read_bytes().splitlines() if line.startswith(b"Bcc")]
    assert Notice.objects.get().state == "delivered"


def test_the_same_key_is_one_notice() -> None:
    queued()
    queued()
    assert Notice.objects.count() == 1


def test_a_crash_between_send_and_record_sends_again_under_the_same_key() -> None:
    sent: list[str] = []

    def crash(notice: Notice) -> None:
        sent.append(notice.key)
        raise KeyboardInterrupt

    queued()
    with pytest.raises(KeyboardInterrupt):
        notify.deliver(channels={"email": crash})
    assert Notice.objects.get().state == "sending"
    assert notify.deliver(channels={"email": lambda n: sent.append(n.key)}) == 0, "not before it is known to be dead"
    Notice.objects.update(next_at=timezone.now() - timedelta(minutes=3))
    assert notify.deliver(channels={"email": lambda n: sent.append(n.key)}) == 1
    assert sent == ["k1", "k1"]


def test_failure_backs_off_and_in_the_end_stands_as_failed() -> None:
    def refuse(notice: Notice) -> None:
        raise ConnectionRefusedError("no mail today")

    queued()
    for attempt in range(notify.ATTEMPTS):
        notify.deliver(channels={"email": refuse})
        notice = Notice.objects.get()
        assert notice.attempts == attempt + 1
        assert notice.next_at > timezone.now()
        Notice.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert (notice.state, notice.error) == ("failed", "ConnectionRefusedError: no mail today")
    assert notify.deliver(channels={"email": refuse}) == 0


def test_after_an_acknowledgement_no_new_send_starts() -> None:
    queued()
    queued("k2", about="incident/y")
    assert notify.acknowledged("incident/x") == 1
    sent: list[str] = []
    notify.deliver(channels={"email": lambda n: sent.append(n.key)})
    assert sent == ["k2"]

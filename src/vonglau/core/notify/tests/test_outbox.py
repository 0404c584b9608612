"""Delivered or visibly failed; once under its key; a drill's mail never leaves the house."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.notify import outbox
from vonglau.core.notify.channel import Delivered, Lane, NotDelivered, Schedule
from vonglau.core.notify.email import Email
from vonglau.core.notify.outbox import Draft
from vonglau.core.notify.sender import Sender
from vonglau.core.notify_models import Notice, NoticeAttempt

pytestmark = pytest.mark.django_db(transaction=True)


class Fake:
    """Somebody else's mail server: does what the test says."""

    name = "email"
    schedule: Schedule = outbox.SCHEDULES["email"]

    def __init__(self, act: Callable[[Notice], Any] = lambda notice: None) -> None:
        self.act = act

    def lanes(self, now: datetime) -> list[Lane]:
        return [Lane("email", 2)]

    def prepare(self, notice: Notice) -> Callable[[], Delivered]:
        return lambda: self.act(notice) or Delivered()

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        pass


def queued(key: str = "k1", world: str = "drill-1", about: str = "incident/x", **more: Any) -> Notice:
    more = {"kind": "assigned", "channel": "email", "recipient": "a@example.invalid", "body": "…", **more}
    outbox.queue([Draft(key=key, world=world, subject="Ùn tắc\nBcc: x", about=about, **more)])
    return Notice.objects.get(key=key)


def sender(act: Callable[[Notice], Any] = lambda notice: None, **more: Any) -> Sender:
    return Sender({"email": Fake(act)}, **more)


def refuse(notice: Notice) -> None:
    raise NotDelivered("no mail today")


@pytest.fixture(autouse=True)
def _sink(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.VONGLAU_DATA = tmp_path
    settings.EMAIL_HOST = "mail.example.invalid"


def test_a_drill_mails_into_its_own_folder_whatever_server_is_set(tmp_path: Path) -> None:
    queued()
    assert Sender({"email": Email()}).deliver() == 1
    (mail,) = (tmp_path / "outbox" / "drill-1").iterdir()
    assert b"Message-ID: <" in mail.read_bytes()
    assert not [line for line in mail.read_bytes().splitlines() if line.startswith(b"Bcc")]
    assert Notice.objects.get().state == "delivered"


def test_the_same_key_is_one_notice() -> None:
    queued()
    queued()
    assert Notice.objects.count() == 1


def test_a_send_that_never_came_back_is_sent_again_when_it_is_known_to_be_dead() -> None:
    sent: list[str] = []
    queued()
    (taken,) = outbox.claim([("email", 5)], timezone.now())
    assert Notice.objects.get().state == "sending"
    assert sender(lambda n: sent.append(n.key)).deliver() == 0, "not before it is known to be dead"
    Notice.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert sender(lambda n: sent.append(n.key)).deliver() == 1
    assert sent == ["k1"]
    assert list(NoticeAttempt.objects.order_by("n").values_list("n", "outcome")) == [(1, "uncertain"), (2, "delivered")]
    assert Notice.objects.get().uncertain == 1
    assert not outbox.record_failed(taken, NotDelivered("late"), timezone.now()), "fenced: it is another's by now"
    assert Notice.objects.get().state == "delivered"


def test_failure_backs_off_and_in_the_end_stands_as_failed() -> None:
    made = queued()
    for attempt in range(1, 60):
        sender(refuse).deliver()
        notice = Notice.objects.get()
        assert notice.attempts == attempt
        if notice.state == "failed":
            break
        assert timezone.now() < notice.next_at <= made.expires_at
        Notice.objects.update(
            next_at=timezone.now() - timedelta(seconds=1),
            expires_at=notice.expires_at - (notice.next_at - timezone.now()),
        )
    assert (notice.state, notice.error) == ("failed", "no mail today")
    assert attempt > 8
    assert NoticeAttempt.objects.count() <= outbox.LOGGED
    assert sender().deliver() == 0, "a person decides from here"


def test_a_wait_the_other_side_asks_for_is_kept() -> None:
    queued()

    def busy(notice: Notice) -> None:
        raise NotDelivered("later", status_code=429, retry_after=3600)

    sender(busy).deliver()
    assert Notice.objects.get().next_at > timezone.now() + timedelta(seconds=3500)


def test_after_an_acknowledgement_no_new_send_starts() -> None:
    queued()
    queued("k2", about="incident/y")
    queued("k3", kind="due")
    assert outbox.acknowledged("incident/x", ["assigned"]) == 1
    sent: list[str] = []
    sender(lambda n: sent.append(n.key)).deliver()
    assert sorted(sent) == ["k2", "k3"]


def test_an_acknowledgement_between_claim_and_send_stops_it() -> None:
    queued()
    sent: list[str] = []

    def step(name: str, notice: Notice) -> None:
        if name == "claimed":
            outbox.acknowledged("incident/x")

    sender(lambda n: sent.append(n.key), step=step).deliver()
    assert sent == []
    assert Notice.objects.get().state == "cancelled"
    assert NoticeAttempt.objects.get().outcome == "stopped"


def test_an_acknowledgement_while_it_is_being_sent_lets_it_finish_and_starts_no_other() -> None:
    queued()
    queued("k2")

    def meanwhile(notice: Notice) -> None:
        if notice.key == "k1":
            raise NotDelivered("no answer")

    def step(name: str, notice: Notice) -> None:
        if name == "sent":
            outbox.acknowledged("incident/x")

    sender(meanwhile, step=step).deliver()
    assert dict(Notice.objects.values_list("key", "state")) == {"k1": "cancelled", "k2": "delivered"}


def test_an_acknowledged_one_that_became_uncertain_is_not_sent_again() -> None:
    queued()
    outbox.claim([("email", 1)], timezone.now())
    outbox.acknowledged("incident/x")
    Notice.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert sender(lambda n: pytest.fail("sent")).deliver() == 0
    assert Notice.objects.get().state == "cancelled"


def test_what_waits_beyond_its_horizon_fails_visibly() -> None:
    queued()
    Notice.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert outbox.expire(timezone.now()) == 1
    assert (Notice.objects.get().state, Notice.objects.get().error) == ("failed", outbox.NEVER_TRIED)


def test_a_person_retries_under_the_same_key_or_discards_and_it_is_audited() -> None:
    made = queued()
    sender(lambda n: (_ for _ in ()).throw(NotDelivered("no such address", final=True))).deliver()
    assert Notice.objects.get().state == "failed"
    assert outbox.discard(Notice.objects.all(), "quan.tri", "administrator") == 1
    assert outbox.retry(Notice.objects.all(), "quan.tri", "administrator") == 1
    sent: list[str] = []
    sender(lambda n: sent.append(n.key)).deliver()
    assert sent == ["k1"]
    assert [body["step"] for _row, body in audit.rows(f"notice/{made.pk}")] == ["discard", "retry"]
    assert outbox.retry(Notice.objects.all(), "quan.tri", "administrator") == 0, "delivered ones are not sent again"


def test_a_lane_that_hangs_does_not_hold_up_another() -> None:
    """The slow lane never comes back while the fast one is emptied."""
    release = threading.Event()
    sent: list[str] = []

    class Two(Fake):
        def lanes(self, now: datetime) -> list[Lane]:
            return [*(Lane(f"slow{n}", 1, suspect=True) for n in range(9)), Lane("fast", 1)]

    def act(notice: Notice) -> None:
        if notice.lane.startswith("slow"):
            release.wait(60)
        else:
            sent.append(notice.key)
            if len(sent) == 30:
                release.set()

    for n in range(9):
        queued(f"slow{n}", lane=f"slow{n}")
    for n in range(30):
        queued(f"fast{n:02}", lane="fast")
    one = Sender({"email": Two(act)}, slots=4, suspect_slots=2)
    assert one.deliver() == 39
    assert sent == [f"fast{n:02}" for n in range(30)], "in order within the lane"
    assert release.is_set()


def test_a_channels_mistake_is_a_failure_like_another() -> None:
    queued()

    def mistake(notice: Notice) -> None:
        raise RuntimeError("a bug")

    sender(mistake).deliver()
    assert (Notice.objects.get().state, Notice.objects.get().error) == ("pending", "RuntimeError: a bug")


def test_prune_forgets_what_is_settled_and_keeps_what_failed() -> None:
    for key, state in (("a", "delivered"), ("b", "failed"), ("c", "pending")):
        queued(key)
        Notice.objects.filter(key=key).update(state=state, expires_at=timezone.now() - timedelta(days=40))
    assert outbox.prune(timezone.now()) >= 1
    assert set(Notice.objects.values_list("key", flat=True)) == {"b", "c"}

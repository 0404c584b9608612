"""The outbox under any order of steps, by any number of senders that die, come back late, are overtaken or acknowledged."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from vonglau.core.notify import outbox
from vonglau.core.notify.channel import Delivered, NotDelivered
from vonglau.core.notify.outbox import Draft
from vonglau.core.notify_models import Notice, NoticeAttempt, NoticeState

ABOUTS = ("incident/a", "incident/b")
SETTLED = {NoticeState.DELIVERED, NoticeState.FAILED, NoticeState.CANCELLED, NoticeState.DISCARDED}


class Outbox(RuleBasedStateMachine):
    """What a sender holds is a claim; it may be finished now, much later, or never."""

    now: datetime

    @initialize()
    def begin(self) -> None:
        Notice.objects.all().delete()
        self.now = timezone.now()
        self.held: list[Notice] = []
        self.begun: dict[str, int] = {}
        self.stopped: dict[str, int] = {}
        """Key → how many sends had begun when an acknowledgement committed; a person's retry opens it again."""
        self.accepted: dict[str, int] = {}
        self.written: set[str] = set()

    @rule(n=st.integers(0, 4), about=st.sampled_from(ABOUTS))
    def queue(self, n: int, about: str) -> None:
        key = f"{about}/{n}"
        outbox.queue(
            [
                Draft(
                    key=key,
                    world="live",
                    kind="urgent",
                    channel="email",
                    recipient="a",
                    subject="s",
                    body="b",
                    about=about,
                )
            ]
        )
        self.written.add(key)

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        for notice in outbox.claim([("email", most)], self.now):
            if outbox.still_wanted(notice):
                self.begun[notice.key] = self.begun.get(notice.key, 0) + 1
                self.held.append(notice)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), come=st.sampled_from(["delivered", "failed", "final", "died"]), chance=st.floats(0, 0.999))
    def finish(self, data: st.DataObject, come: str, chance: float) -> None:
        notice = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if come == "delivered" and outbox.record_delivered(notice, Delivered(200), self.now):
            self.accepted[notice.key] = self.accepted.get(notice.key, 0) + 1
        elif come in ("failed", "final"):
            outbox.record_failed(notice, NotDelivered("no", final=come == "final"), self.now, chance)

    @rule(about=st.sampled_from(ABOUTS))
    def acknowledge(self, about: str) -> None:
        outbox.acknowledged(about)
        for key in self.written:
            if key.startswith(about):
                self.stopped[key] = self.begun.get(key, 0)

    @rule(seconds=st.sampled_from([1, 30, 130, 3600, 90_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        outbox.recover(self.now)
        outbox.expire(self.now)

    @rule(about=st.sampled_from(ABOUTS), discard=st.booleans())
    def by_hand(self, about: str, discard: bool) -> None:
        rows = Notice.objects.filter(about=about)
        if discard:
            outbox.discard(rows, "a", "administrator")
            return
        for key in rows.filter(state__in=outbox.RETRYABLE).values_list("key", flat=True):
            self.stopped.pop(key, None)
        outbox.retry(rows, "a", "administrator")

    @invariant()
    def nothing_is_forgotten(self) -> None:
        if not hasattr(self, "written"):
            return
        states: dict[str, Any] = dict(Notice.objects.values_list("key", "state"))
        assert set(states) == self.written
        assert set(states.values()) <= set(NoticeState.values)

    @invariant()
    def no_send_begins_after_an_acknowledgement(self) -> None:
        for key, before in getattr(self, "stopped", {}).items():
            assert self.begun.get(key, 0) == before, key

    @invariant()
    def a_delivery_is_recorded_once(self) -> None:
        assert all(times == 1 for times in getattr(self, "accepted", {}).values())

    @invariant()
    def every_claim_left_its_attempt(self) -> None:
        for notice in Notice.objects.all():
            kept = NoticeAttempt.objects.filter(notice=notice).count()
            assert kept == min(notice.attempts, outbox.LOGGED)

    def teardown(self) -> None:
        """Left to a sender that works, everything settles."""
        if not hasattr(self, "written"):
            return
        for _round in range(100):
            if not Notice.objects.exclude(state__in=SETTLED).exists():
                return
            self.now += timedelta(minutes=10)
            outbox.recover(self.now)
            outbox.expire(self.now)
            for notice in outbox.claim([("email", 50)], self.now):
                if outbox.still_wanted(notice):
                    outbox.record_delivered(notice, Delivered(), self.now)
        raise AssertionError(list(Notice.objects.values("key", "state", "next_at")))


@pytest.mark.django_db
def test_the_outbox_keeps_its_promises_in_any_order() -> None:
    run_state_machine_as_test(
        Outbox,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

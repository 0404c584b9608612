"""A sender in a process of its own, for the test beside it: does what it is told on stdin, and may be killed after any step.

python -m tests.faults.notice_sender < {"do": "queue" | "send" | "acknowledge" | "look", …}

send: "kill_at": claimed | sent | recorded, "" for never; "ahead": seconds by which its clock is ahead; "private": hosts allowed
"""

import json
import os
import signal
import sys
from datetime import timedelta
from typing import Any


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "vonglau.web.settings"
    import django

    import vonglau  # noqa: F401  (swaps in the SQLite wheel before Django looks)

    django.setup()
    said = json.load(sys.stdin)
    {"queue": queue, "send": send, "acknowledge": acknowledge, "look": look}[said.pop("do")](**said)


def queue(channel: str, number: int, url: str, subscription: dict[str, Any], about: str = "incident/live/SV-1") -> None:
    """One transaction: an endpoint, a device, and so many notices."""
    from django.db import transaction
    from django.utils import timezone

    from vonglau.core.notify import endpoints, outbox
    from vonglau.core.notify.rules import shown
    from vonglau.core.notify_models import Endpoint, Notice, PushDevice
    from vonglau.core.people.models import User
    from vonglau.core.people.policy import Actor

    with transaction.atomic():
        Notice.objects.all().delete()
        Endpoint.objects.all().delete()
        User.objects.all().delete()
        more: dict[str, Any] = {}
        if channel == "webhook":
            made, secret = endpoints.add(Actor("a", "administrator"), name="x", url=url, world="live", types=["a"])
            more = {"endpoint": made, "lane": made.lane}
            print(secret)
        if channel == "push":
            device = PushDevice.objects.create(
                user=User.objects.create(username="b"),
                world="live",
                digest="0" * 64,
                subscription=json.dumps(subscription),
                label="x",
                created_at=timezone.now(),
            )
            more = {"device": device}
        body = shown("Khẩn", "…", "/desk/", "t", "vi") if channel == "push" else '{"specversion": "1.0"}'
        outbox.queue(
            outbox.Draft(
                key=f"{channel}/{n}", world="live", kind="urgent", channel=channel, recipient="a@example.invalid",
                subject="Khẩn", body=body, about=about, **more,
            )
            for n in range(number)
        )  # fmt: skip


def send(kill_at: str = "", ahead: float = 0, private: list[str] | None = None) -> None:
    from django.utils import timezone

    from vonglau.core.notify.email import Email
    from vonglau.core.notify.sender import Sender
    from vonglau.core.notify_models import Notice
    from vonglau.gateways.notices.addresses import Allowed
    from vonglau.gateways.notices.post import Wire
    from vonglau.gateways.notices.push import Push
    from vonglau.gateways.notices.webhooks import Webhooks

    def step(name: str, notice: Notice) -> None:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    allowed = Allowed.of(private or [])
    channels: dict[str, Any] = {"email": Email(), "webhook": Webhooks(Wire(allowed)), "push": Push(Wire(allowed))}
    sender = Sender(channels, step=step, clock=lambda: timezone.now() + timedelta(seconds=ahead))
    print(sender.deliver())


def acknowledge(about: str = "incident/live/SV-1") -> None:
    from django.db import transaction

    from vonglau.core.notify import outbox

    with transaction.atomic():
        print(outbox.acknowledged(about))


def look() -> None:
    from vonglau.core.notify_models import Notice

    rows = [
        {
            "key": one.key,
            "state": one.state,
            "uncertain": one.uncertain,
            "attempts": list(one.log.order_by("n").values_list("outcome", flat=True)),
        }
        for one in Notice.objects.order_by("pk")
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

"""What the page of notices shows: which filters there are, counts that stop where nobody counts on, the health of each lane."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vonglau.centre.administration.notices.words import error_words
from vonglau.core.notify.kinds import KINDS
from vonglau.core.notify_models import Endpoint, Notice, NoticeState

COUNTED = 1000
"""Counts go so far, and then say "more"."""
CHANNELS = {
    "email": _("Thư điện tử"),
    "push": _("Thiết bị"),
    "webhook": _("Webhook"),
    "citizen-email": _("Người dân: thư"),
    "citizen-push": _("Người dân: trình duyệt"),
    "citizen-webhook": _("Người dân: webhook"),
    "sms": _("Người dân: SMS"),
    "zalo": _("Người dân: Zalo"),
}
OTHER_KINDS = {
    "event": _("Sự kiện"),
    "test": _("Thử"),
    "news": _("Tin cho người dân"),
    "confirm": _("Hỏi xác nhận địa chỉ"),
}

OWN = ("email", "push", "webhook")
"""Channels that are shown whether something waits there or not; webhooks each by its name."""


@dataclass(frozen=True, slots=True)
class View:
    """One tab of the list."""

    code: str
    title: Promise
    rows: Q
    counted: bool = False


VIEWS = {
    view.code: view
    for view in (
        View("failed", _("Không giao được"), Q(state=NoticeState.FAILED), counted=True),
        View(
            "uncertain",
            _("Chưa chắc"),
            Q(state__in=(NoticeState.PENDING, NoticeState.SENDING, NoticeState.FAILED), uncertain__gt=0),
            counted=True,
        ),
        View("pending", _("Chờ gửi"), Q(state__in=(NoticeState.PENDING, NoticeState.SENDING)), counted=True),
        View("held", _("Chờ quyết định"), Q(state=NoticeState.HELD), counted=True),
        View("delivered", _("Đã giao"), Q(state=NoticeState.DELIVERED)),
        View("settled", _("Đã thôi"), Q(state__in=(NoticeState.CANCELLED, NoticeState.DISCARDED))),
    )
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; anything unknown is as if it were not there."""

    world: str
    view: View
    channel: str = ""
    endpoint: int = 0

    @staticmethod
    def of(world: str, said: Any) -> "Asked":
        channel, endpoint = said.get("channel", ""), said.get("endpoint", "")
        return Asked(
            world,
            VIEWS.get(said.get("view", ""), VIEWS["failed"]),
            channel if channel in CHANNELS else "",
            int(endpoint) if endpoint.isdecimal() and endpoint.isascii() and len(endpoint) < 19 else 0,
        )

    def all(self) -> "QuerySet[Notice]":
        """Every notice of the world, channel and endpoint asked for."""
        rows = Notice.objects.filter(world=self.world)
        if self.channel:
            rows = rows.filter(channel=self.channel)
        return rows.filter(endpoint=self.endpoint) if self.endpoint else rows

    def rows(self) -> "QuerySet[Notice]":
        return self.all().filter(self.view.rows)

    def query(self, **other: object) -> str:
        said = {"view": self.view.code, "channel": self.channel, "endpoint": self.endpoint or "", **other}
        return urlencode({name: value for name, value in said.items() if value})


def tabs(asked: Asked) -> list[dict[str, Any]]:
    found = []
    for view in VIEWS.values():
        count = asked.all().filter(view.rows)[: COUNTED + 1].count() if view.counted else None
        found.append(
            {
                "title": view.title,
                "url": "?" + asked.query(view=view.code),
                "current": view.code == asked.view.code,
                "count": count if count is None or count <= COUNTED else f"{COUNTED}+",
            }
        )
    return found


def lanes(world: str) -> list[dict[str, Any]]:
    """Each channel and each webhook of the world: what waits, what failed, how it is."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    open_states = (NoticeState.PENDING, NoticeState.SENDING, NoticeState.FAILED)
    rows = Notice.objects.filter(world=world, state__in=open_states)
    for lane, state, n in rows.values_list("lane", "state").annotate(Count("pk")).order_by():
        counts[lane][state] = n
    now = timezone.now()
    found = [
        _lane(CHANNELS["email"], "channel=email", counts["email"]),
        _lane(CHANNELS["push"], "channel=push", counts["push"]),
        *(
            _lane(title, f"channel={name}", counts[name])
            for name, title in CHANNELS.items()
            if counts.get(name) and name not in OWN
        ),
    ]
    for endpoint in Endpoint.objects.filter(world=world, removed_at=None).order_by("name", "pk"):
        query = f"channel=webhook&endpoint={endpoint.pk}"
        found.append(
            {**_lane(endpoint.name, query, counts[endpoint.lane]), "endpoint": endpoint, **health(endpoint, now)}
        )
    return found


def _lane(title: Promise | str, query: str, counts: dict[str, int]) -> dict[str, Any]:
    waiting = counts.get(NoticeState.PENDING, 0) + counts.get(NoticeState.SENDING, 0)
    return {"title": title, "query": query, "waiting": waiting, "failed": counts.get(NoticeState.FAILED, 0)}


def health(endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    """How a webhook is, as a word and its colour."""
    if endpoint.paused_at is not None:
        word, tone = (_("Đã đóng (410)"), "bad") if endpoint.paused_why == "gone" else (_("Đang tạm dừng"), "warn")
    elif endpoint.hold_until is not None and endpoint.hold_until > now:
        word, tone = _("Đang nghỉ"), "bad"
    elif endpoint.failures:
        word, tone = _("Đang lỗi"), "warn"
    elif endpoint.last_ok_at is not None:
        word, tone = _("Tốt"), "good"
    else:
        word, tone = _("Chưa gửi"), ""
    return {"health": word, "tone": tone, "error": error_words(endpoint.last_error) if endpoint.failures else ""}


TONES = {
    NoticeState.FAILED: "bad",
    NoticeState.SENDING: "accent",
    NoticeState.DELIVERED: "good",
    NoticeState.PENDING: "warn",
}


def shown(notice: Notice) -> dict[str, Any]:
    """A row of the list."""
    kind = KINDS[notice.kind].title if notice.kind in KINDS else OTHER_KINDS.get(notice.kind, notice.kind)
    return {
        "notice": notice,
        "kind": kind,
        "channel": CHANNELS.get(notice.channel, notice.channel),
        "tone": TONES.get(NoticeState(notice.state), ""),
        "error": error_words(notice.error) if notice.error else "",
        "uncertain": notice.uncertain > 0 and notice.state != NoticeState.DELIVERED,
    }

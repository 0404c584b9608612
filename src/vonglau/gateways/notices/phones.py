"""Telephones: an SMS relay and Zalo's notification service (ZNS), each by a setting. Nothing is sent by either without it.

SMS, to VONGLAU_SMS_URL: a relay of the city's or of its operator, which speaks this contract.

    POST  Authorization: Bearer <VONGLAU_SMS_KEY> · Idempotency-Key: <id> · Content-Type: application/json
    {"id": "msg_…", "to": "+84905123456", "text": "PA-2611-0042: …"}
    2xx: taken. 410: the number wants no more. 429, 5xx: tried again. Other 4xx: will never work.

Zalo, to VONGLAU_ZALO_URL (https://business.openapi.zalo.me/message/template unless set): template messages as ZNS takes them. The template
VONGLAU_ZALO_TEMPLATE has the parameters `code`, `news` and `link`.

    POST  access_token: <VONGLAU_ZALO_TOKEN> · Content-Type: application/json
    {"phone": "84905123456", "template_id": "…", "template_data": {"code": …, "news": …, "link": …}, "tracking_id": "msg_…"}
    200 with {"error": 0, …}: taken. Other errors: tried again until the time is over, but for those of the number or the template.

Messages of drills become files of the world's outbox: nobody's telephone rings for an exercise.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from vonglau.core.events import LIVE
from vonglau.core.notify import letters
from vonglau.core.notify.channel import Delivered, Lane, NotDelivered, Schedule, Send
from vonglau.core.notify.outbox import SCHEDULES
from vonglau.core.notify_models import Notice
from vonglau.core.seams import Letter
from vonglau.gateways.notices.post import Answer, Wire
from vonglau.gateways.notices.webhooks import message_id

PARALLEL = 2
TEXT = 300
"""Characters of an SMS: five parts with diacritics."""
NEWS = 100
"""Characters of a template's parameter."""
_NOT_DIGITS = re.compile(r"\D+")
_LINK = re.compile(r"https?://\S+\Z")
_ERROR = re.compile(r'"error"\s*:\s*"?(-?\d{1,6})')
WRONG_NUMBER = frozenset({-108, -118, -119})
"""ZNS: the number is none, or its account is none or cannot be told."""
WRONG_TEMPLATE = frozenset({-112, -131, -132, -137})
"""ZNS: the template, or what fills it, is not what was approved."""

Refuse = Callable[[Answer], NotDelivered | None]


def national(number: str) -> str:
    """Digits with the country's code: "0905 123 456" → "84905123456"."""
    digits = _NOT_DIGITS.sub("", number)
    return "84" + digits[1:] if digits.startswith("0") else digits


class _Phone:
    """What both have in common."""

    name: str
    schedule: Schedule

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def lanes(self, now: datetime) -> Iterable[Lane]:
        return (Lane(self.name, PARALLEL),)

    def request(self, letter: Letter, id: str) -> tuple[str, Mapping[str, str], dict[str, Any]]:
        """Address, headers and body. Raises NotDelivered where it is not set up."""
        raise NotImplementedError

    def refused(self, answer: Answer) -> NotDelivered | None:
        raise NotImplementedError

    def prepare(self, notice: Notice) -> Send:
        letter, id = letters.of(notice), message_id(notice.key)
        if notice.world != LIVE:
            return lambda: _file(notice.world, f"{self.name}-{id}.json", {"to": letter.address, "text": letter.body})
        url, headers, body = self.request(letter, id)
        sent = json.dumps(body, ensure_ascii=False).encode()

        def send() -> Delivered:
            try:
                answer = self.wire.post(url, sent, {"Content-Type": "application/json", **headers})
                problem = self.refused(answer)
                if problem is not None:
                    raise problem
            except NotDelivered as problem:
                number = national(letter.address)
                raise letters.hidden(problem, letter.address, f"+{number}", number) from None
            return Delivered(answer.status)

        return send

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        letters.settled(notice, problem)


def _file(world: str, name: str, body: dict[str, str]) -> Delivered:
    folder = Path(settings.VONGLAU_DATA) / "outbox" / world
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    return Delivered(words="a drill: kept as a file")


class Sms(_Phone):
    name = "sms"
    schedule = SCHEDULES["sms"]

    def request(self, letter: Letter, id: str) -> tuple[str, Mapping[str, str], dict[str, Any]]:
        if not settings.VONGLAU_SMS_URL:
            raise NotDelivered("No SMS relay is set (VONGLAU_SMS_URL).", final=True)
        headers = {"Authorization": f"Bearer {settings.VONGLAU_SMS_KEY}", "Idempotency-Key": id}
        body = {"id": id, "to": f"+{national(letter.address)}", "text": _short(letter.body)}
        return settings.VONGLAU_SMS_URL, headers, body

    def refused(self, answer: Answer) -> NotDelivered | None:
        if 200 <= answer.status < 300:
            return None
        again = answer.status == 429 or answer.status >= 500
        return NotDelivered(
            f"It answered {answer.status}: {answer.words}",
            status_code=answer.status,
            retry_after=answer.retry_after,
            final=not again,
            gone=answer.status == 410,
        )


def _short(text: str) -> str:
    """With its link whole, which comes last."""
    found = _LINK.search(text)
    link = found.group() if found else ""
    words = text.removesuffix(link).strip()
    room = TEXT - len(link) - 1
    return f"{words if len(words) <= room else words[: room - 1] + '…'} {link}".strip()


class Zalo(_Phone):
    name = "zalo"
    schedule = SCHEDULES["zalo"]

    def request(self, letter: Letter, id: str) -> tuple[str, Mapping[str, str], dict[str, Any]]:
        if not settings.VONGLAU_ZALO_TOKEN or not settings.VONGLAU_ZALO_TEMPLATE:
            raise NotDelivered("Zalo is not set up (VONGLAU_ZALO_TOKEN, VONGLAU_ZALO_TEMPLATE).", final=True)
        code, _colon, news = letter.subject.partition(": ")
        found = _LINK.search(letter.body)
        body = {
            "phone": national(letter.address),
            "template_id": settings.VONGLAU_ZALO_TEMPLATE,
            "template_data": {"code": code, "news": news[:NEWS], "link": found.group() if found else ""},
            "tracking_id": id,
        }
        return settings.VONGLAU_ZALO_URL, {"access_token": settings.VONGLAU_ZALO_TOKEN}, body

    def refused(self, answer: Answer) -> NotDelivered | None:
        found = _ERROR.search(answer.words)
        error = int(found[1]) if found else None
        if answer.status == 200 and error == 0:
            return None
        return NotDelivered(
            f"It answered {answer.status}: {answer.words}",
            status_code=answer.status,
            retry_after=answer.retry_after,
            final=error in WRONG_NUMBER | WRONG_TEMPLATE or 400 <= answer.status < 429,
            gone=error in WRONG_NUMBER,
        )

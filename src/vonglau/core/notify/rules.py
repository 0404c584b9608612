"""Turns what happens to incidents into notices to people, by the table in `kinds.py` and each person's own choices.

Everything here runs in the transaction of the step, so that a notice exists exactly when its cause does. Titles of incidents hold no
personal data, and a notice carries nothing else of them than reference, title, place and deadline.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from vonglau.core.events import LIVE
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import Step
from vonglau.core.levels import TOLD
from vonglau.core.notify import outbox
from vonglau.core.notify.kinds import KINDS, Kind
from vonglau.core.notify.outbox import Draft
from vonglau.core.notify_models import NoticeChoices, PushDevice
from vonglau.core.people.models import User

URGENT = "urgent"
CAUSES: dict[str, str] = {
    Step.ASSIGN: "assigned",
    Step.TRANSFER: "assigned",
    Step.RETURN: "returned",
    Step.REOPEN: "reopened",
}
"""Step → kind of notice."""


def happened(incident: Incident, step: str, by: str) -> None:
    """A step was made: what it makes moot is stopped, and what it causes is queued."""
    moot = [kind.code for kind in KINDS.values() if step in kind.moot]
    if moot:
        outbox.acknowledged(incident.stream, moot, outbox.PAUSED if step == Step.PAUSE else "")
    if step == Step.RESUME:
        _again(incident)
    code = _caused(incident, step)
    if code:
        outbox.queue(_drafts(incident, KINDS[code], f"{incident.stream}/{incident.version}", by))


def _again(incident: Incident) -> None:
    """What a pause kept back is told now with the new deadline, to those alone to whom it had not gone."""
    for code, back in outbox.kept_back(incident.stream).items():
        drafts = _drafts(incident, KINDS[code], f"{incident.stream}/{incident.version}", "", frozenset(TOLD))
        outbox.queue(one for one in drafts if _whom(one.key) in {_whom(key) for key in back})


def _whom(key: str) -> str:
    """Of a notice's key, the channel and the address."""
    return "/".join(key.rsplit("/", 2)[1:])


def _caused(incident: Incident, step: str) -> str:
    if step in ("receive", Step.LEVEL) and incident.level == URGENT and incident.origin != "load":
        return "urgent"
    return CAUSES.get(step, "")


def escalated(incident: Incident, percent: int, whom: Iterable[str]) -> None:
    """So much of the running clock has run: tell those whom the level names (`levels.TOLD`), once for each deadline and per cent."""
    due = incident.due_at
    kind = KINDS["overdue" if percent >= 100 else "due"]
    cause = f"{incident.stream}/{due.isoformat(timespec='minutes') if due else ''}/{percent}"
    outbox.queue(_drafts(incident, kind, cause, "", frozenset(whom)))


def _drafts(incident: Incident, kind: Kind, cause: str, by: str, whom: frozenset[str] | None = None) -> list[Draft]:
    """One for each person and channel; the same address twice is one notice, since the key is made of the address.

    `whom`: of those whom the kind may tell these alone, and the agency's own mailbox if it is among them.
    """
    found: list[Draft] = []
    agency = incident.agency
    office = kind.code == "assigned" if whom is None else "office" in whom
    if office and agency is not None and agency.email:
        found.append(_email(incident, kind, cause, agency.email, "vi", None))
    people = _people(kind, incident, by, whom)
    choices = {one.user_id: one for one in NoticeChoices.objects.filter(user__in=people)}
    devices: dict[int, list[PushDevice]] = {}
    for device in PushDevice.objects.filter(user__in=people, world=incident.world).defer("subscription"):
        devices.setdefault(device.user_id, []).append(device)
    for person in people:
        mine = choices.get(person.pk)
        channels = chosen(mine, kind)
        later = _quiet(mine, kind)
        if "email" in channels and person.email:
            found.append(_email(incident, kind, cause, person.email, person.language, later))
        if "push" in channels:
            found += (_push(incident, kind, cause, one, person.language, later) for one in devices.get(person.pk, ()))
    return found


def _people(kind: Kind, incident: Incident, by: str, only: frozenset[str] | None) -> list[User]:
    """Active accounts that this kind tells, without the one who did it."""
    whom = Q(role__in=kind.roles if only is None else kind.roles & only)
    if kind.agency and incident.agency_id is not None and (only is None or "agency" in only):
        whom |= Q(role="agency", agency=incident.agency_id)
    people = User.objects.filter(whom, is_active=True).exclude(username=by)
    return list(people if settings.VONGLAU_DEMO else people.filter(demo=False))


def chosen(mine: NoticeChoices | None, kind: Kind) -> Iterable[str]:
    """The channels by which a person wants this kind."""
    said = mine.channels.get(kind.code) if mine is not None else None
    return kind.channels if said is None else said


def _quiet(mine: NoticeChoices | None, kind: Kind) -> datetime | None:
    """When the quiet hours that hold now will end; None when it may come at once."""
    if mine is None or kind.urgent or mine.quiet_from is None or mine.quiet_to is None:
        return None
    now = timezone.localtime()
    ends = now.replace(hour=mine.quiet_to.hour, minute=mine.quiet_to.minute, second=0, microsecond=0)
    start, end, clock = mine.quiet_from, mine.quiet_to, now.time()
    if start <= end:
        return ends if start <= clock < end else None
    if clock >= start:
        return ends + timedelta(days=1)
    return ends if clock < end else None


def link(incident: Incident) -> str:
    """Path of a page that opens the incident in its own world."""
    return f"/go/{quote(incident.world)}/{quote(incident.ref)}"


def _subject(incident: Incident, kind: Kind) -> str:
    subject = str(kind.subject) % {"ref": incident.ref, "title": incident.title}
    return subject if incident.world == LIVE else _("[DIỄN TẬP] %(subject)s") % {"subject": subject}


def _due_words(incident: Incident) -> str:
    due = incident.handle_due if incident.clock != "receive" else incident.receive_due
    return timezone.localtime(due).strftime("%H:%M %d/%m/%Y") if due else "–"


def _key(kind: Kind, cause: str, channel: str, recipient: str) -> str:
    return f"{kind.code}/{cause}/{channel}/{hashlib.sha256(recipient.encode()).hexdigest()[:16]}"


def _email(incident: Incident, kind: Kind, cause: str, to: str, language: str, not_before: datetime | None) -> Draft:
    with translation.override(language):
        subject = "[Vọng Lâu] " + _subject(incident, kind)
        body = _("Sự việc: %(title)s\nĐịa điểm: %(place)s\nHạn xử lý: %(due)s\nMã: %(ref)s") % {
            "title": incident.title,
            "place": incident.place or "–",
            "due": _due_words(incident),
            "ref": incident.ref,
        }
    if settings.VONGLAU_ORIGIN:
        body += f"\n{settings.VONGLAU_ORIGIN}{link(incident)}"
    return Draft(
        key=_key(kind, cause, "email", to.lower()),
        world=incident.world,
        kind=kind.code,
        channel="email",
        recipient=to,
        subject=subject,
        body=body,
        about=incident.stream,
        not_before=not_before,
    )


def _push(
    incident: Incident, kind: Kind, cause: str, device: PushDevice, language: str, not_before: datetime | None
) -> Draft:
    with translation.override(language):
        title = _subject(incident, kind)
        text = _("%(place)s · hạn %(due)s") % {"place": incident.place or incident.ref, "due": _due_words(incident)}
    return Draft(
        key=_key(kind, cause, "push", str(device.pk)),
        world=incident.world,
        kind=kind.code,
        channel="push",
        recipient=device.label,
        subject=title,
        body=shown(title, text, link(incident), incident.stream, language, urgent=kind.urgent),
        about=incident.stream,
        device=device,
        not_before=not_before,
    )


def shown(title: str, text: str, path: str, tag: str, language: str, *, urgent: bool = False) -> str:
    """What the service worker shows, as JSON: below the 3,993 bytes that every push service takes."""
    body: dict[str, Any] = {"title": title[:150], "body": text[:200], "url": path, "tag": tag, "lang": language}
    return json.dumps({**body, "urgent": urgent}, ensure_ascii=False)

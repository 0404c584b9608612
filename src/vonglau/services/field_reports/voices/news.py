"""What voices are told: one message per voice and step, in its language, of coded words alone. In the transaction of the step.

A merged report's voices get the news of its keeper. Neither an address nor a secret link stands in the outbox: `{link}` and `{stop}` are
filled in when a message leaves (`reach.py`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from vonglau.core import audit
from vonglau.core.events import LIVE
from vonglau.core.incidents import wording
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State, Step
from vonglau.core.notify import outbox
from vonglau.core.notify.outbox import Draft
from vonglau.core.worlds import world
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.voices.joining import REPORTER, voices_of

TOLD = frozenset(
    {
        Step.VERIFY,
        Step.REFUSE,
        Step.MERGE,
        Step.ASSIGN,
        Step.TRANSFER,
        Step.START,
        Step.PAUSE,
        Step.RESOLVE,
        Step.REOPEN,
    }
)
"""Steps that are news to people. What goes back and forth between desk and agency is none."""
OURS = frozenset({Step.PAUSE})
"""Steps that concern the reporter alone: they are asked for something."""
CHANNELS = {
    "email": "citizen-email",
    "push": "citizen-push",
    "webhook": "citizen-webhook",
    "sms": "sms",
    "zalo": "zalo",
}
NEWS, CONFIRM = "news", "confirm"
TYPE = "vn.vonglau.field_reports.told"


def happened(incident: Incident, step: str) -> None:
    """Queue the news of a step, once the public rows are written."""
    if step not in TOLD:
        return
    of_whom = Voice.objects.filter(report__incident=incident) if step == Step.MERGE else _whole(incident)
    if step in OURS:
        of_whom = of_whom.filter(part=REPORTER)
    else:  # what is not public is told to nobody else: its refusal as a denunciation least of all
        of_whom = of_whom.filter(Q(part=REPORTER) | Q(report__public__isnull=False, report__hidden_at=None))
    told = list(
        of_whom.filter(confirmed_at__isnull=False, ended_at=None)
        .exclude(channel="")
        .select_related("report")
        .defer("secret")
        .order_by("pk")
    )
    if told:
        outbox.queue(_drafts(incident, step, _once(told)))


def _whole(incident: Incident) -> Any:
    return Voice.objects.filter(voices_of(incident))


def _once(voices: Iterable[Voice]) -> Iterable[Voice]:
    """One message for one address, though it follows two reports that were merged."""
    seen: set[tuple[str, str]] = set()
    for voice in voices:
        mark = (voice.channel, voice.address_digest)
        if voice.address_digest and mark not in seen:
            seen.add(mark)
            yield voice


def _drafts(incident: Incident, step: str, voices: Iterable[Voice]) -> Iterable[Draft]:
    body = audit.last(incident.stream, 1)[0][1]
    written: dict[tuple[str, int], tuple[str, list[str]]] = {}
    for voice in voices:
        mark = (voice.language, voice.report_id)
        if mark not in written:
            with translation.override(voice.language):
                written[mark] = say(incident, voice.report, step, body)
        title, lines = written[mark]
        yield draft(voice, NEWS, f"{incident.ref}/{incident.version}", title, lines, incident=incident, step=step)


def say(incident: Incident, report: Report, step: str, body: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Title and lines in the active language. `body`: the step's row of the chain, for its codes."""
    from vonglau.services.field_reports.public import story

    stands = story.stands(incident, world(incident.world).now(), own=True)
    title = story.title_of(step)
    lines = [stands.headline if str(stands.headline) != title else "", *_reasons(incident, body), stands.next]
    if step == Step.MERGE:
        lines = [_("Từ nay bạn nhận tin của việc chung.")]
    if step == Step.PAUSE:
        lines = [_("Cơ quan xử lý cần bạn bổ sung thông tin. Đồng hồ xử lý tạm dừng trong lúc chờ.")]
    return title, [line for line in lines if line]


def _reasons(incident: Incident, body: Mapping[str, Any]) -> Iterable[str]:
    """The coded reason of a refusal and the door it leads to: words of the house, not of a person."""
    known = wording.of(incident.kind) if incident.state == State.REFUSED else None
    if known is None:
        return
    spoken = "en" if (translation.get_language() or "vi").startswith("en") else "vi"
    for label, found in (
        (_("Lý do"), known.refusal(str(body.get("reason", "")))),
        (_("Nơi nhận"), known.target(str(body.get("target", "")))),
    ):
        if found is not None:
            yield f"{label}: {found.name[spoken]}"


def question(code: str) -> str:
    """Names a question in the outbox by the code that its link holds: an older one leaves no more once there is another address."""
    return hashlib.sha256(code.encode()).hexdigest()[:24]


def draft(
    voice: Voice, kind: str, cause: str, title: str, lines: list[str], *, incident: Incident, step: str = ""
) -> Draft:
    """A message to one voice, as its channel wants it."""
    report = voice.report
    with translation.override(voice.language):
        subject = f"{report.reference}: {title}"
        if report.world != LIVE:
            subject = _("[DIỄN TẬP] %(subject)s") % {"subject": subject}
        text = _text(voice, report, kind, lines)
    if voice.channel == "webhook":
        text = _event(voice, incident, step, cause)
    return Draft(
        key=f"{kind}/{voice.pk}/{report.world}/{cause}",
        world=report.world,
        kind=kind,
        channel=CHANNELS[voice.channel],
        recipient=f"field_reports/{voice.pk}",
        subject=subject,
        body=text,
        about=incident.stream,
    )


def _text(voice: Voice, report: Report, kind: str, lines: list[str]) -> str:
    if voice.channel in ("push", "sms", "zalo"):
        return " ".join(line for line in lines if "{link}" not in line)
    from vonglau.services.field_reports.public.facts import facts

    known = facts(report)
    head = " · ".join(filter(None, (known["category"], known["ward"])))
    end = (
        [_("Nếu không phải bạn, hãy bỏ qua: sẽ không có thư nào nữa.")]
        if kind == CONFIRM
        else [_("Xem việc này: %(link)s") % {"link": "{link}"}, _("Thôi nhận tin: %(stop)s") % {"stop": "{stop}"}]
    )
    return "\n".join([head, _("Mã: %(ref)s") % {"ref": report.reference}, "", *lines, "", *end])


def _event(voice: Voice, incident: Incident, step: str, cause: str) -> str:
    """A CloudEvent: codes and moments, no words of anybody."""
    report = voice.report
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{voice.pk}/{cause}",
        "source": "/vonglau/field_reports",
        "type": TYPE,
        "subject": report.reference,
        "time": timezone.now().isoformat(timespec="microseconds"),
        "datacontenttype": "application/json",
        "data": {
            "reference": report.reference,
            "step": step,
            "state": incident.state,
            "outcome": incident.outcome,
            "agency": incident.agency.code if incident.agency else None,
            "receive_due": incident.receive_due,
            "handle_due": incident.handle_due,
            "planned_for": incident.planned_for,
        },
    }
    if report.world != LIVE:
        event["exercise"] = report.world
    return json.dumps(event, ensure_ascii=False, default=lambda one: one.isoformat())

"""What a person may ask for: a copy of all that is kept of them, and that it goes (Law 91/2025/QH15). Each answer is written down.

An erasure also leaves a note in `erased/` of the data folder: the world and the number of the report, nothing else. A backup of before
still holds what was erased; whoever restores it restores these notes from the newest snapshot, and what they name is erased again.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from vonglau.core import audit, lookup
from vonglau.core.audit_models import Note
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.incidents import desk, files
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world
from vonglau.services.field_reports import contacts, intake, replies
from vonglau.services.field_reports.models import Content, Original, PhotoReview, Report, Voice
from vonglau.services.field_reports.photos import originals
from vonglau.services.field_reports.voices import forgetting, joining

FOLDER = "erased"
_NAME = re.compile(r"[^A-Za-z0-9-]")


def find(*, phone: str = "", email: str = "", reference: str = "") -> list[Report]:
    """Reports of a person, in every world: by the exact telephone or e-mail they gave, or by number. Raises BadInput without any."""
    wanted = Q(pk__in=())
    if number := contacts.phone_of(phone):
        wanted |= Q(content__in=Content.objects.filter(lookup.where(Content, "phone_digest", number)))
    if address := contacts.email_of(email):
        wanted |= Q(content__in=Content.objects.filter(lookup.where(Content, "email_digest", address)))
    if reference.strip():
        wanted |= Q(reference=reference.strip().upper())
    if not (number or address or reference.strip()):
        raise BadInput("Say whose data: --phone, --email or --reference.")
    return list(Report.objects.filter(wanted).select_related("incident__agency", "incident__keeper").order_by("pk"))


def voices(*, phone: str = "", email: str = "") -> list[Voice]:
    """Where a person only joined or follows, by the exact address they gave. What they sent themselves is among `find`."""
    wanted = Q(pk__in=())
    for said in (contacts.phone_of(phone), contacts.email_of(email)):
        if said:
            wanted |= lookup.where(Voice, "address_digest", said)
    rows = Voice.objects.filter(wanted).select_related("report__incident__agency", "report__incident__keeper")
    return list(rows.order_by("pk"))


def _record(report: Report, actor: Actor, step: str) -> None:
    body = {
        "at": world(report.world).now().isoformat(timespec="microseconds"),
        "who": actor.name,
        "role": actor.role,
        "step": step,
        "report": report.reference,
        "ground": "request of the person, Law 91/2025/QH15",
    }
    audit.record(report.incident.stream, body)


def export(reports: Iterable[Report], folder: Path, actor: Actor, others: Iterable[Voice] = ()) -> dict[str, Any]:
    """Everything that is kept of a person, as JSON and photos, into a new folder only its owner can read. What was written.

    `others`: where they joined or follow another's report.

    Raises BadInput when the folder holds something already.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise BadInput(f"{folder} cannot be made ({problem.strerror}): name another folder.") from problem
    if any(folder.iterdir()):
        raise BadInput(f"{folder} holds something already: name a new folder.")
    told = []
    for report in reports:
        with transaction.atomic():
            _record(report, actor, "export")
        told.append({**_told(report), "photos": _photos(report, folder)})
    joined = []
    for voice in others:
        with transaction.atomic():
            _record(voice.report, actor, "export")
        joined.append({"reference": voice.report.reference, **_voice(voice)})
    body = {"made_at": timezone.now(), "basis": "Law 91/2025/QH15", "reports": told, "joined": joined}
    (folder / "reports.json").write_text(json.dumps(body, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    photos = sum(len(one["photos"]) for one in told)
    return {"reports": len(told), "joined": len(joined), "photos": photos, "folder": str(folder)}


def _voice(voice: Voice) -> dict[str, Any]:
    """All that is kept of a voice. A browser's marks are digests that nobody can read: that there are some is all there is to say."""
    return {
        "part": voice.part,
        "channel": voice.channel,
        "address": voice.address,
        "language": voice.language,
        "since": voice.created_at,
        "asked_at": voice.asked_at,
        "confirmed_at": voice.confirmed_at,
        "ended_at": voice.ended_at,
        "browser_marks_kept": bool(voice.device or voice.network or voice.confirmed_as),
        "verdicts": [
            {"at": one.at, "score": one.score, "objects": one.objects_to, "words": one.note.text if one.note else None}
            for one in voice.verdicts.select_related("note").order_by("pk")
        ],
    }


def _told(report: Report) -> dict[str, Any]:
    incident, kept = report.incident, Content.objects.filter(report=report).first()
    streams = dict.fromkeys(
        (incident.stream, desk.fate(incident).stream)
    )  # what is added to a merged report goes to its keeper
    rows = [body for stream in streams for _row, body in audit.rows(stream)]
    notes = dict(Note.objects.filter(stream__in=streams).values_list("pk", "text"))
    mine = [body for body in rows if body.get("step") == replies.COMMENT and body.get("report") == report.reference]
    return {
        "reference": report.reference,
        "world": report.world,
        "received_at": report.received_at,
        "category": report.category,
        "lon": report.lon,
        "lat": report.lat,
        "ward": report.ward,
        "state": incident.state,
        "outcome": incident.outcome,
        "channel": report.source,
        "erased_at": report.erased_at,
        "words": kept.description if kept else None,
        "words_as_public": kept.public_words if kept else None,
        "contacts": {
            name: getattr(kept, name)
            for name in ("contact_name", "email", "phone", "address", "device_id", "account_id")
        }
        if kept
        else None,
        "answers": kept.attributes if kept else None,
        "links": kept.media_url if kept else None,
        "voices": [_voice(one) for one in report.voices.filter(part=joining.REPORTER)],
        "replies": [{"at": body["at"], "words": notes.get(body.get("why", {}).get("note"))} for body in mine],
        "looked_at": [
            {name: body.get(name) for name in ("at", "who", "role", "what")}
            for body in rows
            if body.get("step") == "look" and body.get("report") == report.reference
        ],
    }


def _photos(report: Report, folder: Path) -> list[dict[str, Any]]:
    """Originals where they are still kept, else our own pictures."""
    sealed = {one.evidence_id: one for one in Original.objects.filter(report=report)}
    made = []
    for n, review in enumerate(
        PhotoReview.objects.filter(report=report).select_related("evidence").order_by("pk"), start=1
    ):
        name = f"{report.reference}-{n}"
        try:
            if review.evidence_id in sealed:
                data, name = originals.unseal(sealed[review.evidence_id]), f"{name}-original"
            else:
                with files.open_file(review.evidence) as file:
                    data, name = file.read(), f"{name}.jpg"
        except NotFound:
            continue
        (folder / name).write_bytes(data)
        made.append({"file": name, "sent_at": review.evidence.at, "shown": review.state, "masks": review.boxes})
    return made


def erase(reports: Iterable[Report], actor: Actor, others: Iterable[Voice] = ()) -> list[str]:
    """Erase everything personal of these reports, and of these voices at others' reports, and note it for the day a backup is
    restored; the numbers of the reports."""
    done = []
    for voice in others:
        note(voice.report, voice)
        with transaction.atomic():
            forgetting.everything([voice])
            _record(voice.report, actor, "erase")
        done.append(voice.report.reference)
    for report in reports:
        note(report)
        intake.erase(report, actor, "request of the person, Law 91/2025/QH15")
        done.append(report.reference)
    return list(dict.fromkeys(done))


def _mark(voice: Voice) -> str:
    """By which a note knows a voice again. Its number would not do: after a restore another may have it."""
    return hashlib.sha256(voice.token.encode()).hexdigest()[:32]


def note(report: Report, voice: Voice | None = None) -> Path:
    """Before the erasure: one that is cut short is finished by whoever restores, never forgotten. `voice`: of that one alone."""
    body: dict[str, Any] = {"world": report.world, "reference": report.reference, "at": timezone.now()}
    parts = [_NAME.sub("_", report.world), _NAME.sub("_", report.reference)]
    if voice is not None:
        body["voice"] = _mark(voice)
        parts.append(body["voice"])
    path = Path(settings.VONGLAU_DATA) / FOLDER / f"{'.'.join(parts)}.json"
    if not path.exists():
        files.keep(path, json.dumps(body, default=str).encode())
    return path


def again(folder: Path) -> list[str]:
    """After a restore: erase what the notes of a folder name and is there again; its numbers. Raises BadInput for a note that is none."""
    done = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            body = json.loads(path.read_bytes())
            found = (
                Report.objects.filter(world=body["world"], reference=body["reference"])
                .select_related("incident")
                .first()
            )
        except (ValueError, KeyError, TypeError) as problem:
            raise BadInput(f"{path} is no note of an erasure: restore it, or take it away knowingly.") from problem
        if found is None:
            continue
        if "voice" in body:
            done += _voice_again(found, str(body["voice"]))
            continue
        note(found)
        if Content.objects.filter(report=found).exists() or found.erased_at is None:
            intake.erase(found, Actor("restore", "system"), "erased before this backup was restored")
            done.append(found.reference)
    return done


def _voice_again(report: Report, mark: str) -> list[str]:
    for voice in Voice.objects.filter(forgetting.HOLDS, report=report).distinct():
        if _mark(voice) == mark:
            note(report, voice)
            with transaction.atomic():
                forgetting.everything([voice])
                _record(report, Actor("restore", "system"), "erase")
            return [report.reference]
    return []

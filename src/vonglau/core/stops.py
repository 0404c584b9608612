"""A detector that stands still in one world: the record of it, the alert it is, and what a person may do about it.

The runner (`core/runner.py`) writes and follows these records; commands and pages only change them, and the runner looks every second.
An error says which class it was and where in the log, never what came in.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from vonglau.core import alerts, audit, changes
from vonglau.core.alert_models import Alert, DetectorSkip, DetectorState, DetectorStop
from vonglau.core.detection import AlertDraft, Certainty, Severity, Urgency, identity
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.events import LIVE, to_us
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World

KIND = "core.detector_stopped"
NARROWER = 16
"""By how much the stretch shrinks while the culprit is looked for: 5,000 events are four tries."""
QUIETLY = 3
"""So many times what may pass by itself (a busy database, no memory) is tried again before anybody is told."""
SOONEST, LATEST = timedelta(seconds=1), timedelta(hours=1)
POISON = timedelta(minutes=1)
HANG = timedelta(seconds=5)


class Reason(StrEnum):
    RAISED = "raised"
    """The rule raised an error over an event: found by halving, tried again now and then."""
    TOO_LONG = "too_long"
    """It did not come back. Once the event is found it waits for a person: each try costs everybody its time."""
    DIED = "died"
    """The process ended three times over the same events. It waits for a person."""
    UNREADABLE = "unreadable"
    """Its stored state cannot be read."""
    UNSAVED = "unsaved"
    """Its state cannot be written down, or grew beyond all bounds."""
    PASSING = "passing"
    """The database was busy, the memory full: tried again, and told only when it lasts."""


def back_off(tries: int, soonest: timedelta, latest: timedelta = LATEST) -> timedelta:
    return min(latest, soonest * (1 << min(tries, 20)))


def next_try(stop: DetectorStop, now: datetime) -> datetime | None:
    """When a failed try is repeated. None: a person decides."""
    found = stop.first == stop.last
    match Reason(stop.reason):
        case Reason.RAISED:
            return now + back_off(stop.tries, POISON) if found else now
        case Reason.TOO_LONG:
            return None if found else now + HANG
        case Reason.DIED:
            return None
        case Reason.UNREADABLE | Reason.UNSAVED:
            return now + back_off(stop.tries, POISON)
        case Reason.PASSING:
            return now + back_off(stop.tries, SOONEST, POISON)


def quiet(stop: DetectorStop) -> bool:
    return stop.reason == Reason.PASSING and stop.tries < QUIETLY


def clock(world: str) -> datetime:
    """The world's own time, for the alert."""
    found = World.objects.filter(pk=world).first()
    return found.now() if found is not None else timezone.now()


def skipped() -> dict[tuple[str, str], frozenset[int]]:
    """Positions that are passed over, by detector and world."""
    found: dict[tuple[str, str], set[int]] = {}
    for detector, world, position in DetectorSkip.objects.values_list("detector", "world", "position"):
        found.setdefault((detector, world), set()).add(position)
    return {key: frozenset(positions) for key, positions in found.items()}


# what people may do


def find(detector: str, world: str) -> DetectorStop:
    stop = DetectorStop.objects.filter(detector=detector, world=world).order_by("-version").first()
    if stop is None:
        raise NotFound(
            f"The detector {detector!r} is not stopped in the world {world!r}: see `vonglau detector list` for those that are."
        )
    return stop


def resume(detector: str, world: str, by: Actor, *, fresh: bool = False) -> DetectorStop:
    """Try again now, from its own cursor. `fresh`: forget its stored state first, so that it learns anew from there on."""
    with transaction.atomic():
        stop = find(detector, world)
        if fresh:
            DetectorState.objects.filter(detector=stop.detector, version=stop.version, world=world).delete()
        stop.tries, stop.retry_at = 0, timezone.now()
        stop.save(update_fields=["tries", "retry_at"])
        _audit(stop, by, "resume", fresh=fresh)
    return stop


def skip(detector: str, world: str, position: int, by: Actor) -> DetectorStop:
    """Pass over the one event at `position`, for this detector alone, and try again. Only the event that was found guilty, or one
    of the stretch that failed: a skip is no way of hiding events from a rule."""
    with transaction.atomic():
        stop = find(detector, world)
        if not stop.first <= position <= stop.last:
            raise BadInput(
                f"Position {position} is not where {detector!r} failed: that is {stop.first}"
                + (f" to {stop.last}." if stop.last != stop.first else ".")
            )
        DetectorSkip.objects.get_or_create(
            detector=detector, world=world, position=position, defaults={"who": by.name, "at": timezone.now()}
        )
        stop.tries, stop.retry_at = 0, timezone.now()
        stop.save(update_fields=["tries", "retry_at"])
        _audit(stop, by, "skip", at_position=position)
    return stop


def _audit(stop: DetectorStop, by: Actor, step: str, **more: Any) -> None:
    body = {
        "at": timezone.now().isoformat(timespec="microseconds"),
        "who": by.name,
        "role": by.role,
        "step": step,
        "world": stop.world,
        "version": stop.version,
        "position": stop.position,
        "error": stop.error,
        **more,
    }
    audit.record(f"detector/{stop.detector}", body)
    changes.announce(stop.world, "world", f"detector/{stop.detector}", step=step)


# the alert


def tell(stop: DetectorStop, service: str, *, ended: bool = False) -> None:
    """Store or end the stop's alert. One stop is one alert, however often it was tried."""
    onset, name = to_us(stop.since), identity(KIND, stop.detector, stop.version, stop.world, stop.since.isoformat())
    world = World.objects.filter(pk=stop.world).first()
    known = Alert.objects.filter(world=stop.world, identity=name).values_list("updated", flat=True).first()
    if ended and known is None:
        return
    # never behind what was said before: a clock that is set back must not keep an alert from ending
    now = max(onset, to_us(known) if known else 0, to_us(world.now()) if world is not None else 0)
    draft = AlertDraft(
        identity=name,
        kind=KIND,
        severity=Severity.SEVERE if stop.world == LIVE else Severity.MINOR,
        urgency=Urgency.PAST if ended else Urgency.IMMEDIATE,
        certainty=Certainty.OBSERVED,
        onset_us=onset,
        updated_us=now,
        ended_us=now if ended else None,
        subject=stop.detector,
        facts={
            "detector": stop.detector,
            "service": service,
            "world": stop.world,
            "position": stop.position,
            "first": stop.first,
            "last": stop.last,
            "reason": stop.reason,
            "error": stop.error,
            "waits_for_person": stop.retry_at is None,
            "skipped": DetectorSkip.objects.filter(detector=stop.detector, world=stop.world).count(),
        },
    )
    alerts.store(stop.world, alerts.Sayer(service="core", detector="core.runner"), [draft])


TITLE = gettext_lazy("Bộ phát hiện ngừng chạy")


def headline(facts: Mapping[str, Any]) -> str:
    return _("Bộ phát hiện ngừng chạy: %(detector)s") % {"detector": facts.get("detector") or facts.get("subject")}


def why(reason: object) -> str:
    words: dict[str, str] = {
        Reason.RAISED: _("Quy tắc báo lỗi khi xử lý một sự kiện."),
        Reason.TOO_LONG: _("Quy tắc chạy mãi không xong và đã bị ngắt."),
        Reason.DIED: _("Tiến trình đã ba lần kết thúc giữa chừng tại cùng các sự kiện này."),
        Reason.UNREADABLE: _("Không đọc lại được trạng thái đã lưu."),
        Reason.UNSAVED: _("Không lưu được trạng thái, hoặc trạng thái lớn quá mức cho phép."),
        Reason.PASSING: _("Cơ sở dữ liệu hoặc bộ nhớ tạm thời không đáp ứng."),
    }
    return words.get(str(reason), str(reason))


def explain(facts: Mapping[str, Any]) -> str:
    """What happened, where, what goes on meanwhile, and what to do."""
    sentences = [why(facts.get("reason"))]
    first, last = facts.get("first"), facts.get("last")
    if isinstance(first, int) and isinstance(last, int) and last > 0:
        where = (
            _("Tại sự kiện ở vị trí %(first)s.")
            if first == last
            else _("Tại một sự kiện từ vị trí %(first)s đến %(last)s.")
        )
        sentences.append(where % {"first": first, "last": last})
    sentences.append(_("Lỗi: %(error)s.") % {"error": facts.get("error")})
    sentences.append(
        _(
            "Trong thời gian này không có cảnh báo mới từ bộ phát hiện đó; các bộ khác vẫn chạy và không sự kiện nào bị mất."
        )
    )
    sentences.append(
        _("Cần quản trị viên cho chạy tiếp hoặc bỏ qua sự kiện gây lỗi.")
        if facts.get("waits_for_person")
        else _("Hệ thống tự thử lại; quản trị viên có thể cho chạy tiếp ngay hoặc bỏ qua sự kiện gây lỗi.")
    )
    count = facts.get("skipped")
    if isinstance(count, int) and count:
        sentences.append(ngettext("Đã bỏ qua %(n)d sự kiện.", "Đã bỏ qua %(n)d sự kiện.", count) % {"n": count})
    return " ".join(sentences)

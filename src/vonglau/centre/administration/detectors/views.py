"""Detectors that stand still, in every world, and those that run. What is done here is what `vonglau detector` does."""

from typing import Any

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from vonglau.centre.access import Request, is_fragment
from vonglau.centre.administration.tabs import of_administration, show
from vonglau.core import seams, stops
from vonglau.core.alert_models import Cursor, DetectorStop
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.runner import reader_of

TAB = "centre:admin_detectors"


def _stopped(stop: DetectorStop, titles: dict[str, str]) -> dict[str, Any]:
    return {
        "stop": stop,
        "service": titles.get(stop.detector, ""),
        "why": stops.why(stop.reason),
        "found": stop.first == stop.last
        and stop.reason in (stops.Reason.RAISED, stops.Reason.TOO_LONG, stops.Reason.DIED),
        "unreadable": stop.reason == stops.Reason.UNREADABLE,
    }


@of_administration
@require_safe
def detectors(request: Request) -> HttpResponseBase:
    done = dict(Cursor.objects.filter(reader__startswith="detector/").values_list("reader", "position"))
    titles = {detector.name: str(service.title) for service, detector in seams.detectors()}
    skipped: dict[str, int] = {}
    for (name, _world), positions in stops.skipped().items():
        skipped[name] = skipped.get(name, 0) + len(positions)
    standing = list(DetectorStop.objects.order_by("world", "detector"))
    context = {
        "stopped": [_stopped(stop, titles) for stop in standing],
        "running": [
            {
                "name": detector.name,
                "version": detector.version,
                "service": titles[detector.name],
                "position": done.get(reader_of(detector), 0),
                "skipped": skipped.get(detector.name, 0),
                "worlds": [stop.world for stop in standing if stop.detector == detector.name],
            }
            for _service, detector in seams.detectors()
        ],
    }
    if is_fragment(request):
        return render(request, "centre/administration/detectors/_list.html", context)
    return show(request, "centre/administration/detectors/list.html", context, tab=TAB)


@of_administration
@require_POST
def act(request: Request) -> HttpResponseBase:
    """Resume, resume with an empty state, or pass over the one event that was found."""
    name, world, do = (request.POST.get(field, "")[:80] for field in ("detector", "world", "do"))
    try:
        if do == "skip":
            position = request.POST.get("position", "")
            if not (position.isdecimal() and position.isascii() and len(position) < 19):
                raise BadInput("Which event? Give its position.")
            stops.skip(name, world, int(position), request.actor)
            messages.success(request, gettext("Bỏ qua sự kiện %(n)s; bộ phát hiện chạy tiếp.") % {"n": position})
        else:
            stops.resume(name, world, request.actor, fresh=do == "fresh")
            messages.success(request, gettext("Bộ phát hiện chạy tiếp từ chỗ nó dừng."))
    except NotFound:
        messages.info(request, gettext("Bộ phát hiện này không còn dừng nữa."))
    except BadInput:
        messages.error(request, gettext("Vị trí này không phải nơi bộ phát hiện gặp lỗi; không có gì thay đổi."))
    return redirect(TAB)

"""What Ctrl-K finds beyond the pages: incidents by reference, title or place, and wards."""

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from vonglau.centre.access import Request, of_the_desk
from vonglau.centre.desk.queue import visible_to
from vonglau.centre.names import readable, wards_of
from vonglau.core.incidents.states import STATE_NAMES, State
from vonglau.core.people import policy
from vonglau.core.words import matching, plain

MOST = 8


@of_the_desk
def find(request: Request) -> HttpResponseBase:
    typed = request.GET.get("q", "").strip()[:80]
    if len(typed) < 2:
        return JsonResponse({"items": []})
    found = matching(visible_to(request.actor, request.world.pk), typed).order_by("-received_at", "-id")[:MOST]
    items = [
        {
            "title": f"{incident.ref} · {incident.title}",
            "url": reverse("centre:incident", args=[incident.ref]),
            "hint": str(STATE_NAMES[State(incident.state)]),
        }
        for incident in readable(found)
    ]
    if policy.may_see_centre(request.actor):
        items += _wards(request, plain(typed) or "")
    return JsonResponse({"items": items})


def _wards(request: Request, typed: str) -> list[dict[str, str]]:
    named = wards_of(request.world.locality).items()
    near = [(code, name) for code, name in named if typed in (plain(name) or "")][: MOST // 2]
    return [{"title": name, "url": f"{reverse('centre:picture')}?ward={code}", "hint": ""} for code, name in near]

"""Followers, an extension: a programme is told of every step of single requests by a webhook, signed as all others are.

    POST requests/{id}/followers.{format}                      api_key, url → follower_id and the secret, shown once
    POST requests/{id}/followers/{follower_id}/stop.{format}   api_key → it is told nothing more

What arrives is a CloudEvent of the type vn.vonglau.field_reports.told: codes and moments, nobody's words (docs/howto/integrator.md).
"""

from django.http import HttpRequest, HttpResponse

from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World
from vonglau.gateways.open311 import forms, keys
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond
from vonglau.services.field_reports.models import Voice
from vonglau.services.field_reports.published.one import public_report
from vonglau.services.field_reports.voices import following, joining

MOST = 5
"""Followers of one programme at one request."""


def _asked(request: HttpRequest) -> tuple[Actor, World, dict[str, str]]:
    form = forms.read(request)
    reporter, in_world = keys.sender(request, form.fields)
    return reporter, in_world, dict(form.fields)


@georeport("POST")
def follow(request: HttpRequest, id: str, format: str) -> HttpResponse:
    """Any public request of the key's world may be followed: what is told, anybody may read."""
    reporter, in_world, fields = _asked(request)
    report = public_report(in_world.pk, id)
    if report is None:
        raise Refused(404, f"There is no service_request_id {id[:80]}.")
    if Voice.objects.filter(report=report, sent_by=reporter.name, ended_at=None).count() >= MOST:
        raise Refused(409, f"This key follows the request {MOST} times already: end one first.")
    voice, secret = joining.programme(report, reporter.name, fields.get("url", ""))
    told = {"follower_id": str(voice.pk), "service_request_id": report.reference, "secret": secret}
    return respond(format, Answer("followers", "follower", [told]), 201)


@georeport("POST")
def unfollow(request: HttpRequest, id: str, follower: int, format: str) -> HttpResponse:
    """Also of a request that is not public any more. Whether there is one, only its follower is told."""
    reporter, in_world, _fields = _asked(request)
    mine = Voice.objects.filter(report__world=in_world.pk, sent_by=reporter.name).select_related("report")
    readable = follower < 2**63 and "\x00" not in id
    voice = mine.filter(pk=follower, report__reference=id[:40]).first() if readable else None
    if voice is None:
        raise Refused(404, f"This key has no follower {follower} at {id[:80]}.")
    following.end(voice)
    told = {"follower_id": str(voice.pk), "service_request_id": voice.report.reference}
    return respond(format, Answer("followers", "follower", [told]))

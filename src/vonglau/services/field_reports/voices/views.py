"""Joining, following, and ending it: each one press, under a secret link. A link that is only opened changes nothing, since mail
programmes open links by themselves."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vonglau.core.errors import BadInput
from vonglau.core.incidents import desk
from vonglau.core.incidents.states import OPEN
from vonglau.core.worlds import world as world_of
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.public import pages, story
from vonglau.services.field_reports.public.facts import facts
from vonglau.services.field_reports.published.one import is_public, public_report
from vonglau.services.field_reports.voices import following, joining, section
from vonglau.services.field_reports.voices import who as browsers

ROWS = ("report__incident__agency", "report__incident__keeper__agency")
PUSH_BYTES = 8_000
ASKED = ("email", "sms", "zalo")
"""Channels whose address must say yes."""


def by_token(token: str) -> Voice | None:
    """The voice whose secret link this is."""
    rows = Voice.objects.select_related(*ROWS)
    return rows.filter(token=token).first() if token and "\x00" not in token else None


def behind(door: str, token: str) -> Voice | None:
    """Whose page it is: a voice's own, or the reporter's, who becomes a voice with the first thing they ask for."""
    if door == "v":
        return by_token(token)
    if not token or "\x00" in token:
        return None
    report = Report.objects.select_related("incident").filter(token=token).first()
    return joining.of_reporter(report, language=joining.language()) if report else None


def home(door: str, token: str) -> str:
    return reverse("field_reports:own" if door == "r" else "field_reports:voice", args=[token])


def secret(answer: HttpResponse) -> HttpResponse:
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    answer["Cache-Control"] = "private, no-store"
    return answer


def missing(request: HttpRequest) -> HttpResponse:
    words = _("Không có gì ở đường dẫn này: hãy mở lại đúng đường dẫn đã nhận.")
    return pages.show(request, "said", pages.world_shown(), {"title": _("Không tìm thấy"), "words": words}, status=404)


def closed(voice: Voice) -> bool:
    """Whether the matter is not public any more: who only joined or follows learns nothing of it. The reporter does, once it is known
    that the address is theirs."""
    return not (voice.part == joining.REPORTER and voice.told) and not is_public(voice.report)


def closed_page(request: HttpRequest, voice: Voice) -> HttpResponse:
    """That it is not public, and how to end the news: nothing of what became of it."""
    context = {"voice": voice, "said": request.GET.get("said", "")}
    return secret(pages.show(request, "closed", world_of(voice.report.world), context, status=404))


def page(request: HttpRequest, voice: Voice, more: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
    """The page of a voice."""
    if closed(voice):
        return closed_page(request, voice)
    report = voice.report
    world = world_of(report.world)
    context = {
        "report": report,
        "facts": facts(report),
        "story": story.tell(report, world.now(), own=False),
        "people": joining.people(desk.fate(report.incident)),
        "link": request.build_absolute_uri(reverse("field_reports:voice", args=[voice.token])),
        "new": "new" in request.GET,
        "said": request.GET.get("said", ""),
        **section.of(voice),
        **(more or {}),
    }
    return secret(pages.show(request, "voice", world, context, status=status))


@require_safe
def voice(request: HttpRequest, token: str) -> HttpResponse:
    """What somebody who joined or follows sees: where it stands, and how they are told."""
    found = by_token(token)
    return missing(request) if found is None else page(request, found)


@pages.from_our_pages
@require_POST
def join(request: HttpRequest, reference: str) -> HttpResponse:
    """One press: "me too", or only to be told. The same browser again is led to what it has."""
    world = pages.world_shown()
    report = public_report(world.pk, reference)
    if report is None:
        return missing(request)
    has_it = request.POST.get("part") != joining.FOLLOWER and desk.fate(report.incident).state in OPEN
    browser = browsers.of(request)
    part = joining.JOINED if has_it else joining.FOLLOWER
    made = joining.join(report, part, browser, site=joining.site_of(request))
    answer: HttpResponse = HttpResponseRedirect(
        reverse("field_reports:voice", args=[made.token]) + "?new=1", status=303
    )
    browsers.remember(request, answer, browser)
    return secret(answer)


@pages.from_our_pages
@require_POST
def same(request: HttpRequest, token: str, reference: str) -> HttpResponse:
    """A reporter says that theirs is a matter that was reported already: they join it, and the desk is told. A person merges."""
    if "\x00" in token + reference:
        return missing(request)
    rows = Report.objects.select_related("incident__keeper")
    own = rows.filter(token=token).first() if token else None
    other = public_report(own.world, reference) if own else None
    if own is None or other is None or other.pk == own.pk or desk.fate(other.incident).state not in OPEN:
        return missing(request)
    browser = browsers.of(request)
    made = joining.join(other, joining.JOINED, browser, site=joining.site_of(request))
    joining.said_alike(own, other)
    answer: HttpResponse = HttpResponseRedirect(
        reverse("field_reports:voice", args=[made.token]) + "?new=1", status=303
    )
    browsers.remember(request, answer, browser)
    return secret(answer)


@pages.from_our_pages
@require_POST
def follow(request: HttpRequest, token: str, door: str) -> HttpResponse:
    """By e-mail, SMS or Zalo: asks the address first."""
    found = behind(door, token)
    if found is None:
        return missing(request)
    if door == "v" and closed(found):
        return closed_page(request, found)
    how = {"site": joining.site_of(request), "language": joining.language()}
    try:
        if request.POST.get("again") and found.channel in ASKED:
            told = following.repeat(found, **how)
        elif request.POST.get("phone"):
            told = following.by_phone(found, request.POST.get("channel", "sms"), request.POST["phone"], **how)
        else:
            told = following.by_email(found, request.POST.get("email", ""), **how)
    except following.TooOften:
        words = _("Địa chỉ này đã được hỏi nhiều lần: hãy tìm trong hộp thư rác, hoặc thử lại ngày mai.")
        return _refused(request, found, door, words)
    except BadInput as problem:
        number = problem.extra.get("pointer") != "/email"
        words = (
            _("Đây không phải số di động: hãy xem lại, ví dụ 0905 123 456.")
            if number
            else _("Đây không phải địa chỉ thư điện tử: hãy xem lại, ví dụ ten@example.vn.")
        )
        return _refused(request, found, door, words)
    said = "confirmed" if told.told else "asked"
    return secret(HttpResponseRedirect(f"{home(door, token)}?said={said}#follow", status=303))


def _refused(request: HttpRequest, voice: Voice, door: str, words: str) -> HttpResponse:
    which = "phone" if "phone" in request.POST else "email"
    told = {f"{which}_fault": words, f"{which}_given": request.POST.get(which, "")}
    return again(request, voice, door, told, status=422)


def again(request: HttpRequest, voice: Voice, door: str, told: dict[str, Any], *, status: int) -> HttpResponse:
    """The page it came from, with what was wrong beside the field."""
    if door == "v":
        return page(request, voice, told, status=status)
    from vonglau.services.field_reports.public import read

    return read.own_page(request, voice.report, told, status=status)


@pages.from_our_pages
@require_POST
def push(request: HttpRequest, token: str, door: str) -> JsonResponse | HttpResponse:
    """This browser shows the news: its subscription, as the browser writes it."""
    found = behind(door, token)
    if found is None or (door == "v" and closed(found)):
        return JsonResponse({"detail": "There is nothing here."}, status=404)
    try:
        said = json.loads(request.body) if len(request.body) <= PUSH_BYTES else None
        following.by_push(found, said, language=joining.language())
    except ValueError:
        return JsonResponse({"detail": "This is no JSON."}, status=400)
    except BadInput as problem:
        return JsonResponse({"detail": problem.message}, status=422)
    return JsonResponse({"url": f"{home(door, token)}?said=confirmed#follow"}, status=201)


@pages.from_our_pages
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str, door: str) -> HttpResponse:
    """Ends the news by one press, also by a mail programme's own (RFC 8058)."""
    found = behind(door, token) if request.method == "POST" or door == "v" else None
    if found is None:
        return missing(request)
    if request.method != "POST":
        told = {"voice": found, "report": found.report, "address": following.shown(found)}
        return secret(pages.show(request, "stop", world_of(found.report.world), told))
    following.end(found)
    return secret(HttpResponseRedirect(f"{home(door, token)}?said=stopped#follow", status=303))


@pages.from_our_pages
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str, code: str) -> HttpResponse:
    """The link of the message that asks: a press there says yes."""
    found = by_token(token)
    if found is None:
        return missing(request)
    if found.part != joining.REPORTER and closed(found):
        return closed_page(request, found)
    back = f"{home('v', token)}?said=confirmed#follow"
    if found.told and not found.code:  # pressed twice
        return secret(HttpResponseRedirect(back, status=303))
    if request.method == "POST" and following.confirm(found, code):
        return secret(HttpResponseRedirect(back, status=303))
    right = bool(found.code) and found.code == code
    context = {"voice": found, "report": found.report, "facts": facts(found.report), "right": right}
    context |= {"address": following.shown(found), "code": code}
    return secret(pages.show(request, "confirm", world_of(found.report.world), context, status=200 if right else 410))

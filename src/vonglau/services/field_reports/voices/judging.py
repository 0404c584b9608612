"""The form by which a voice judges a result, and objects to it."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from vonglau.core.errors import BadInput, Conflict, StepNotPossible
from vonglau.services.field_reports.public import pages
from vonglau.services.field_reports.voices import verdicts, views


@pages.from_our_pages
@require_POST
def verdict(request: HttpRequest, token: str, door: str) -> HttpResponse:
    """Kept once; sent again it leads to what was kept."""
    found = views.behind(door, token)
    if found is None:
        return views.missing(request)
    if door == "v" and views.closed(found):
        return views.closed_page(request, found)
    given = request.POST.get("score", "")
    words = request.POST.get("words", "").replace("\r\n", "\n")
    objects = "objects" in request.POST
    try:
        verdicts.give(found, int(given) if given in "12345" and len(given) == 1 else 0, words, objects=objects)
    except BadInput as problem:
        fault = _fault(str(problem.extra.get("pointer", "")))
    except StepNotPossible:
        fault = _("Thời hạn phản đối đã hết, hoặc việc đã được mở lại: chưa có gì được ghi.")
    except Conflict:
        return _back(door, token)
    else:
        return _back(door, token)
    kept = {"score": given, "words": words[: verdicts.WORDS], "objects": objects}
    return views.again(request, found, door, {"verdict_fault": fault, "verdict_given": kept}, status=422)


def _back(door: str, token: str) -> HttpResponse:
    return views.secret(HttpResponseRedirect(f"{views.home(door, token)}?said=judged#verdict", status=303))


def _fault(pointer: str) -> str:
    return {
        "/score": _("Hãy chọn một mức, từ 1 đến 5."),
        "/objects": _("Chỉ đề nghị mở lại khi chấm từ 3 trở xuống."),
    }.get(
        pointer, _("Hãy viết vài lời cho biết chỗ nào chưa đạt (nhiều nhất %(most)d ký tự).") % {"most": verdicts.WORDS}
    )

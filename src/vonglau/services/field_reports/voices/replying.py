"""The form by which a reporter answers what the desk asks, and adds to their report while the work goes on: words, photos, both.

It stands on the report's own page, and on the page of the reporter's voice, where the news of a pause leads. What is written waits behind
the same look as the report's words (`desk/later.py`), photos in the same queue as the first ones.
"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from vonglau.core.errors import BadInput, StepNotPossible
from vonglau.core.incidents.files import Upload
from vonglau.core.incidents.models import Incident
from vonglau.core.worlds import world
from vonglau.services.field_reports import replies, rules
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.public import doors, pages, read
from vonglau.services.field_reports.public.form import KEY_FORM, PHOTOS
from vonglau.services.field_reports.public.write import photo_words
from vonglau.services.field_reports.voices import section, views


@pages.from_our_pages
@require_POST
def reply(request: HttpRequest, token: str, door: str) -> HttpResponse:
    """Kept once; sent again it leads to what was kept. Of a voice, its reporter's alone."""
    voice = views.by_token(token) if door == "v" else None
    report = read.by_token(token) if door == "r" else voice.report if voice and section.answers(voice) else None
    if report is None:
        return views.missing(request)
    words = request.POST.get("words", "").replace("\r\n", "\n").replace("\x00", "").strip()
    photos = [photo for photo in request.FILES.getlist("photos") if photo.size]
    key = request.POST.get("key", "")
    fault = _fault(words, photos) or ("" if KEY_FORM.match(key) else _("Hãy mở lại trang này rồi gửi lại."))
    if not fault:
        try:
            _keep(report, key, words, photos)
        except replies.TooMany:
            fault = _("Phản ánh này đã được bổ sung %(most)d lần: hãy chờ trung tâm trả lời.") % {"most": replies.MOST}
        except StepNotPossible:
            fault = _(
                "Việc này đã kết thúc nên chưa có gì được ghi. Nếu chưa ổn, hãy đánh giá kết quả hoặc gửi phản ánh mới."
            )
        except BadInput as problem:
            fault = photo_words(str(problem.extra.get("reason", "")))
    if fault:
        return _again(request, report, voice, {"reply_fault": fault, "reply_given": words})
    danger = "".join(f"&call={one.value}" for one in doors.doors(words) if one in doors.EMERGENCIES)
    return views.secret(HttpResponseRedirect(f"{views.home(door, token)}?said=replied{danger}#reply", status=303))


def _fault(words: str, photos: Sequence[Upload]) -> str:
    if not words and not photos:
        return _("Hãy viết vài lời, hoặc gửi kèm một ảnh.")
    if len(words) > rules.DESCRIPTION_LIMIT:
        return _("Dài quá %(limit_value)d ký tự: hãy viết gọn hơn.") % {"limit_value": rules.DESCRIPTION_LIMIT}
    return _("Nhiều nhất %(most)d ảnh cho một lần gửi.") % {"most": PHOTOS} if len(photos) > PHOTOS else ""


def _keep(report: Report, key: str, words: str, photos: Sequence[Upload]) -> None:
    pictures = reviews.decoded(photos)
    said = replies.Reply(identity=key, words=words, written_at=world(report.world).now())

    def attach(incident: Incident) -> None:
        for photo in pictures:
            reviews.attach(incident, replies.CITIZEN, photo, report)

    replies.answer(report, said, attach if pictures else None)


def _again(request: HttpRequest, report: Report, voice: Voice | None, told: dict[str, Any]) -> HttpResponse:
    if voice is not None:
        return views.page(request, voice, told, status=422)
    return views.secret(read.own_page(request, report, told, status=422))

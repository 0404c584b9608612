"""What belongs to no room: switching language and world, and what a person reads when a page cannot be shown."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from vonglau.core.errors import Unavailable, VongLauError
from vonglau.gateways.open311 import formats as open311
from vonglau.kit import documents, guards, language, problems


def back(request: HttpRequest) -> str:
    """Where the form says it came from, if that is one of our pages."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        return target
    return "/"


@require_POST
def switch_language(request: HttpRequest) -> HttpResponse:
    code = request.POST.get("language", "")
    response = HttpResponseRedirect(back(request))
    if code in language.KNOWN:
        language.remember(request, response, code)
    return response


@require_POST
@guards.signed_in
def switch_world(request: HttpRequest, id: str = "") -> HttpResponse:
    """Look at another world from now on; pages of the old one are not shown again by going back."""
    wanted = id or request.POST.get("world", "")
    if wanted not in {one.pk for one in guards.worlds()}:
        raise Http404(gettext("Không có thế giới này."))
    request.session[guards.KEY] = wanted
    return HttpResponseRedirect(back(request))


WORDS = {
    400: (
        _("Yêu cầu không đọc được"),
        _("Trình duyệt đã gửi điều mà hệ thống không hiểu. Chưa có gì được ghi. Hãy quay lại và thử lần nữa."),
    ),
    403: (
        _("Không được phép"),
        _(
            "Tài khoản của bạn không được xem hoặc làm điều này. Nếu công việc cần đến, hãy hỏi quản trị viên của trung tâm."
        ),
    ),
    404: (
        _("Không tìm thấy trang"),
        _("Địa chỉ này không có, hoặc mục đã thuộc thế giới khác. Hãy kiểm tra địa chỉ, hoặc tìm theo mã sự việc."),
    ),
    507: (
        _("Hết chỗ trên đĩa"),
        _(
            "Máy chủ không còn chỗ để ghi. Việc vừa gửi CHƯA được lưu. Điều đã báo là lưu xong thì không mất. "
            "Hãy báo quản trị viên, và gửi lại khi có chỗ."
        ),
    ),
    503: (
        _("Tạm thời chưa ghi được"),
        _("Nơi lưu dữ liệu chưa trả lời. Việc vừa gửi CHƯA được lưu. Hãy thử lại sau ít phút."),
    ),
    500: (
        _("Có lỗi trong hệ thống"),
        _(
            "Lỗi đã được ghi lại. Điều đã báo là lưu xong thì không mất. Hãy thử lại; nếu vẫn lỗi, báo quản trị viên kèm giờ bên dưới."
        ),
    ),
}


OPEN311 = "/open311/v2/"
"""Below it errors have GeoReport's shape, also those that come from here."""


def _failed(request: HttpRequest, status: int, reason: str = "") -> HttpResponse:
    if request.path.startswith(OPEN311):
        with override("en"):
            return open311.refusal_at(request.path, status, reason or str(WORDS[status][1]))
    if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", "text/html"):
        with override("en"):
            return problems.answer(documents.document(status, reason or str(WORDS[status][1])))
    title, words = WORDS[status]
    return render(
        request,
        "web/failed.html",
        {"status": status, "title": title, "words": words, "reason": reason},
        status=status,
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failed(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failed(request, 403, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return _failed(request, 404, said)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _failed(
        request, 403, gettext("Biểu mẫu đã quá cũ hoặc được gửi từ trang khác. Hãy tải lại trang rồi gửi lại.")
    )


def inactive(request: HttpRequest) -> HttpResponse:
    return _failed(request, 403, gettext("Tài khoản này đã bị khoá. Hãy hỏi quản trị hệ thống của trung tâm."))


def outage(request: HttpRequest, found: VongLauError) -> HttpResponse:
    """In words; stands without a database. A damaged file is named to whoever can have it restored."""
    if request.path.startswith(OPEN311):
        answered = open311.refusal_at(request.path, found.status, found.message)
        for name, value in documents.headers(found).items():
            answered[name] = value
        return answered
    if request.path.startswith("/api/"):
        return problems.response(found)
    said = WORDS.get(found.status, WORDS[503] if isinstance(found, Unavailable) else WORDS[500])
    with override("en"):
        english = str(said[1])
    with override("vi"):
        context = {"title": said[0], "words": said[1], "english": english, "reason": found.message}
        answered = render(None, "web/broken.html", context, status=found.status)
    for name, value in documents.headers(found).items():
        answered[name] = value
    return answered


def server_error(request: HttpRequest) -> HttpResponse:
    """Must stand when nothing else does: no context, no database, no static files."""
    broken = "Something broke on our side; it was logged. Try again."
    if request.path.startswith(OPEN311):
        return open311.refusal_at(request.path, 500, broken)
    if request.path.startswith("/api/"):
        return problems.answer(documents.document(500, broken))
    with override("vi"):
        return render(None, "web/broken.html", {"title": WORDS[500][0], "words": WORDS[500][1]}, status=500)

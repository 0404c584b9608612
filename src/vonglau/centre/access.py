"""Who may open which page of the centre, and what a page says when it cannot be opened.

Rights stand in `core.people.policy`; here they become redirects and pages. Messages of the error tree are English, for
integrators: a page has words of its own.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.vary import vary_on_headers

from vonglau.core.errors import NotAllowed, NotFound, Unavailable
from vonglau.core.people import policy
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World


class Request(HttpRequest):
    """A request as the middleware leaves it: somebody signed in, acting in a world."""

    world: World
    actor: Actor
    user: User


View = Callable[..., HttpResponseBase]
Allowed = Callable[[Actor], bool]


def is_fragment(request: HttpRequest) -> bool:
    """Asked by htmx: answer with the part alone."""
    return request.headers.get("HX-Request") == "true"


def page(allowed: Allowed, *, else_to: str = "") -> Callable[[View], View]:
    """Guard a view. Where the actor may not, the page says so, or leads to the one named."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            asked = cast("Request", request)
            if not request.user.is_authenticated or asked.actor is None:
                return redirect_to_login(request.get_full_path())
            if not allowed(asked.actor):
                return redirect(else_to) if else_to else refused(asked)
            try:
                response = view(asked, *args, **kwargs)
            except NotFound:
                return missing(asked)
            except NotAllowed:
                return refused(asked)
            except Unavailable as problem:
                return unavailable(asked, problem)
            response.setdefault("Cache-Control", "no-store")
            return response

        return vary_on_headers("HX-Request", "Cookie")(guarded)

    return guard


def _anybody(actor: Actor) -> bool:
    return actor.role in {"operator", "supervisor", "leader", "agency", "administrator"}


of_the_desk = page(_anybody)
"""Everybody with an account; what each sees there is narrowed by `policy.may_see`."""
of_the_centre = page(policy.may_see_centre)
"""The whole city's view: not for agencies."""
of_the_quarantine = page(policy.may_mend_quarantine)


def told(request: Request, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "centre/told.html", {"title": title, "text": text}, status=status)


def missing(request: Request) -> HttpResponse:
    return told(
        request,
        404,
        gettext("Không tìm thấy"),
        gettext("Không có mục này trong thế giới đang xem, hoặc nó không còn được giao cho bạn. Không có gì bị mất."),
    )


def refused(request: Request) -> HttpResponse:
    return told(
        request,
        403,
        gettext("Trang này không dành cho vai trò của bạn"),
        gettext("Nếu bạn cần xem, hãy nhờ quản trị hệ thống đổi vai trò của tài khoản."),
    )


def unavailable(request: Request, problem: Unavailable) -> HttpResponse:
    answer = told(
        request,
        problem.status,
        gettext("Tạm thời chưa làm được"),
        gettext("Một phần của hệ thống đang khởi động lại. Chưa có gì được ghi; hãy thử lại sau vài giây."),
    )
    answer["Retry-After"] = str(problem.retry_after)
    return answer

"""A page or an API call that met a full disk, a database that is away or a damaged file answers in words, with what to do."""

import logging
import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from vonglau.core.errors import VongLauError
from vonglau.core.failing import Failing
from vonglau.core.outages import foreseen
from vonglau.web import views

log = logging.getLogger("vonglau.pages")

_failing = Failing()


def answer(request: HttpRequest, found: VongLauError) -> HttpResponse:
    """Said in the log once, not for every request of a day."""
    if _failing.worth_saying(found):
        log.error("requests cannot be served as asked: %s", found)
    return views.outage(request, found)


class OutageMiddleware:
    """For what a view raises. What another middleware raises (a session that cannot be stored) comes to `server_error`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        found = foreseen(exception)
        return None if found is None else answer(request, found)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's last resort, called while it handles the exception."""
    found = foreseen(sys.exc_info()[1])
    return views.server_error(request) if found is None else answer(request, found)

"""What every answer of the web process has in common, wherever it comes from.

What the database will not take is the sender's mistake: PostgreSQL refuses a NUL in any text, also in one that is only compared. Where a
field is known to be free text a NUL is taken out; 400 is for all the others: codes, references, arguments of lists. Whoever was refused
stands in the log, without the arguments. A page is kept by no cache, unless its view says so.
"""

import logging

from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from vonglau.web.views import bad_request

log = logging.getLogger("vonglau.access")


class AnswersMiddleware(MiddlewareMixin):
    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return bad_request(request, exception) if isinstance(exception, DataError) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code == 403 or (response.status_code == 401 and "Authorization" in request.headers):
            actor = getattr(request, "actor", None)
            who = actor.name if actor else ""
            told = {"method": request.method, "path": request.path[:200], "who": who, "status": response.status_code}
            log.warning("refused", extra={**told, "from": request.META.get("REMOTE_ADDR", "")})
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

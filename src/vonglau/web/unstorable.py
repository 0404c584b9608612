"""What the database will not take as text or number is the sender's mistake: 400, not 500.

PostgreSQL refuses a NUL in any text, also in one that is only compared; SQLite takes it and finds nothing. Where a field is known to be
free text a NUL is taken out; this is for all the others: codes, references, arguments of lists.
"""

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from vonglau.web.views import bad_request


class UnstorableMiddleware(MiddlewareMixin):
    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return bad_request(request, exception) if isinstance(exception, DataError) else None

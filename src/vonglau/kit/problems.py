"""Errors as RFC 9457 problem documents: one shape for whatever goes wrong in the API, whoever noticed it.

    {"type": "/api/docs#step-not-possible", "title": "Step not possible", "status": 409,
     "detail": "From 'closed' there is no step 'verify'.", "pointer": "/step", …}

`type` leads to the sentence about it on the reference page; `detail` is advice; `pointer` (RFC 6901) names the member
of the body or, under `/query` and `/path`, the argument at fault. Other members come from `VongLauError.extra`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from vonglau.core.errors import BadInput, NotFound, VongLauError
from vonglau.kit.documents import MEDIA_TYPE, REFERENCE, document, headers, of

View = Callable[..., HttpResponseBase]


def answer(problem: Mapping[str, object], extra_headers: Mapping[str, str] | None = None) -> HttpResponse:
    body = json.dumps(problem, ensure_ascii=False, default=str)
    response = HttpResponse(body, content_type=MEDIA_TYPE, status=int(str(problem["status"])))
    for name, value in (extra_headers or {}).items():
        response[name] = value
    response["Cache-Control"] = "no-store"
    return response


def response(error: VongLauError, status: int | None = None) -> HttpResponse:
    return answer(of(error, status), headers(error))


def pointer_of(location: Iterable[object]) -> str:
    """A place as ninja names it, ("body", "details", "why") → "/why"; ("query", "limit") → "/query/limit"."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    if parts and parts[0] in ("body", "form", "file"):
        # ninja puts the parameter's own name between the two: it means nothing to who sent the body
        parts = parts[2:] if len(parts) > 2 else parts[1:]
    return "/" + "/".join(parts) if parts else ""


def invalid(errors: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    """Everything that is wrong with a request at once, the first of it in front."""
    faults = [{"pointer": pointer_of(error.get("loc", ())), "reason": str(error.get("msg", ""))} for error in errors]
    first = faults[0] if faults else {"pointer": "", "reason": BadInput.__doc__ or ""}
    advice = f"{first['pointer'] or 'The request'}: {first['reason']}."
    return of(BadInput(advice, pointer=first["pointer"], errors=faults), 422)


def install(api: NinjaAPI) -> None:
    """Let an API answer with problems only."""

    @api.exception_handler(VongLauError)
    def _ours(request: HttpRequest, error: VongLauError) -> HttpResponse:
        return response(error)

    @api.exception_handler(ValidationError)
    def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return answer(invalid(error.errors))

    @api.exception_handler(AuthenticationError)
    def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return answer(
            document(401, "Send a token as `Authorization: Bearer …` (`vonglau token create`), or sign in."),
            {"WWW-Authenticate": 'Bearer realm="vonglau"'},
        )

    @api.exception_handler(HttpError)
    def _plain(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(document(error.status_code, str(error)))

    @api.exception_handler(Http404)
    def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return response(NotFound(str(error) or None))


def as_problems(view: View) -> View:
    """Turn what a framework says in its own words or pages (405, 413, a CSRF page) into a problem."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            answered = view(request, *args, **kwargs)
        except Http404:
            return not_found(request)
        except RequestDataTooBig:
            return answer(document(413, "The body is larger than this address takes; send it in parts."))
        except (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError) as error:
            return answer(document(400, str(error) or "The request cannot be read."))
        if answered.status_code < 400 or answered.get("Content-Type", "").startswith(MEDIA_TYPE):
            return answered
        detail = HTTPStatus(answered.status_code).description or "The request was not served."
        if answered.status_code == 405:
            detail = f"{request.method} is not for this address; it takes {answered.get('Allow', 'other methods')}."
        kept = {name: answered[name] for name in ("Allow", "Retry-After") if name in answered}
        return answer(document(answered.status_code, detail), kept)

    wrapped.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
    return wrapped


def not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """For addresses below an API that lead nowhere."""
    return response(NotFound(f"There is nothing at {request.path}; {REFERENCE} lists what there is."))

"""One shape for every error, wherever it comes from."""

import json

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed

from vonglau.core.errors import BadInput, StorageFull
from vonglau.kit import documents, problems


@pytest.mark.parametrize("kind", list(documents.kinds()), ids=lambda kind: kind.__name__)
def test_every_kind_has_a_page_a_title_and_advice(kind: type) -> None:
    answer = problems.response(kind())
    told = json.loads(answer.content)
    assert answer["Content-Type"] == "application/problem+json"
    assert told["status"] == answer.status_code == kind.status  # type: ignore[attr-defined]
    assert told["type"] == f"/api/docs#{documents.slug(kind)}"
    assert told["title"]
    assert told["detail"] == kind.__doc__


def test_members_and_retry_come_along() -> None:
    told = documents.of(BadInput("Mend it.", pointer="/a/0", more=[1]))
    assert (told["pointer"], told["more"], told["detail"]) == ("/a/0", [1], "Mend it.")
    assert int(problems.response(StorageFull())["Retry-After"]) > 0


def test_without_a_kind_the_title_is_the_status_own() -> None:
    assert documents.document(418, "No coffee.") == {
        "type": "about:blank", "title": "I'm a Teapot", "status": 418, "detail": "No coffee.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("location", "pointer"),
    [
        (("body", "said", "why"), "/why"),
        (("body", "said", "parts", 3, "a/b~c"), "/parts/3/a~1b~0c"),
        (("body", "said"), "/said"),
        (("query", "limit"), "/query/limit"),
        (("file", "photo"), "/photo"),
        ((), ""),
    ],
)
def test_places_become_pointers(location: tuple[object, ...], pointer: str) -> None:
    assert problems.pointer_of(location) == pointer


def raising(error: Exception) -> problems.View:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (lambda request: HttpResponseNotAllowed(["GET"]), 405),
        (lambda request: HttpResponse("<html>no</html>", status=403), 403),
        (raising(Http404()), 404),
        (raising(RequestDataTooBig()), 413),
        (raising(SuspiciousOperation("odd")), 400),
    ],
)
def test_a_frameworks_own_words_become_problems(view: problems.View, status: int) -> None:
    request = HttpRequest()
    request.method, request.path = "DELETE", "/api/x"
    answer = problems.as_problems(view)(request)
    told = json.loads(answer.content)  # type: ignore[attr-defined]
    assert (answer.status_code, told["status"]) == (status, status)
    assert told["detail"]
    assert answer.get("Allow") == ("GET" if status == 405 else None)


def test_what_is_fine_passes_untouched() -> None:
    fine = HttpResponse("ok")
    assert problems.as_problems(lambda request: fine)(HttpRequest()) is fine

"""Open data: what the table of public reports holds, for anybody's own questions. The same filters as the map."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from vonglau.core.errors import BadInput
from vonglau.core.worlds import World
from vonglau.services.field_reports.options import LICENCE
from vonglau.services.field_reports.public import pages
from vonglau.services.field_reports.public.browse import choices
from vonglau.services.field_reports.published import files, filters
from vonglau.services.field_reports.published.filters import Asked

FORMATS = {
    "csv": ("text/csv; charset=utf-8", "CSV"),
    "geojson": ("application/geo+json", "GeoJSON"),
    "parquet": ("application/vnd.apache.parquet", "GeoParquet"),
}
AT_ONCE = 2
"""Files written at the same time by one process: each keeps one of its threads."""
AGAIN_SECONDS = 30

_room = threading.BoundedSemaphore(AT_ONCE)


def about(world: World) -> dict[str, Any]:
    """What stands with every file: whose it is, under which licence, how fresh."""
    return {
        "title": "Field reports",
        "world": world.pk,
        "licenses": [{"name": str(LICENCE.value())}],
        "created": world.now().isoformat(timespec="seconds"),
        "fresh_to": "the last commit",
    }


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    world, asked = pages.world_shown(), filters.read(request.GET)
    query = asked.query()
    context = {
        "asked": asked,
        "formats": [
            (code, name, f"{reverse('field_reports:download', args=[code])}?{query}")
            for code, (_media, name) in FORMATS.items()
        ],
        "columns": [(one.name, one.kind, one.en if pages.english() else one.vi) for one in files.COLUMNS],
        "licence": LICENCE.value(),
        "schema": reverse("field_reports:download", args=["json"]),
        "total": filters.rows(world, asked, merged=True).order_by().count(),
        "now": world.now(),
        **choices(world, asked),
    }
    return pages.show(request, "data", world, context)


@require_safe
def download(request: HttpRequest, format: str) -> HttpResponseBase:
    """A file, streamed; `json`: the data package that describes them."""
    world = pages.world_shown()
    if format == "json":
        return _package(request, world)
    if format not in FORMATS:
        return _problem(404, f"There is reports.{', reports.'.join(FORMATS)}, and reports.json, which describes them.")
    try:
        asked = filters.read(request.GET, strict=True)
    except BadInput as problem:
        return _problem(400, problem.message)
    if request.method == "HEAD":
        return _headed(HttpResponse(content_type=FORMATS[format][0]), format)
    if not _room.acquire(blocking=False):
        busy = _problem(503, f"Other files are being written; ask again in {AGAIN_SECONDS} s.")
        busy["Retry-After"] = str(AGAIN_SECONDS)
        return busy
    answer = StreamingHttpResponse(
        _Parts(_written(format, world, asked), _room.release), content_type=FORMATS[format][0]
    )
    return _headed(answer, format)


class _Parts:
    """An answer's parts; whatever ends it (the last one, an error, a client that went away) makes room for the next file, once."""

    def __init__(self, parts: Iterator[bytes], done: Callable[[], None]) -> None:
        self._parts, self._done, self._open = parts, done, True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._parts
        finally:
            self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._done()

    def __del__(self) -> None:
        self.close()


def _written(format: str, world: World, asked: Asked) -> Iterator[bytes]:
    rows = filters.rows(world, asked, merged=True)
    if format == "csv":
        return files.as_csv(rows)
    return files.as_geojson(rows, about(world)) if format == "geojson" else files.as_geoparquet(rows, about(world))


def _headed(answer: HttpResponseBase, format: str) -> HttpResponseBase:
    answer["Content-Disposition"] = f'attachment; filename="field-reports.{format}"'
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cache-Control"] = "no-cache"
    answer["Link"] = f'<{reverse("field_reports:download", args=["json"])}>; rel="describedby"; type="application/json"'
    return answer


def _package(request: HttpRequest, world: World) -> JsonResponse:
    formats = [
        (code, media.partition(";")[0], request.build_absolute_uri(reverse("field_reports:download", args=[code])))
        for code, (media, _name) in FORMATS.items()
    ]
    answer = JsonResponse(files.schema(about(world), formats), json_dumps_params={"ensure_ascii": False})
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _problem(status: int, words: str) -> JsonResponse:
    """RFC 9457."""
    body = {"type": "about:blank", "title": words, "status": status}
    return JsonResponse(body, status=status, content_type="application/problem+json")

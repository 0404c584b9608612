"""Borders of the city's wards for the citizens' maps."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from vonglau.core.errors import NotFound
from vonglau.core.places import outline
from vonglau.kit.outlines import answer
from vonglau.services.field_reports.public.pages import world_shown


@require_safe
def wards(request: HttpRequest) -> HttpResponse:
    """GeoJSON; `?in=en` names the wards in English, so that copies differ by address. 404 where no borders were loaded."""
    try:
        stored = outline.ward_outlines(world_shown().locality)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    return answer(request, stored, "en" if request.GET.get("in") == "en" else "vi", shared=True)

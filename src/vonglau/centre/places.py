"""Borders for the desk's maps."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from vonglau.centre.access import of_the_desk
from vonglau.centre.names import language
from vonglau.core.places import outline as outlines
from vonglau.kit.outlines import answer


@of_the_desk
def outline(request: HttpRequest, code: str) -> HttpResponseBase:
    """The wards of a locality; with `?around` its neighbours, for context. `?in=` names the language, so that copies differ by address."""
    stored = outlines.neighbours_outline(code) if "around" in request.GET else outlines.ward_outlines(code)
    return answer(request, stored, "en" if request.GET.get("in", language()) == "en" else "vi", shared=False)

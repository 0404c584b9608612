"""Evidence photos, to those who may see their incident and to nobody else."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from vonglau.centre.access import Request, of_the_desk
from vonglau.centre.desk.pictures import pictures_of
from vonglau.core.errors import NotFound
from vonglau.core.incidents import desk
from vonglau.core.incidents import files as evidence
from vonglau.core.people import policy

KEPT = 3600
"""Seconds a browser keeps a photo for this person: its bytes never change, its readers may."""


def _served(request: Request, ref: str, number: int, *, thumb: bool) -> HttpResponseBase:
    incident = desk.get(request.world.pk, ref)
    found = incident.evidence.filter(pk=number).first()
    seen = found is not None and policy.may_see(request.actor, incident)
    if found is None or not seen or not pictures_of(request.actor, incident).serves(found):
        raise NotFound("There is no such photo under this incident.")
    with evidence.open_file(found, thumb=thumb) as file:
        response = HttpResponse(file.read(), content_type=found.media_type)  # 2 MB at most: it was written anew
    shown = "inline" if found.media_type.startswith("image/") else "attachment"
    response["Content-Disposition"] = f'{shown}; filename="{incident.ref}-{found.pk}.jpg"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = f"private, max-age={KEPT}"
    return response


@of_the_desk
def photo(request: Request, ref: str, number: int) -> HttpResponseBase:
    return _served(request, ref, number, thumb=False)


@of_the_desk
def thumbnail(request: Request, ref: str, number: int) -> HttpResponseBase:
    return _served(request, ref, number, thumb=True)

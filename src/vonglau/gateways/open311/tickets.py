"""Tokens of GeoReport v2: what a server answers that promises a number instead of giving it. A setting turns them on.

A token names a report and the second until which it may be exchanged, sealed with the installation's own key: nothing is stored,
and it opens nothing but the report's public number. It is no api key, and not the reporter's secret link.
"""

import base64
import binascii
import struct
import time

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from vonglau.gateways.open311 import arguments, keys
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.options import TOKENS

SALT = "vonglau.open311.token"
NAMED = struct.Struct(">QQ")
"""The report's row, and the last second."""
SEAL = 14
"""Bytes: with what is named 30 in all, 40 characters."""


def seconds() -> int:
    """For how long a token may be exchanged; 0 where numbers are given at once."""
    return int(TOKENS.value())


def _seal(named: bytes) -> bytes:
    return salted_hmac(SALT, named, algorithm="sha256").digest()[:SEAL]


def issue(report: Report) -> str:
    named = NAMED.pack(report.pk, int(time.time()) + seconds())
    return base64.urlsafe_b64encode(named + _seal(named)).decode()


def redeem(token: str, world_id: str) -> Report:
    """The report of a token; the same refusal for one that never was, was altered, is of another world, or too old."""
    unknown = Refused(404, "There is no such token, or it can no longer be exchanged.")
    try:
        text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as problem:
        raise unknown from problem
    named, seal = text[: NAMED.size], text[NAMED.size :]
    if len(named) < NAMED.size or not constant_time_compare(seal, _seal(named)):
        raise unknown
    row, until = NAMED.unpack(named)
    report = Report.objects.filter(pk=row, world=world_id).first() if time.time() <= until else None
    if report is None:
        raise unknown
    return report


@georeport("GET", "HEAD")
def exchange(request: HttpRequest, token: str, format: str) -> HttpResponse:
    in_world = keys.reading(request, arguments.query(request))
    report = redeem(token, in_world.pk)
    told = {"service_request_id": report.reference, "token": token}
    return respond(format, Answer("service_requests", "request", [told]))

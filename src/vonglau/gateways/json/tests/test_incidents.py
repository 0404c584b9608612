"""Incidents over the API: who sees which, in what order, and the steps of the state table."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from vonglau.core.audit_models import Note
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Incident
from vonglau.core.tests import factories
from vonglau.gateways.json.tests.conftest import Ask

Account = Callable[..., Client]

WRITE = "incidents:write,read"


def incident(**more: Any) -> Incident:
    return factories.incident(**{"world": "drill-1", **more})


def refs(answer: Any) -> list[str]:
    return [one["ref"] for one in answer.json()["items"]]


def take(found: Incident, step: str, **details: Any) -> Incident:
    return desk.take(found.world, found.ref, step, factories.SUPERVISOR, Details(**details))


def test_the_queue_is_in_order_of_what_is_due(ask: Ask) -> None:
    late = incident(at=factories.MONDAY - timedelta(days=5))
    fresh = incident()
    older = incident(at=factories.MONDAY - timedelta(hours=2))
    done = incident()
    take(done, "refuse", outcome="unfounded", why="không có", reason="not_found")
    answer = ask("GET", "/api/incidents")
    assert refs(answer) == [late.ref, older.ref, fresh.ref, done.ref]
    assert [one["overdue"] for one in answer.json()["items"]] == [True, False, False, False]
    assert refs(ask("GET", "/api/incidents", overdue="true")) == [late.ref]
    assert refs(ask("GET", "/api/incidents", order="received")) == [done.ref, fresh.ref, older.ref, late.ref]
    assert refs(ask("GET", "/api/incidents", state="refused,assigned")) == [done.ref]
    assert len(refs(ask("GET", "/api/incidents", state="open"))) == 3
    assert refs(ask("GET", "/api/incidents", q=late.ref[3:])) == [late.ref]


def test_pages_hold_everything_once_whatever_their_size(ask: Ask) -> None:
    for number in range(7):
        found = incident(at=factories.MONDAY - timedelta(hours=number % 3))
        if number % 3 == 0:
            take(found, "refuse", outcome="unfounded", why="x", reason="not_found")
    for order in ("due", "received"):
        whole = refs(ask("GET", "/api/incidents", order=order))
        for size in (1, 2, 3, 7, 100):
            seen, after = [], None
            while True:
                query = {"limit": size, "order": order, **({"after": after} if after else {})}
                answer = ask("GET", "/api/incidents", **query)
                seen += refs(answer)
                after = answer.json()["next"]
                if after is None:
                    break
            assert seen == whole, (order, size)


def test_worlds_never_mix(ask: Ask) -> None:
    mine, other = incident(), factories.incident(world="live")
    assert refs(ask("GET", "/api/incidents")) == [mine.ref]
    assert refs(ask("GET", "/api/incidents", in_world="live")) == [other.ref]
    assert ask("GET", "/api/incidents", world="live").status_code == 403
    assert ask("GET", "/api/incidents", world="drill-1").status_code == 200
    alone = incident()
    assert ask("GET", f"/api/incidents/{alone.ref}", in_world="live").status_code == 404


def test_people_read_the_world_they_name(ask: Ask, account: Account) -> None:
    live = factories.incident(world="live")
    client = account("leader")
    assert refs(ask("GET", "/api/incidents", client=client)) == []
    assert refs(ask("GET", "/api/incidents", client=client, world="live")) == [live.ref]
    assert ask("GET", "/api/incidents", client=client, world="nowhere").status_code == 404


def test_an_agency_sees_what_is_in_its_hands(ask: Ask, account: Account) -> None:
    agency = factories.agency()
    theirs, other = incident(), incident()
    take(theirs, "verify")
    take(theirs, "assign", agency=agency.code)
    client = account("agency", agency=agency)
    assert refs(ask("GET", "/api/incidents", client=client)) == [theirs.ref]
    assert ask("GET", f"/api/incidents/{other.ref}", client=client).status_code == 404
    told = ask("GET", f"/api/incidents/{theirs.ref}", client=client).json()
    assert "start" in told["steps"]
    assert "verify" not in told["steps"]
    assert refs(ask("GET", "/api/incidents", client=account("agency"))) == []


def test_a_token_needs_the_scope(ask: Ask) -> None:
    found = incident()
    assert ask("GET", "/api/incidents", scopes="events:write").status_code == 403
    assert ask("GET", f"/api/incidents/{found.ref}", scopes="reports:write").status_code == 404
    answer = ask("POST", f"/api/incidents/{found.ref}/steps", {"step": "verify"}, scopes="read")
    assert answer.status_code == 403


def test_one_incident_tells_its_whole_story(ask: Ask) -> None:
    agency = factories.agency()
    found = incident()
    take(found, "verify", why="Đã gọi lại <b>người dân</b>")
    take(found, "assign", agency=agency.code)
    take(found, "pause", why="chờ ảnh")
    told = ask("GET", f"/api/incidents/{found.ref}").json()
    assert [one["step"] for one in told["timeline"]] == ["receive", "verify", "assign", "pause"]
    assert told["timeline"][1]["why"] == "Đã gọi lại <b>người dân</b>"
    assert [clock["state"] for clock in told["clocks"]] == ["met", "paused"]
    assert told["agency"] == {"code": agency.code, "name_vi": agency.name_vi, "name_en": agency.name_en}
    assert told["received_at"].endswith("Z")
    assert told["steps"] == []
    Note.objects.all().delete()
    told = ask("GET", f"/api/incidents/{found.ref}").json()
    assert (told["timeline"][1]["why"], told["timeline"][1]["erased"]) == (None, True)


def test_from_received_to_closed_over_the_api(ask: Ask, account: Account) -> None:
    agency = factories.agency()
    found = incident()
    path = f"/api/incidents/{found.ref}/steps"
    version = 1
    for step, more in (
        ("verify", {}),
        ("level", {"level": "urgent", "why": "nguy hiểm"}),
        ("assign", {"agency": agency.code}),
        ("start", {}),
        ("resolve", {"outcome": "planned", "planned_for": "2026-12-31", "why": "theo kế hoạch"}),
    ):
        answer = ask("POST", path, {"step": step, "version": version, **more}, scopes=WRITE)
        assert answer.status_code == 200, answer.content
        version = answer.json()["version"]
    closed = ask("POST", path, {"step": "close"}, client=account("supervisor")).json()
    assert (closed["state"], closed["outcome"], closed["planned_for"]) == ("closed", "planned", "2026-12-31")
    assert [clock["state"] for clock in closed["clocks"]] == ["met", "met"]


def test_a_step_sent_twice_with_its_version_is_made_once(ask: Ask) -> None:
    found = incident()
    path, body = f"/api/incidents/{found.ref}/steps", {"step": "note", "why": "x", "version": 1}
    assert ask("POST", path, body, scopes=WRITE).status_code == 200
    again = ask("POST", path, body, scopes=WRITE)
    assert again.status_code == 409
    assert again.json()["type"].endswith("#conflict")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"step": "close"}, 409, None),
        ({"step": "fly"}, 400, "/step"),
        ({"step": "refuse", "why": "x"}, 400, "/outcome"),
        ({"step": "refuse", "why": "x", "outcome": "fixed"}, 400, "/outcome"),
        ({"step": "refuse", "why": "x", "outcome": "unfounded"}, 400, "/reason"),
        ({"step": "refuse", "why": "x", "outcome": "redirected", "reason": "complaint"}, 400, "/target"),
        ({"step": "merge", "keeper": "SV-0000-0000"}, 404, None),
        ({}, 422, "/step"),
        ({"step": 7}, 422, "/step"),
        ({"step": "note", "why": "x" * 5000}, 422, "/why"),
        ({"step": "resolve", "planned_for": "soon"}, 422, "/planned_for"),
        ("{", 400, None),
        (b"\xff\xfe", 400, None),
        ([], 422, None),
    ],
)
def test_a_step_that_cannot_be_made_says_why(ask: Ask, body: Any, status: int, pointer: str | None) -> None:
    found = incident()
    answer = ask("POST", f"/api/incidents/{found.ref}/steps", body, scopes=WRITE)
    assert answer.status_code == status, answer.content
    if pointer is not None:
        assert answer.json()["pointer"] == pointer
    found.refresh_from_db()
    assert found.version == 1


def test_a_browser_needs_the_csrf_token_to_write(ask: Ask, account: Account) -> None:
    found = incident()
    client = account("operator", csrf=True)
    path = f"/api/incidents/{found.ref}/steps"
    assert ask("GET", f"/api/incidents/{found.ref}", client=client).status_code == 200
    assert ask("POST", path, {"step": "verify"}, client=client).status_code == 403
    client.cookies["csrftoken"] = "a" * 32
    assert ask("POST", path, {"step": "verify"}, client=client, headers={"X-CSRFToken": "a" * 32}).status_code == 200


def test_nobody_is_401_and_a_wrong_token_beats_a_good_session(ask: Ask, account: Account) -> None:
    for headers in ({}, {"Authorization": "Bearer vl_x"}, {"Authorization": "Basic eA=="}):
        answer = ask("GET", "/api/incidents", client=Client(), headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
    answer = ask("GET", "/api/incidents", client=account("operator"), headers={"Authorization": "Bearer vl_x"})
    assert answer.status_code == 401
    assert ask("POST", "/api/incidents/x/steps", {"step": "verify"}, client=Client()).status_code == 401


def test_a_photo_is_attached_over_the_api(ask: Ask) -> None:
    found = incident()
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    path = f"/api/incidents/{found.ref}/evidence"
    body, kind = multipart(out.getvalue())
    answer = ask("POST", path, body, scopes=WRITE, content_type=kind)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["width"], answer.json()["caption"]) == (40, "Ảnh sau")
    assert ask("POST", path, body, scopes=WRITE, content_type=kind).json()["sha256"] == answer.json()["sha256"]
    assert len(ask("GET", f"/api/incidents/{found.ref}").json()["evidence"]) == 1
    bad, kind = multipart(b"no photo")
    assert ask("POST", path, bad, scopes=WRITE, content_type=kind).json()["pointer"] == "/photo"
    assert ask("POST", path, b"--x--", scopes=WRITE, content_type="multipart/form-data; boundary=x").status_code == 422
    assert ask("POST", path, body, scopes="read", content_type=kind).status_code == 403


def test_fixed_is_shown_over_the_api_too(ask: Ask) -> None:
    found = incident()
    agency = factories.agency()
    for name, more in (("verify", {}), ("assign", {"agency": agency.code}), ("start", {})):
        take(found, name, **more)
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    steps, path = f"/api/incidents/{found.ref}/steps", f"/api/incidents/{found.ref}/evidence"
    fixed = {"step": "resolve", "outcome": "fixed", "why": "đã thay bóng"}
    bare = ask("POST", steps, fixed, scopes=WRITE)
    assert (bare.status_code, bare.json()["pointer"], bare.json()["reason"]) == (400, "/photo", "proof")
    half, kind = multipart(out.getvalue(), lon="108.22")
    assert ask("POST", path, half, scopes=WRITE, content_type=kind).json()["pointer"] == "/lat"
    body, kind = multipart(out.getvalue(), place="Trước số 12")
    assert ask("POST", path, body, scopes=WRITE, content_type=kind).json()["place"] == "Trước số 12"
    assert ask("POST", steps, fixed, scopes=WRITE).json()["outcome"] == "fixed"


def multipart(photo: bytes, **more: str) -> tuple[bytes, str]:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    upload = SimpleUploadedFile("a.png", photo, "image/png")
    return encode_multipart(BOUNDARY, {"photo": upload, "caption": "Ảnh sau", **more}), MULTIPART_CONTENT

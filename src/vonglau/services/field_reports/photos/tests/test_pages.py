"""The desk of photos without a script: numbers decide; others see nothing; the public's picture is there only after both decisions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from vonglau.core import audit
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import PhotoReview
from vonglau.services.field_reports.photos import reviews, views
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent

REPORTER = Actor("token:app", "reporter", world="live")
SignIn = Callable[[str], Client]


@pytest.fixture
def review(db: None, settings: Any, tmp_path: Path) -> PhotoReview:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_DOOR = ""
    cache.clear()
    factories.live()

    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(makers.jpeg())]))

    intake.receive(intake.Submission(world="live", category="street_light", source="open311"), REPORTER, attach)
    return PhotoReview.objects.select_related("report__incident").get()


@pytest.fixture
def sign_in(db: None) -> SignIn:
    def client(role: str) -> Client:
        found = Client(raise_request_exception=False)
        found.force_login(User.objects.create(username=f"{role}.one", role=role))
        session = found.session
        session["world"] = "live"
        session.save()
        return found

    return client


def test_numbers_alone_mask_a_photo_and_publish_it(review: PhotoReview, sign_in: SignIn) -> None:
    staff, page = sign_in("operator"), f"/field_reports/photos/review/{review.pk}/"
    assert review.report.reference in staff.get("/field_reports/photos/review/").content.decode()
    assert 'name="x"' in staff.get(page).content.decode()
    assert staff.get(f"{page}picture").headers["Cache-Control"] == "private, no-store"
    bad = staff.post(page, {"x": ["5", ""], "y": ["a", ""], "w": ["9", ""], "h": ["9", ""], "state": "masked"})
    assert bad.status_code == 422
    assert 'value="a"' in bad.content.decode()
    assert staff.post(page, {"state": "masked"}).status_code == 422
    assert staff.post(page, {"state": "published"}).status_code == 422
    done = staff.post(page, {"x": ["10", ""], "y": ["10", ""], "w": ["90", ""], "h": ["90", ""], "state": "masked"})
    assert (done.status_code, done.headers["Location"]) == (302, "/field_reports/photos/review/")
    decided = PhotoReview.objects.select_related("report").get()
    assert (decided.state, decided.boxes, decided.by) == ("masked", [[10, 10, 90, 90]], "operator.one")
    anybody = Client(raise_request_exception=False)
    assert anybody.get(views.address(decided)).status_code == 404  # the desk has not verified the report yet
    desk.take("live", review.report.incident.ref, "verify", factories.OPERATOR, version=review.report.incident.version)
    for small in (False, True):
        shown = anybody.get(views.address(decided, thumb=small))
        assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
        assert "sandbox" in shown.headers["Content-Security-Policy"]
    staff.post(page, {"state": "withheld"})
    assert anybody.get(views.address(decided)).status_code == 404


def test_looking_is_written_down_once(review: PhotoReview, sign_in: SignIn) -> None:
    staff = sign_in("supervisor")
    for _again in range(2):
        staff.get(f"/field_reports/photos/review/{review.pk}/")
        saved = staff.post(f"/field_reports/photos/review/{review.pk}/original")
    assert b"SecretComment" in saved.content
    assert saved.headers["Content-Disposition"].startswith("attachment")
    looks = [body["what"] for _row, body in audit.rows(review.report.incident.stream) if body["step"] == "look"]
    assert looks == ["photo", "original"]


@pytest.mark.parametrize("role", ["leader", "agency", "administrator", ""])
def test_others_see_no_unmasked_photo(review: PhotoReview, sign_in: SignIn, role: str) -> None:
    other = sign_in(role) if role else Client(raise_request_exception=False)
    for path in ("", f"{review.pk}/", f"{review.pk}/picture"):
        assert other.get(f"/field_reports/photos/review/{path}").status_code == (403 if role else 302)
    assert other.post(f"/field_reports/photos/review/{review.pk}/", {"state": "passed"}).status_code == (
        403 if role else 302
    )
    assert PhotoReview.objects.get().state == "waiting"

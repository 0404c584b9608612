"""What staff get of a report on its incident's page: covered until it is asked for, open to who has asked, and never to who may not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from vonglau.core import audit
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.models import Agency, User
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.kit import tokens
from vonglau.services.field_reports import intake, replies
from vonglau.services.field_reports.models import PhotoReview, Report
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.photos.boxes import Box
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent

REPORTER = Actor("token:app", "reporter", world="live")
WORDS = "Đèn trước nhà tôi tắt <b>hẳn</b>, gọi 0905 123 456"
SECRETS = ("0905 123 456", "Trần Thị Mơ", "mo@example.invalid", "12 Lê Lợi", "kiệt 5")
HTMX = {"HX-Request": "true"}
SignIn = Callable[..., Client]


@pytest.fixture
def report(db: None, settings: Any, tmp_path: Path) -> Report:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_DOOR = ""
    cache.clear()
    factories.live()
    personal = intake.Personal(
        description=WORDS,
        contact_name="Trần Thị Mơ",
        email="mo@example.invalid",
        phone="0905123456",
        address="12 Lê Lợi",
        attributes={"where": "kiệt 5"},
    )

    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(makers.jpeg())]))

    submission = intake.Submission(world="live", category="street_light", source="open311", personal=personal)
    return intake.receive(submission, REPORTER, attach)


@pytest.fixture
def sign_in(db: None) -> SignIn:
    def client(role: str, agency: Agency | None = None) -> Client:
        found = Client(raise_request_exception=False)
        name = f"{role}.{agency.code if agency else 'one'}"
        user = User.objects.filter(username=name).first()
        found.force_login(user or User.objects.create(username=name, role=role, agency=agency))
        session = found.session
        session["world"] = "live"
        session.save()
        return found

    return client


def looks(report: Report) -> list[tuple[str, str]]:
    return [(body["who"], body["what"]) for _row, body in audit.rows(report.incident.stream) if body["step"] == "look"]


def page(client: Client, report: Report) -> str:
    answer = client.get(f"/desk/{report.incident.ref}/")
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.content.decode())


def ask(client: Client, report: Report, what: str) -> Any:
    return client.post(f"/field_reports/desk/{report.reference}/look/{what}", headers=HTMX)


def test_everything_is_covered_until_it_is_asked_for(report: Report, sign_in: SignIn) -> None:
    operator = sign_in("operator")
    shown = page(operator, report)
    assert "gọi [•••]" in shown
    assert "&lt;b&gt;hẳn" in shown
    assert not [secret for secret in SECRETS if secret in shown]
    review = PhotoReview.objects.get()
    assert operator.get(f"/field_reports/desk/photos/{review.pk}").status_code == 403
    assert operator.get(f"/desk/{report.incident.ref}/photos/{review.evidence_id}").status_code == 404
    assert f"/photos/{review.evidence_id}" not in shown
    assert looks(report) == []


def test_words_and_photos_stay_open_for_who_asked_and_each_first_look_is_written_down(
    report: Report, sign_in: SignIn
) -> None:
    operator, review = sign_in("operator"), PhotoReview.objects.get()
    for _again in range(2):
        assert "0905 123 456</mark>" in ask(operator, report, "words").content.decode()
        ask(operator, report, "photos")
    shown = page(operator, report)
    assert "0905 123 456</mark>" in shown
    assert "kiệt 5" in shown
    assert "Trần Thị Mơ" not in shown
    assert operator.get(f"/field_reports/desk/photos/{review.pk}?small").status_code == 200
    assert operator.get(f"/desk/{report.incident.ref}/photos/{review.evidence_id}").status_code == 200
    assert looks(report) == [("operator.one", "words"), ("operator.one", "photo")]
    assert "Xem thông tin cá nhân" in shown  # the timeline says so
    other = page(sign_in("supervisor"), report)
    assert "0905 123 456" not in other


def test_contacts_are_covered_again_on_the_next_page(report: Report, sign_in: SignIn) -> None:
    operator = sign_in("operator")
    asked = ask(operator, report, "contacts").content.decode()
    assert [one in asked for one in ("Trần Thị Mơ", "0905123456", "mo@example.invalid", "12 Lê Lợi")] == [True] * 4
    assert "Trần Thị Mơ" not in page(operator, report)
    plain = operator.post(f"/field_reports/desk/{report.reference}/look/contacts")  # no script
    assert "Trần Thị Mơ" in plain.content.decode()
    assert report.incident.ref in plain.content.decode()
    assert looks(report) == [("operator.one", "contacts")]
    assert operator.get(f"/field_reports/desk/{report.reference}/look/contacts").status_code == 405
    assert operator.post(f"/field_reports/desk/{report.reference}/look/all").status_code == 404


LATER = "Nay gọi 0912 345 678, xe 43A-123.45, thư b@example.invalid"
LATER_SECRETS = ("0912 345 678", "43A-123.45", "b@example.invalid")


def add(report: Report, words: str = LATER, identity: str = "1") -> None:
    said = replies.Reply(identity=identity, words=words, written_at=world("live").now())
    replies.receive(report, said, Actor(report.sent_by, "reporter"))


def test_what_was_written_later_stands_covered_for_every_reader_and_opens_on_record(
    report: Report, sign_in: SignIn
) -> None:
    add(report)
    secret, _made = tokens.mint("reader", ["read"], "live")
    path = f"/api/incidents/{report.incident.ref}"
    for role in ("operator", "leader"):
        client = sign_in(role)
        for shown in (page(client, report), client.get(path).content.decode()):
            assert "Nay gọi [•••]" in shown, role
            assert not [one for one in LATER_SECRETS if one in shown], role
    shown = Client().get(path, headers={"Authorization": f"Bearer {secret}"}).content.decode()
    assert "Nay gọi [•••]" in shown
    assert not [one for one in LATER_SECRETS if one in shown]
    assert ask(sign_in("leader"), report, "later").status_code == 403
    assert "look/later" not in page(sign_in("leader"), report)
    operator = sign_in("operator")
    for _again in range(2):
        assert [f"{one}</mark>" in ask(operator, report, "later").content.decode() for one in LATER_SECRETS] == [
            True
        ] * 3
    assert looks(report) == [("operator.one", "later")]
    assert "lời viết thêm" in page(operator, report)
    assert "0912 345 678" not in page(sign_in("supervisor"), report)
    add(report, "Nữa: 0987 654 321", "2")
    assert "0987 654 321" not in page(operator, report), "it came after the look"
    assert "0987 654 321" in ask(operator, report, "later").content.decode()
    assert looks(report) == [("operator.one", "later")] * 2


def test_what_came_to_a_keeper_opens_there_and_at_the_report_that_was_merged(report: Report, sign_in: SignIn) -> None:
    submission = intake.Submission(world="live", category="street_light", source="open311")
    keeper = intake.receive(submission, REPORTER)
    desk.take("live", report.incident.ref, "merge", factories.OPERATOR, desk.Details(keeper=keeper.incident.ref))
    report.refresh_from_db()
    add(report)
    operator = sign_in("operator")
    assert "Nay gọi [•••]" in page(operator, report)
    assert "0912 345 678" in ask(operator, report, "later").content.decode()
    assert (looks(report), looks(keeper)) == ([], [("operator.one", "later")])
    assert "0912 345 678" in page(operator, keeper)
    assert "0912 345 678" not in page(sign_in("leader"), keeper)


@pytest.mark.parametrize("role", ["leader", "administrator", "agency"])
def test_who_does_not_work_on_it_gets_the_public_form_or_nothing(report: Report, sign_in: SignIn, role: str) -> None:
    other = sign_in(role, factories.agency("so-khac") if role == "agency" else None)
    shown = other.get(f"/desk/{report.incident.ref}/").content.decode()
    assert not [secret for secret in SECRETS if secret in shown]
    assert "look/" not in shown
    for what in ("words", "photos", "contacts"):
        assert ask(other, report, what).status_code == (404 if role == "agency" else 403)
    assert looks(report) == []


def test_the_agency_that_has_it_in_hand_may_ask(report: Report, sign_in: SignIn) -> None:
    agency = factories.agency()
    for step, details in (("verify", desk.Details()), ("assign", desk.Details(agency=agency.code))):
        desk.take("live", report.incident.ref, step, factories.OPERATOR, details)
    worker = sign_in("agency", agency)
    assert "look/contacts" in page(worker, report)
    assert "0905123456" in ask(worker, report, "contacts").content.decode()


def test_a_masked_photo_stands_covered_on_every_page_and_opens_when_asked(report: Report, sign_in: SignIn) -> None:
    review = PhotoReview.objects.select_related("evidence", "report__incident").get()
    reviews.decide(review, factories.OPERATOR, reviews.MASKED, [Box(0, 0, 80, 60)])
    operator = sign_in("supervisor")
    path = f"/field_reports/desk/photos/{review.pk}"
    assert path in page(operator, report)
    covered = operator.get(path).content
    ask(operator, report, "photos")
    assert operator.get(path).content != covered


def test_a_photo_that_an_adapter_sent_is_covered_at_once(report: Report, sign_in: SignIn) -> None:
    secret, _made = tokens.mint("adapter", ["incidents:write"], "live")
    body = {"photo": SimpleUploadedFile("a.jpg", makers.jpeg(makers.scene(90, 60)), "image/jpeg")}
    path, bearer = f"/api/incidents/{report.incident.ref}/evidence", {"Authorization": f"Bearer {secret}"}
    sent = Client().post(path, body, headers=bearer)
    assert sent.status_code == 201, sent.content
    evidence = Evidence.objects.get(by="token:adapter")
    for role in ("leader", "operator"):
        for name in ("photo", "thumbnail"):
            found = sign_in(role).get(reverse(f"centre:{name}", args=[report.incident.ref, evidence.pk]))
            assert found.status_code == 404, role
    operator = sign_in("operator")
    ask(operator, report, "photos")
    assert operator.get(reverse("centre:photo", args=[report.incident.ref, evidence.pk])).status_code == 200
    assert looks(report) == [("operator.one", "photo")] * 2


def test_what_was_erased_says_so(report: Report, sign_in: SignIn) -> None:
    operator = sign_in("operator")
    ask(operator, report, "words")
    intake.erase(report, factories.OPERATOR, "request")
    shown = page(operator, report)
    assert "0905" not in shown
    assert "đã được xoá" in shown
    assert "look/words" not in shown
    assert ask(operator, report, "words").status_code == 200

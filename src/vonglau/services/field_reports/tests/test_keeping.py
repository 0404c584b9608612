"""What ends by itself, what a person may ask for, and that a restored backup does not bring back what was erased."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from vonglau.core import audit
from vonglau.core.audit_models import AuditRow
from vonglau.core.errors import BadInput
from vonglau.core.incidents import files
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake, keeping, subjects
from vonglau.services.field_reports.models import Content, Original, PhotoReview, Report
from vonglau.services.field_reports.photos import originals, reviews
from vonglau.services.field_reports.photos.boxes import Box
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent

REPORTER = Actor("token:app", "reporter", world="live")
CLERK = Actor("clerk", "administrator")
WORDS = "Đèn tắt, gọi 0905 123 456"
SENT = makers.jpeg()


def sent(phone: str = "0905 123 456", email: str = "nam@example.vn", picture: bytes = SENT) -> Report:
    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(picture)]))

    personal = intake.Personal(description=WORDS, contact_name="Nam", phone=phone, email=email)
    submission = intake.Submission(
        world="live", category="street_light", personal=personal, source="open311", at=factories.MONDAY
    )
    return intake.receive(submission, REPORTER, attach)


@pytest.fixture(autouse=True)
def city(db: None, settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()


@pytest.fixture
def ended(django_capture_on_commit_callbacks: Any) -> Report:
    """A report that was closed on the Monday, its photo masked."""
    report = sent()
    reviews.decide(PhotoReview.objects.get(), factories.OPERATOR, "masked", [Box(0, 0, 90, 90)])
    Incident.objects.filter(pk=report.incident_id).update(state="closed", closed_at=factories.MONDAY)
    return report


# ---------------------------------------------------------------------------------------------- by itself


def test_each_kind_goes_after_its_own_time_and_the_rest_stays(
    ended: Report, django_capture_on_commit_callbacks: Any
) -> None:
    periods = {kind: keep for kind, (keep, _rule) in keeping.days(factories.MONDAY.date()).items()}
    assert set(periods) == set(keeping.KINDS)
    assert keeping.run(factories.MONDAY + timedelta(days=periods["contacts"])) == {}
    with django_capture_on_commit_callbacks(execute=True):
        gone = keeping.run(factories.MONDAY + timedelta(days=periods["contacts"], seconds=1))
    assert gone == {"contacts": 1, "originals": 1}
    kept = Content.objects.get()
    assert (kept.phone, kept.email_digest, kept.contact_name, kept.description) == ("", "", "", WORDS)
    assert not Original.objects.exists()
    evidence = Evidence.objects.get()
    assert files.path_of(evidence.sha256).exists()
    later = factories.MONDAY + timedelta(days=periods["words"], seconds=1)
    with django_capture_on_commit_callbacks(execute=True):
        assert keeping.run(later) == {"words": 1, "photos": 1}
    kept, review = Content.objects.get(), PhotoReview.objects.get()
    assert (kept.description, kept.public_words) == ("", "Đèn tắt, gọi [•••]")
    assert not files.path_of(evidence.sha256).exists()
    with reviews.open_public(review) as file:
        assert file.read()
    assert keeping.run(later) == {}
    grounds = [body["what"] for _row, body in audit.rows(ended.incident.stream) if body["step"] == "erase"]
    assert sorted(grounds) == ["contacts", "originals", "photos", "words"]
    assert list(audit.verify_streams()) == []


def test_nothing_goes_while_the_work_goes_on(django_capture_on_commit_callbacks: Any) -> None:
    sent()
    assert keeping.run(factories.MONDAY + timedelta(days=36_500)) == {}


def test_a_merged_report_waits_for_the_one_it_was_merged_into(ended: Report) -> None:
    other = sent(picture=makers.jpeg(makers.scene(64, 48)))
    Incident.objects.filter(pk=other.incident_id).update(
        state="merged", keeper=ended.incident_id, closed_at=factories.MONDAY - timedelta(days=999)
    )
    Incident.objects.filter(pk=ended.incident_id).update(state="in_progress", closed_at=None)
    later = factories.MONDAY + timedelta(days=200)
    assert keeping.run(later) == {}
    Incident.objects.filter(pk=ended.incident_id).update(state="closed", closed_at=factories.MONDAY)
    assert keeping.run(later) == {"contacts": 2, "originals": 2}


# ---------------------------------------------------------------------------------------------- at a person's request


@pytest.mark.parametrize(
    "who",
    [{"phone": "+84 905123456"}, {"email": "NAM@example.vn"}, {"reference": "pa-2611-0001"}],
    ids=lambda who: next(iter(who)),
)
def test_a_person_gets_all_that_is_kept_of_them_and_nothing_of_others(who: dict[str, str], tmp_path: Path) -> None:
    mine = sent()
    sent("0905999999", "khac@example.vn", makers.jpeg(makers.scene(64, 48)))
    found = subjects.find(**who)
    assert [one.pk for one in found] == [mine.pk]
    told = subjects.export(found, tmp_path / "out", CLERK)
    assert (told["reports"], told["photos"]) == (1, 1)
    (body,) = json.loads((tmp_path / "out" / "reports.json").read_text())["reports"]
    assert (body["words"], body["contacts"]["phone"]) == (WORDS, "0905 123 456")
    assert (tmp_path / "out" / body["photos"][0]["file"]).read_bytes() == SENT
    assert "0905999999" not in (tmp_path / "out" / "reports.json").read_text()
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
    steps = [(body["step"], body["who"]) for _row, body in audit.rows(mine.incident.stream)]
    assert steps[-1] == ("export", "clerk")
    with pytest.raises(BadInput):
        subjects.export(found, tmp_path / "out", CLERK)


@pytest.mark.parametrize("who", [{}, {"phone": "không"}, {"reference": " "}])
def test_whose_must_be_said(who: dict[str, str]) -> None:
    sent()
    with pytest.raises(BadInput):
        subjects.find(**who)


def test_what_is_erased_is_gone_everywhere_and_the_chain_stays_whole(
    ended: Report, django_capture_on_commit_callbacks: Any, tmp_path: Path
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert subjects.erase(subjects.find(phone="0905123456"), CLERK) == [ended.reference]
    assert not Content.objects.exists()
    assert not Original.objects.exists()
    left = [path for folder in ("files", originals.FOLDER) for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert left == []
    assert Evidence.objects.get().erased_at is not None
    assert list(audit.verify_streams()) == []
    assert subjects.find(phone="0905123456") == []
    (note,) = (tmp_path / subjects.FOLDER).iterdir()
    assert set(json.loads(note.read_text())) == {"world", "reference", "at"}
    for row in AuditRow.objects.all():
        assert b"0905" not in bytes(row.body)


def test_a_photo_that_another_report_shows_too_stays_for_that_one(django_capture_on_commit_callbacks: Any) -> None:
    mine, other = sent(), sent("0905999999", "khac@example.vn")
    with django_capture_on_commit_callbacks(execute=True):
        subjects.erase([mine], CLERK)
    with files.open_file(other.incident.evidence.get()) as file:
        assert file.read()
    assert originals.unseal(Original.objects.get(report=other)) == SENT


def test_a_restored_backup_forgets_again_what_had_been_erased(
    django_capture_on_commit_callbacks: Any, tmp_path: Path
) -> None:
    report = sent()
    notes = tmp_path / "notes"
    notes.mkdir()
    kept = subjects.note(report)
    (notes / kept.name).write_bytes(kept.read_bytes())  # the backup is of before: content and photos are there
    kept.unlink()
    with django_capture_on_commit_callbacks(execute=True):
        assert subjects.again(notes) == [report.reference]
        assert subjects.again(notes) == []
    assert not Content.objects.exists()
    assert not Original.objects.exists()
    assert kept.exists(), "the next backup must know of it too"
    assert subjects.again(tmp_path / "none") == []
    (notes / "x.json").write_text("{")
    with pytest.raises(BadInput):
        subjects.again(notes)

"""What is exported with personal data comes back equal into an empty installation; without it nothing personal is in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from vonglau.core import audit
from vonglau.core.errors import BadFile, BadInput, NotAllowed
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.moving import back, out
from vonglau.services.field_reports.moving.tables import LEFT_OUT, tables
from vonglau.services.field_reports.photos import originals, reviews
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent
from vonglau.services.field_reports.tests.test_sealed import PLANTED

ADMINISTRATOR = Actor("an", "administrator")
REPORTER = Actor("token:app", "reporter", world="live")
SECRETS = ("777", "Bi.Mat", "Bí Mật", "device-777")


@pytest.fixture
def city(db: None, settings: Any, tmp_path: Path) -> Path:
    """Two reports, one verified with a photo; both of somebody."""
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path / "a", tmp_path / "a" / "files"
    factories.live()

    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(makers.jpeg())]))

    first = intake.receive(
        intake.Submission(world="live", category="street_light", lon=108.2205, lat=16.0605, personal=PLANTED, source="open311", external_id="k1", at=factories.MONDAY),
        REPORTER, attach,
    )  # fmt: skip
    intake.receive(intake.Submission(world="live", category="waste", personal=PLANTED, source="web", at=factories.MONDAY), REPORTER)  # fmt: skip
    desk.take("live", first.incident.ref, "verify", Actor("binh", "operator"), desk.Details(why="Bí Mật 777"))
    return tmp_path


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row, opened, as Python has it."""
    return {
        table.name: [
            {field.attname: bytes(value) if isinstance(value := getattr(row, field.attname), memoryview) else value
             for field in table.model._meta.concrete_fields}
            for row in table.read("live")
        ]
        for table in tables("live")
    }  # fmt: skip


def empty() -> None:
    for table in reversed(tables("live")):
        table.model._default_manager.all().delete() if not table.name.startswith("core.incident") else None
    Evidence.objects.all().delete()
    Report.objects.all().delete()
    for table in reversed(tables("live")):
        table.model._default_manager.all().delete()


def test_it_comes_back_equal_with_its_chains_and_files(city: Path, settings: Any) -> None:
    before = everything()
    assert {name for name, rows in before.items() if rows} >= {
        "core.incident", "field_reports.report", "field_reports.content", "core.evidence", "field_reports.original",
        "field_reports.photoreview", "core.note", "core.auditrow", "core.audithead",
    }  # fmt: skip
    manifest = out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    assert manifest["rows"]["field_reports.report"] == 2
    empty()
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = city / "b", city / "b" / "files"
    back.bring_back(city / "out", ADMINISTRATOR)
    assert everything() == before
    assert list(audit.verify_streams()) == []
    photo = Evidence.objects.get()
    assert originals.unseal(photo.original) == makers.jpeg()
    assert (settings.MEDIA_ROOT / photo.sha256[:2] / photo.sha256).is_file()
    again = intake.receive(
        intake.Submission(world="live", category="waste", source="web", at=factories.MONDAY), REPORTER
    )
    assert again.pk > max(row["id"] for row in before["field_reports.report"])
    assert again.reference not in {row["reference"] for row in before["field_reports.report"]}
    steps = [body["step"] for _row, body in audit.rows(audit.INSTALLATION)]
    assert "import_reports" in steps


def test_without_the_flag_nothing_personal_is_in_it(city: Path) -> None:
    out.export(city / "out", "live", Actor("c", "operator"), personal=False)
    text = b"".join(path.read_bytes() for path in (city / "out").rglob("*") if path.is_file()).decode(
        "utf-8", "replace"
    )
    for secret in (*SECRETS, "binh", *Report.objects.values_list("token", flat=True)):
        assert secret not in text, secret
    assert "PA-" in text
    assert "Đèn tắt" in text, "the words of the verified one"
    assert (city / "out" / "field_reports.content.jsonl").read_text(encoding="utf-8").count("\n") == 1
    with pytest.raises(BadInput, match="without personal data"):
        back.bring_back(city / "out", ADMINISTRATOR)


def test_what_is_hidden_or_refused_is_for_nobody(city: Path) -> None:
    Report.objects.update(hidden_at=factories.MONDAY)
    manifest = out.export(city / "out", "live", Actor("c", "operator"), personal=False)
    assert manifest["rows"]["field_reports.report"] == manifest["rows"]["field_reports.content"] == 0


def test_of_a_denunciation_nobody_learns_that_there_was_one(city: Path) -> None:
    told = Report.objects.get(category="waste")
    desk.take(
        "live",
        told.incident.ref,
        "refuse",
        Actor("binh", "operator"),
        desk.Details(outcome="redirected", reason="denunciation", target="inspectorate", why="x"),
    )
    kept = Report.objects.get(category="street_light").incident
    Incident.objects.filter(pk=kept.pk).update(parent=told.incident)
    out.export(city / "out", "live", Actor("c", "operator"), personal=False)
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in (city / "out").rglob("*.json*"))
    assert kept.ref in text
    assert told.reference not in text
    assert told.incident.ref not in text
    [row] = [
        json.loads(line) for line in (city / "out" / "core.incident.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert row["parent_id"] is None


def test_only_an_administrator_takes_personal_data_and_it_is_written_down(city: Path) -> None:
    with pytest.raises(NotAllowed):
        out.export(city / "out", "live", Actor("binh", "operator"), personal=True)
    out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    [(_row, said)] = audit.rows(audit.INSTALLATION)
    assert (said["step"], said["who"], said["personal"]) == ("export_reports", "an", True)
    with pytest.raises(BadInput, match="not empty"):
        out.export(city / "out", "live", ADMINISTRATOR, personal=True)


def test_nobody_else_on_the_machine_opens_the_folder(city: Path) -> None:
    (city / "there").mkdir(mode=0o755)
    for name in ("new", "there"):
        out.export(city / name, "live", ADMINISTRATOR, personal=True)
        assert (city / name).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_changed_brings_nothing_back(city: Path) -> None:
    out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    with pytest.raises(BadInput, match="incidents already"):
        back.bring_back(city / "out", ADMINISTRATOR)
    empty()
    (city / "out" / "files" / "more").write_text("x")
    with pytest.raises(BadFile, match="not in the manifest"):
        back.bring_back(city / "out", ADMINISTRATOR)
    (city / "out" / "files" / "more").unlink()
    report = city / "out" / "field_reports.report.jsonl"
    report.write_text(report.read_text().replace("street_light", "waste"))
    with pytest.raises(BadFile, match="was changed"):
        back.bring_back(city / "out", ADMINISTRATOR)
    manifest = json.loads((city / "out" / "manifest.json").read_text())
    (city / "out" / "manifest.json").write_text(json.dumps({**manifest, "format": "other/9"}))
    with pytest.raises(BadFile, match="format"):
        back.bring_back(city / "out", ADMINISTRATOR)
    assert not Incident.objects.exists()


def test_every_table_of_the_service_is_exported() -> None:
    """A table that somebody adds must lead to a report, or be named: else an export would silently lack it."""
    named = {table.model for table in tables("live")}
    assert not [model for model in apps.get_app_config("field_reports").get_models() if model not in named | LEFT_OUT]

"""What is exported with personal data comes back equal into an empty installation; without it nothing personal is in it."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from vonglau.core import audit
from vonglau.core.errors import BadFile, BadInput, NotAllowed
from vonglau.core.incidents import desk, files
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.core.worlds import World
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import PublicReport, Report
from vonglau.services.field_reports.moving import back, left_out, out
from vonglau.services.field_reports.moving.tables import tables
from vonglau.services.field_reports.photos import originals, reviews
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent
from vonglau.services.field_reports.published import writing
from vonglau.services.field_reports.tests.test_sealed import PLANTED

ADMINISTRATOR = Actor("an", "administrator")
REPORTER = Actor("token:app", "reporter", world="live")
SECRETS = ("905.777", "Bi.Mat", "Bí Mật", "device-777", "trần.bình")
"""None can stand in a digest or a sealed text: each has a character that neither hexadecimal digits nor base64 know."""
OPERATOR = Actor("trần.bình", "operator")


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
    desk.take("live", first.incident.ref, "verify", OPERATOR, desk.Details(why="Bí Mật 905.777"))
    return tmp_path


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row, opened, as Python has it."""
    return {
        table.name: [
            {field.attname: bytes(value) if isinstance(value := getattr(row, field.attname), memoryview) else value
             for field in table.model._meta.concrete_fields}
            for row in table.read()
        ]
        for table in tables("live")
    }  # fmt: skip


def public_rows() -> list[dict[str, Any]]:
    return list(PublicReport.objects.order_by("pk").values())


def empty() -> None:
    Incident.objects.update(keeper=None, parent=None)
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
    for secret in (*SECRETS, *Report.objects.values_list("token", flat=True)):
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
        OPERATOR,
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
        out.export(city / "out", "live", OPERATOR, personal=True)
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


def test_a_report_comes_back_with_the_incident_of_another_service_that_it_was_merged_into(
    city: Path, settings: Any
) -> None:
    congestion = factories.incident(kind="congestion", service="traffic", title="Ùn tắc")
    factories.prove(congestion)
    beside = factories.incident(kind="congestion", service="traffic", title="Ùn tắc")
    lamp = Report.objects.get(category="street_light").incident
    desk.take(
        "live",
        Report.objects.get(category="waste").incident.ref,
        "merge",
        OPERATOR,
        desk.Details(keeper=congestion.ref),
    )
    desk.take("live", beside.ref, "merge", OPERATOR, desk.Details(keeper=lamp.ref))
    factories.incident(kind="flood", service="drainage", title="Ngập")
    before = everything()
    assert {row["ref"] for row in before["core.incident"]} == {
        *Report.objects.values_list("incident__ref", flat=True), congestion.ref,
    }  # fmt: skip
    manifest = out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    assert manifest["left_out"] == {left_out.MERGED: 1}
    shown = public_rows()
    empty()
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = city / "b", city / "b" / "files"
    back.bring_back(city / "out", ADMINISTRATOR)
    assert everything() == before
    assert public_rows() == shown
    assert list(audit.verify_streams()) == []
    assert list(writing.differences()) == []
    proof = Evidence.objects.get(incident__kind="congestion")
    assert files.path_of(proof.sha256).is_file()


def test_a_part_of_a_split_keeps_its_photos(city: Path) -> None:
    lamp = Report.objects.get(category="street_light").incident
    desk.take("live", lamp.ref, "split", OPERATOR, desk.Details(title="Phần hai"))
    photo = factories.prove(Incident.objects.get(parent=lamp), colour="navy")
    out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    assert (city / "out" / "files" / photo.sha256).is_file()


def test_what_leads_to_another_service_and_what_is_gone_is_left_out_and_counted(city: Path, settings: Any) -> None:
    """A part of another service's incident that keeps a report: the whole stays where it is."""
    whole = factories.incident(kind="congestion", service="traffic", title="Ùn tắc")
    part = factories.incident(kind="congestion", service="traffic", title="Ùn tắc")
    Incident.objects.filter(pk=part.pk).update(parent=whole)
    desk.take(
        "live", Report.objects.get(category="waste").incident.ref, "merge", OPERATOR, desk.Details(keeper=part.ref)
    )
    files.path_of(Evidence.objects.get().sha256).unlink()
    manifest = out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    assert manifest["left_out"] == {left_out.LINKED: 1, left_out.PICTURES: 1}
    empty()
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = city / "b", city / "b" / "files"
    back.bring_back(city / "out", ADMINISTRATOR)
    assert Incident.objects.get(ref=part.ref).parent is None


def test_numbers_for_anybody_tell_nothing_of_what_is_not_there(city: Path) -> None:
    """Neither a gap nor the last number of the month says that a report is hidden."""
    for _ in range(2):
        intake.receive(intake.Submission(world="live", category="waste", source="web", at=factories.MONDAY), REPORTER)
    lamp, *hidden, last = Report.objects.order_by("pk")
    Report.objects.filter(pk__in=[one.pk for one in hidden]).update(hidden_at=factories.MONDAY)
    manifest = out.export(city / "out", "live", OPERATOR, personal=False)
    assert "core.incidentcounter" not in manifest["rows"]
    assert manifest["left_out"] == {}

    def lines(table: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (city / "out" / f"{table}.jsonl").read_text().splitlines()]

    reports = lines("field_reports.report")
    assert [(row["id"], row["reference"]) for row in reports] == [(1, lamp.reference), (2, last.reference)]
    refs = {row["id"]: row["ref"] for row in lines("core.incident")}
    assert [refs[row["incident_id"]] for row in reports] == [lamp.incident.ref, last.incident.ref]
    assert [row["report_id"] for row in lines("field_reports.content")] == [1]


def forge(folder: Path, table: str, **changes: Any) -> None:
    """Whoever writes a folder writes its manifest too."""
    path = folder / f"{table}.jsonl"
    first, *more = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(first) | changes
    text = "\n".join([json.dumps({k: v for k, v in row.items() if v is not MISSING}), *more]) + "\n"
    path.write_text(text, encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


MISSING = object()
ELSEWHERE = "(another world's)"
FOREIGN = [
    ("field_reports.report", {"incident_id": ELSEWHERE}, "incident_id leads to a row that is not in this export"),
    ("core.evidence", {"incident_id": ELSEWHERE}, "incident_id leads"),
    ("core.evidence", {"incident_id": 999_999}, "incident_id leads"),
    ("field_reports.content", {"report_id": ELSEWHERE}, "report_id leads"),
    ("field_reports.photoreview", {"evidence_id": ELSEWHERE}, "evidence_id leads"),
    ("field_reports.original", {"evidence_id": ELSEWHERE}, "evidence_id leads"),
    ("core.incident", {"keeper_id": ELSEWHERE}, "keeper that is not in this export"),
    ("core.incident", {"parent_id": 999_999}, "parent that is not in this export"),
    ("core.incident", {"world": "other"}, "another world"),
    ("core.incident", {"world": MISSING}, "another world"),
    ("core.incident", {"kind": "congestion"}, "another service"),
    ("core.note", {"stream": ELSEWHERE}, "a stream of no incident"),
    ("core.auditrow", {"stream": ELSEWHERE}, "a stream of no incident"),
    ("core.auditrow", {"stream": "secrets"}, "a stream of no incident"),
    ("core.audithead", {"stream": "secrets"}, "a stream of no incident"),
]
SENSELESS = [
    ("core.incident", {"id": MISSING}),
    ("core.incident", {"id": 0}),
    ("core.incident", {"id": 1 << 62}),
    ("core.incident", {"id": "one"}),
    ("core.incident", {"agency": ["nobody", "2025-07-01"]}),
    ("core.incident", {"agency": 7}),
    ("core.incident", {"received_at": "yesterday"}),
    ("core.incident", {"received_at": None}),
    ("core.incident", {"rank": "high"}),
    ("core.incident", {"lon": float("nan")}),
    ("core.incident", {"state": "x" * 100}),
    ("core.incident", {"title": {"a": 1}}),
    ("core.incident", {"title": "\ud800"}),
    ("core.evidence", {"sha256": "../../secrets/vault.keys"}),
    ("core.evidence", {"media_type": "text/html"}),
    ("field_reports.original", {"name": "../vault.keys"}),
    ("field_reports.report", {"incident_id": MISSING}),
    ("core.auditrow", {"body": "no base64!"}),
    ("core.incidentcounter", {"nothing": 1}),
    ("agencies", {"valid_from": "never"}),
    ("agencies", {"code": MISSING}),
    ("agencies", {"units": [1]}),
]


@pytest.fixture
def exported(city: Path, settings: Any) -> Path:
    """A folder, and an installation that has another world of its own."""
    factories.agency()
    out.export(city / "out", "live", ADMINISTRATOR, personal=True)
    empty()
    factories.drill("drill-1")
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = city / "b", city / "b" / "files"
    return city / "out"


def theirs() -> dict[str, Any]:
    """What rows of the other world are called."""
    actor = Actor("token:app", "reporter", world="drill-1")
    told = intake.Submission(world="drill-1", category="waste", source="web", at=factories.MONDAY)
    report = intake.receive(told, actor)
    return {
        "incident_id": report.incident.pk,
        "keeper_id": report.incident.pk,
        "report_id": report.pk,
        "evidence_id": factories.prove(report.incident).pk,
        "stream": report.incident.stream,
    }


def refused(exported: Path, table: str, change: dict[str, Any]) -> str:
    """In which words a forged copy of a folder is."""
    copy = exported.parent / "copy"
    shutil.copytree(exported, copy)
    forge(copy, table, **change)
    with pytest.raises(BadFile) as told:
        back.bring_back(copy, ADMINISTRATOR)
    shutil.rmtree(copy)
    return told.value.message


def test_nothing_is_brought_in_that_hangs_on_what_was_not_brought(exported: Path) -> None:
    there = theirs()
    for table, change, words in FOREIGN:
        [(column, value)] = change.items()
        assert words in refused(exported, table, {column: there[column] if value == ELSEWHERE else value}), (
            table,
            change,
        )
    assert not Incident.objects.filter(world="live").exists()


def test_a_row_that_is_none_is_refused_in_words(exported: Path) -> None:
    for table, change in SENSELESS:
        assert f"{table}.jsonl, line" in refused(exported, table, change), (table, change)
    assert not Incident.objects.exists()


def test_reports_of_another_locality_are_refused(exported: Path) -> None:
    World.objects.filter(pk="live").update(locality="01")
    with pytest.raises(BadInput, match="--locality 48"):
        back.bring_back(exported, ADMINISTRATOR)


def test_a_folder_without_photos_may_have_lost_its_empty_folder(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    manifest["files"] = {name: one for name, one in manifest["files"].items() if not name.startswith("files/")}
    (exported / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(exported / "files")
    assert back.bring_back(exported, ADMINISTRATOR)["files"] == 0

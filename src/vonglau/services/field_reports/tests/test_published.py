"""The public table: what is in it, what never is, and that it is always exactly what it is derived from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vonglau.core.errors import VongLauError
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people.models import Agency
from vonglau.core.people.policy import SYSTEM, Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import hiding, intake, keeping, looking
from vonglau.services.field_reports.masking import ByHand, Span
from vonglau.services.field_reports.models import PhotoReview, PublicReport, Report
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.photos.boxes import Box
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent
from vonglau.services.field_reports.published import asking, writing

PHOTO = makers.jpeg(makers.scene(64, 48))
REPORTER = Actor("token:app", "reporter", world="live")
WORDS = "Đèn tắt, gọi 0905 123 456, xe 43A-123.45"
COVERED = "Đèn tắt, gọi [•••], xe [•••]"
PERSONAL = intake.Personal(
    description=WORDS,
    contact_name="Nguyễn Thị Bí Mật",
    email="bimat@example.vn",
    phone="0905123456",
    address="12 Bạch Đằng",
    media_url="https://example.vn/nha-toi.jpg",
    device_id="may-bi-mat",
    account_id="tai-khoan-bi-mat",
)


@pytest.fixture
def city(db: None, settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()


def sent(category: str = "street_light", *, photo: bool = False, lon: float = 108.22, lat: float = 16.06) -> Report:
    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(PHOTO)]))

    submission = intake.Submission(
        world="live", category=category, lon=lon, lat=lat, personal=PERSONAL, source="open311", at=factories.MONDAY
    )
    return intake.receive(submission, REPORTER, attach if photo else None)


def take(report: Report, step: str, **details: Any) -> Incident:
    return desk.take(
        "live", Report.objects.get(pk=report.pk).incident.ref, step, factories.SUPERVISOR, desk.Details(**details)
    )


def public(report: Report) -> PublicReport:
    return PublicReport.objects.get(pk=report.pk)


@pytest.fixture(autouse=True)
def _always_what_it_is_derived_from(city: None) -> Any:
    yield
    assert list(writing.differences()) == []


# ---------------------------------------------------------------------------------------------- what is shown


def test_a_new_report_is_a_point_without_words() -> None:
    row = public(sent())
    assert (row.category, row.state, row.running, row.words) == ("street_light", "received", True, "")
    assert (row.lon, row.lat, row.updated_at) == (108.22, 16.06, factories.MONDAY)


def test_words_come_covered_and_only_after_the_desk_has_looked() -> None:
    report = sent()
    take(report, "verify")
    row = public(report)
    assert (row.state, row.words) == ("verified", COVERED)
    assert "den tat" in row.plain


def test_words_go_again_when_the_report_is_refused_erased_or_covered_by_hand() -> None:
    covered, erased, refused = sent(), sent(), sent()
    for report in (covered, erased):
        take(report, "verify")
    looking.mask(covered, factories.OPERATOR, ByHand(added=(Span(0, len(WORDS)),)))
    assert public(covered).words == "[•••]"
    intake.erase(Report.objects.get(pk=erased.pk), factories.SUPERVISOR, "request")
    assert public(erased).words == ""
    take(refused, "refuse", outcome="unfounded", reason="not_found", why="Không thấy.")
    row = public(refused)
    assert (row.state, row.outcome, row.running, row.words) == ("refused", "unfounded", False, "")


@pytest.mark.parametrize("reason", ["complaint", "denunciation", "state_secret"])
def test_a_complaint_or_a_secret_was_never_there(reason: str) -> None:
    report = sent()
    take(report, "refuse", outcome="redirected", reason=reason, target="citizen_reception", why="Theo luật riêng.")
    assert not PublicReport.objects.filter(pk=report.pk).exists()


def test_what_a_person_hides_is_gone_and_comes_back() -> None:
    report = sent()
    hiding.decide(report, factories.OPERATOR, hidden=True, why="Nêu tên một người.")
    assert not PublicReport.objects.exists()
    take(report, "verify")
    assert not PublicReport.objects.exists()
    hiding.decide(report, factories.OPERATOR, hidden=False, why="Đã che.")
    assert public(report).words == COVERED


def test_what_was_merged_into_it_goes_with_it() -> None:
    keeper, merged = sent(), sent()
    take(merged, "merge", keeper=keeper.incident.ref)
    assert public(merged).keeper == keeper.reference
    take(keeper, "refuse", outcome="redirected", reason="complaint", target="citizen_reception", why="Theo luật riêng.")
    assert not PublicReport.objects.exists()


def test_a_merged_report_stands_where_its_keeper_stands() -> None:
    keeper, merged = sent(), sent()
    take(merged, "verify")
    take(merged, "merge", keeper=keeper.incident.ref)
    assert (public(keeper).joined, public(merged).joined) == (1, 0)
    assert (public(merged).merged, public(merged).keeper, public(merged).state) == (True, keeper.reference, "received")
    take(keeper, "verify")
    factories.agency()
    take(keeper, "assign", agency="xay-dung")
    row = public(merged)
    assert (row.state, row.words, row.agency_id) == ("assigned", COVERED, Agency.objects.get(code="xay-dung").pk)


def test_it_stands_where_an_incident_of_another_service_stands() -> None:
    alert = factories.incident(kind="congestion", service="traffic", origin="alert")
    report = sent()
    take(report, "merge", keeper=alert.ref)
    desk.take("live", alert.ref, "verify", factories.SUPERVISOR)
    row = public(report)
    assert (row.state, row.merged, row.keeper) == ("verified", True, "")


def test_photos_are_shown_when_a_person_has_decided() -> None:
    report = sent(photo=True)
    take(report, "verify")
    (review,) = PhotoReview.objects.all()
    assert public(report).photo is None
    for state, shown in (("masked", 1), ("withheld", 0), ("passed", 1)):
        reviews.decide(PhotoReview.objects.get(), factories.OPERATOR, state, [Box(10, 10, 20, 20)])
        assert public(report).photos == shown
        assert public(report).photo == (review.pk if shown else None)
    intake.erase(Report.objects.get(pk=report.pk), factories.SUPERVISOR, "request")
    assert public(report).photos == 0


def test_retention_changes_nothing_that_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    report = sent(photo=True)
    take(report, "refuse", outcome="unfounded", reason="not_found", why="Không thấy.")
    keeping.run(datetime.now(UTC) + timedelta(days=4000))
    assert public(report).state == "refused"


# ---------------------------------------------------------------------------------------------- anew


def test_the_first_row_is_what_it_is_derived_from_and_nothing_is_looked_up_for_it(city: None) -> None:
    sent()  # places and counters are made
    with CaptureQueriesContext(connection) as asked:
        sent()
    assert not list(writing.differences())
    assert len([one for one in asked.captured_queries if "SELECT" in one["sql"][:6]]) <= 9
    sent(photo=True)
    assert PublicReport.objects.count() == 3
    assert not list(writing.differences())


def test_filling_anew_mends_what_was_changed_by_hand() -> None:
    reports = [sent() for _n in range(5)]
    take(reports[0], "verify")
    take(reports[1], "refuse", outcome="redirected", reason="complaint", target="citizen_reception", why="Luật riêng.")
    PublicReport.objects.filter(pk=reports[0].pk).update(state="closed", words="0905 123 456")
    PublicReport.objects.filter(pk=reports[2].pk).delete()
    lie = public(reports[3])
    lie.pk, lie.reference, lie._state.adding = reports[1].pk, reports[1].reference, True
    lie.save()
    said = list(writing.differences())
    assert len(said) == 3
    assert "differs in state, words" in said[0]
    assert "is public, and must not be" in said[1]
    assert "is not public, and should be" in said[2]
    told: list[tuple[int, int]] = []
    assert writing.fill(lambda done, total: told.append((done, total))) == 4
    assert told == [(5, 5)]


def test_a_migration_fills_what_is_there() -> None:
    report = sent(photo=True)
    take(report, "verify")
    wanted = PublicReport.objects.values().get(pk=report.pk)
    PublicReport.objects.all().delete()

    class Past:
        """As a migration hands over its models."""

        @staticmethod
        def get_model(app_label: str, model_name: str) -> Any:
            return apps.get_model(app_label, model_name)

    assert writing.fill(models=Past()) == 1
    assert PublicReport.objects.values().get() == wanted


# ---------------------------------------------------------------------------------------------- boxes


@pytest.mark.parametrize("few", [0, 2_000])
def test_a_box_holds_what_lies_in_it(few: int) -> None:
    inside, edge, outside = sent(lon=108.21, lat=16.05), sent(lon=108.20, lat=16.06), sent(lon=108.25, lat=16.05)
    found, count = asking.reports("live", (108.20, 16.00, 108.24, 16.06), few)
    assert set(found) == {public(inside), public(edge)}
    assert count == (2 if few else None)
    assert outside.reference not in found.values_list("reference", flat=True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="how SQLite chooses an index")
def test_few_in_a_box_are_read_by_their_keys() -> None:
    sent(lon=108.21, lat=16.05)
    inside, _few = asking.reports("live", (108.20, 16.00, 108.24, 16.06))
    plan = asking.newest(inside.filter(merged=False))[:100].explain()
    assert "report_id=?" in plan, plan


# ---------------------------------------------------------------------------------------------- whatever people do

STEPS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(
        ("verify", "refuse", "secret", "merge", "assign", "start", "pause", "resume", "resolve", "close", "reopen",
         "level", "note", "mask", "pass", "cover", "withhold", "erase")
    ),
    st.integers(0, 2),
)  # fmt: skip


def _act(reports: list[Report], which: int, what: str, other: int) -> None:
    report = Report.objects.select_related("incident").get(pk=reports[which].pk)
    details: dict[str, dict[str, Any]] = {
        "refuse": {"outcome": "unfounded", "reason": "not_found", "why": "Không thấy."},
        "merge": {"keeper": reports[other].incident.ref},
        "assign": {"agency": "xay-dung"},
        "pause": {"why": "Hỏi thêm."},
        "resolve": {"outcome": "explained", "why": "Đã kiểm tra."},
        "reopen": {"why": "Chưa đạt."},
        "level": {"level": "urgent", "why": "Nguy hiểm."},
        "note": {"why": "Ghi."},
    }
    photos = {"pass": "passed", "cover": "masked", "withhold": "withheld"}
    if what == "secret":
        take(report, "refuse", outcome="redirected", reason="denunciation", target="inspectorate", why="Luật riêng.")
    elif what == "mask":
        looking.mask(report, factories.OPERATOR, ByHand(added=(Span(0, 3),)))
    elif what in photos:
        for review in PhotoReview.objects.filter(report=report):
            reviews.decide(review, factories.OPERATOR, photos[what], [Box(10, 10, 20, 20)])
    elif what == "erase":
        intake.erase(report, SYSTEM, "request")
    else:
        take(report, what, **details.get(what, {}))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=4, max_size=14))
def test_after_whatever_was_done_it_is_what_it_is_derived_from(city: None, steps: list[tuple[int, str, int]]) -> None:
    if not Agency.objects.filter(code="xay-dung").exists():
        factories.agency()
    reports = [sent(photo=n == 0) for n in range(3)]
    for step in steps:
        try:
            _act(reports, *step)
        except VongLauError:
            continue
    assert list(writing.differences()) == []
    rows = PublicReport.objects.filter(pk__in=[one.pk for one in reports])
    said = repr(list(rows.values()))
    for secret in ("0905", "123 456", "43A", "Bí Mật", "bimat", "Bạch Đằng", "nha-toi", "bi-mat"):
        assert secret not in said
    for row in rows.select_related("report__incident"):
        if row.words or row.photos:
            assert row.report.incident.verified_at is not None

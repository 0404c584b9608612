"""What anybody reads: map, list, feed, statistics, files. Nothing that is not public is in any of them."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import PhotoReview, PublicReport, Report
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent
from vonglau.services.field_reports.public import browse, figures
from vonglau.services.field_reports.published import filters, picture
from vonglau.services.field_reports.published.cells import cell

REPORTER = Actor("token:app", "reporter", world="live")
PHOTO = makers.jpeg(makers.scene(64, 48))
SECRET = ("0905", "123 456", "43A", "Bí Mật", "bimat", "Bạch Đằng", "nha-toi", "bi-mat", "chưa ai đọc", "tố cáo ông")
BASE = "/field_reports"


@pytest.fixture(autouse=True)
def _city(db: None, settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()
    figures.forget()


def sent(
    words: str = "Đèn tắt",
    category: str = "street_light",
    lon: float | None = 108.22,
    lat: float | None = 16.06,
    **more: Any,
) -> Report:
    personal = intake.Personal(
        description=words,
        contact_name="Nguyễn Thị Bí Mật",
        email="bimat@example.vn",
        phone="0905123456",
        address="12 Bạch Đằng",
        media_url="https://example.vn/nha-toi.jpg",
        device_id="bi-mat",
    )
    photo = more.pop("photo", False)

    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(PHOTO)]))

    submission = intake.Submission(
        world="live", category=category, lon=lon, lat=lat, personal=personal, source="open311", **more
    )
    return intake.receive(submission, REPORTER, attach if photo else None)


def take(report: Report, step: str, **details: Any) -> Incident:
    return desk.take("live", report.incident.ref, step, factories.SUPERVISOR, desk.Details(**details))


def handled(report: Report, agency: str = "xay-dung", outcome: str = "explained") -> None:
    for step, details in (
        ("verify", {}),
        ("assign", {"agency": agency}),
        ("start", {}),
        ("resolve", {"outcome": outcome, "why": "Đã kiểm tra."}),
    ):
        take(report, step, **details)


def body(path: str, **query: Any) -> str:
    answer = Client().get(f"{BASE}/{path}", query)
    assert answer.status_code == 200, answer.content[:300]
    data = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return data.decode("utf-8", "replace")


VIEW = {"view": "107,15,109,17", "zoom": "12"}
EVERYWHERE = (
    ("map/", {"period": "all"}),
    ("map/points", {**VIEW, "period": "all"}),
    ("feed.atom", {"period": "all"}),
    ("statistics/", {"period": "all"}),
    ("data/", {"period": "all"}),
    ("data/reports.csv", {"period": "all"}),
    ("data/reports.geojson", {"period": "all"}),
    ("data/reports.parquet", {"period": "all"}),
)


def test_nothing_that_is_not_public_is_anywhere() -> None:
    verified = sent("Đèn tắt, gọi 0905 123 456, xe 43A-123.45", photo=True)
    take(verified, "verify")
    sent("chưa ai đọc")
    complaint = sent("tố cáo ông")
    take(complaint, "refuse", outcome="redirected", reason="denunciation", target="inspectorate", why="tố cáo ông")
    shown = "Đèn tắt"
    for path, query in EVERYWHERE:
        said = body(path, **query)
        for secret in SECRET:
            assert secret not in said, f"{secret} in {path}"
        assert complaint.reference not in said, path
        if path in ("map/", "feed.atom", "data/reports.csv", "data/reports.geojson"):
            assert shown in said, path
    open311 = Client().get("/open311/v2/requests.json", {"extensions": "true"}).content.decode()
    updates = Client().get("/open311/v2/servicerequestupdates.json").content.decode()
    for secret in SECRET:
        assert secret not in open311 + updates
    assert complaint.reference not in open311 + updates
    assert Client().get(f"/open311/v2/requests/{complaint.reference}.json").status_code == 404
    assert Client().get(f"{BASE}/{complaint.reference}/").status_code == 404


def test_a_photo_is_in_the_list_only_when_it_was_passed() -> None:
    report = sent(photo=True)
    take(report, "verify")
    assert "-small.jpg" not in body("map/")
    reviews.decide(PhotoReview.objects.get(), factories.OPERATOR, "passed")
    assert f"{report.reference}/{PhotoReview.objects.get().pk}-small.jpg" in body("map/")
    reviews.decide(PhotoReview.objects.get(), factories.OPERATOR, "withheld")
    assert "-small.jpg" not in body("map/")


# ---------------------------------------------------------------------------------------------- filters


def listed(**query: Any) -> set[str]:
    said = body("data/reports.csv", **query).removeprefix("\ufeff")
    return {row["reference"] for row in csv.DictReader(io.StringIO(said))}


def test_every_filter_is_in_the_link() -> None:
    factories.agency()
    lamp, waste, old = sent(), sent("Rác đầy", "waste", 108.25, 16.10), sent(at=datetime.now(UTC) - timedelta(days=200))
    handled(waste)
    assert listed() == {lamp.reference, waste.reference}
    assert listed(period="all") == {lamp.reference, waste.reference, old.reference}
    assert listed(category="waste") == listed(state="done") == listed(agency="xay-dung") == {waste.reference}
    assert listed(q="rac day") == listed(q="RÁC") == {waste.reference}
    assert listed(state="open") == listed(state="waiting") == {lamp.reference}
    assert listed(bbox="108.2,16.0,108.23,16.08") == {lamp.reference}
    day = timedelta(days=1)
    before = (datetime.now(UTC) - 2 * day).date().isoformat()
    assert listed(to=before) == {old.reference}
    assert listed(**{"from": before}) == {lamp.reference, waste.reference}
    page = body("map/", category="waste", state="done", q="rác")
    assert waste.reference in page
    assert lamp.reference not in page
    assert 'value="waste" selected' in page


@pytest.mark.parametrize(
    "query",
    [{"category": "nope"}, {"state": "nope"}, {"period": "8"}, {"from": "2026-13-01"}, {"to": "x"}, {"bbox": "1,2,3"}, {"bbox": "nan,0,1,1"}],
)  # fmt: skip
def test_a_page_leaves_out_what_it_does_not_understand_and_a_file_refuses_it(query: dict[str, str]) -> None:
    sent()
    assert Client().get(f"{BASE}/map/", query).status_code == 200
    answer = Client().get(f"{BASE}/data/reports.csv", query)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@given(
    st.dictionaries(
        st.sampled_from(["q", "period", "state", "category", "ward", "agency", "from", "to", "bbox", "after"]),
        st.text(max_size=40),
    )
)
def test_no_address_breaks_a_page(query: dict[str, str]) -> None:
    asked = filters.read(query)
    assert filters.read(dict(_pairs(asked.query()))) == asked, "what a page links to is what it showed"


def _pairs(query: str) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(query)


def test_pages_of_the_list_follow_one_another() -> None:
    reports = [sent(at=factories.MONDAY + timedelta(minutes=n // 2)) for n in range(45)]
    seen: list[str] = []
    query: dict[str, Any] = {"period": "all"}
    while True:
        page = body("map/", **query)
        seen += [
            one.reference
            for one in sorted(reports, key=lambda one: page.find(f">{one.reference}<"))
            if f">{one.reference}<" in page
        ]
        if 'rel="next"' not in page:
            break
        query["after"] = page.split("after=")[1].split("#")[0].split('"')[0]
    assert seen == [one.reference for one in sorted(reports, key=lambda one: (one.received_at, one.pk), reverse=True)]


# ---------------------------------------------------------------------------------------------- the map


def points(**query: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body("map/points", **{**VIEW, "period": "all", **query}))
    return found


def test_few_are_points_and_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [sent(lon=108.20 + n / 100, lat=16.05) for n in range(6)]
    take(reports[0], "refuse", outcome="unfounded", reason="not_found", why="Không thấy.")
    found = points()
    assert {one["properties"]["reference"] for one in found["features"]} == {one.reference for one in reports}
    monkeypatch.setattr(picture, "MOST_POINTS", 3)
    found = points(zoom="9")
    assert found["total"] == 6
    assert sum(one["properties"]["reports"] for one in found["features"]) == 6
    assert sum(one["properties"]["running"] for one in found["features"]) == 5
    assert len(found["features"]) < 6
    assert points(zoom="9", state="refused")["total"] == 1
    inside = {"view": "108.195,16.045,108.225,16.055"}
    assert points(zoom="9", **inside)["total"] == 3, "what a range of cells holds beyond the view is not counted"
    assert len(points(zoom="18", **inside)["features"]) == 3


def test_a_point_says_what_its_page_says() -> None:
    factories.agency()
    fixed, waits = sent(), sent(category="waste")
    handled(fixed)
    told = {one["properties"]["reference"]: one["properties"] for one in points()["features"]}
    for report in (fixed, waits):
        row = PublicReport.objects.get(pk=report.pk)
        tone, words = browse.stands(row)
        assert told[report.reference] == {
            "reference": report.reference,
            "title": browse.category_name(row.category),
            "stands": words,
            "tone": tone,
            "url": f"{BASE}/{report.reference}/",
        }


def test_statements_along_the_cells_keep_numbers_below_nought() -> None:
    """A box west of Greenwich and south of the equator has edges that look like the marks in a statement."""
    report = sent()
    PublicReport.objects.filter(pk=report.pk).update(lon=-1.0, lat=-2.0, cell=cell(-1.0, -2.0))
    assert points(view="-1,-2,0,0")["total"] == 1
    assert points(view="-0.9,-2,0,0")["total"] == 0


def test_a_view_that_is_none_is_refused() -> None:
    for query in ({"view": "1,2"}, {"zoom": "x"}, {"zoom": "nan"}, {"zoom": "99"}):
        assert Client().get(f"{BASE}/map/points", {**VIEW, **query}).status_code == 400


def test_merged_reports_are_one_on_the_map_and_all_are_in_the_files() -> None:
    keeper, merged = sent(), sent()
    take(merged, "merge", keeper=keeper.incident.ref)
    assert points()["total"] == 1
    assert listed() == {keeper.reference, merged.reference}
    rows = {
        row["reference"]: row for row in csv.DictReader(io.StringIO(body("data/reports.csv").removeprefix("\ufeff")))
    }
    assert (rows[merged.reference]["merged"], rows[merged.reference]["merged_into"]) == ("true", keeper.reference)
    assert rows[keeper.reference]["joined"] == "1"


def test_a_list_asks_as_often_for_many_as_for_few() -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            take(sent(), "verify")
        with CaptureQueriesContext(connection) as asked:
            body("map/")
        counts.append(len(asked))
    assert counts[0] == counts[1] < 20


# ---------------------------------------------------------------------------------------------- feed


def test_the_feed_is_atom() -> None:
    report = sent("Đèn \x0b tắt & hỏng <b>")
    take(report, "verify")
    root = ET.fromstring(body("feed.atom", **{"in": "en"}))
    atom = "{http://www.w3.org/2005/Atom}"
    [entry] = root.findall(f"{atom}entry")
    assert report.reference in (entry.findtext(f"{atom}id") or "")
    assert "Street light" in (entry.findtext(f"{atom}title") or "")
    assert entry.findtext("{http://www.georss.org/georss}point") == "16.06 108.22"
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"

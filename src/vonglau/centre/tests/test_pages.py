"""The board, alerts, indicators, borders and what Ctrl-K finds."""

import gzip
import json
import re
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.centre.figures.values import decimal, scope_of, words
from vonglau.centre.tests.conftest import NOW, Sign, actor, alert, in_hands_of, incident, step
from vonglau.core.alert_models import Alert
from vonglau.core.detection import Severity
from vonglau.core.events import Event, to_us
from vonglau.core.facts import categories
from vonglau.core.indicators.definitions import Unit
from vonglau.core.people.models import User
from vonglau.core.seams import indicators
from vonglau.core.worlds import World
from vonglau.engines import open_writer

HTMX = {"HX-Request": "true"}


# ---------------------------------------------------------------- the board


@pytest.mark.django_db
def test_the_board_shows_what_is_due_what_is_alerted_and_the_day(sign_in: Sign) -> None:
    found = alert().incident
    assert found is not None
    page = sign_in("operator").get("/").content.decode()
    assert found.ref in page
    assert "Xử lý đúng hạn" in page
    assert 'href="/figures/handled_on_time/"' in page
    assert "Diễn tập" in page
    assert 'data-wards="/places/48.geojson?in=vi"' in page


@pytest.mark.django_db
def test_the_empty_board_says_what_it_will_show(sign_in: Sign) -> None:
    page = sign_in("leader").get("/").content.decode()
    assert "Không có sự việc nào đang mở" in page
    assert "Không có cảnh báo nào" in page
    assert "chưa có" in page
    assert "0 %" not in page


@pytest.mark.django_db
def test_a_filtered_board_is_a_link_and_its_parts_stay_filtered(sign_in: Sign) -> None:
    here, there = incident("Ở đây"), incident("Ở kia", ward="20242", rank=1)
    client = sign_in("operator")
    page = client.get("/?ward=20194&severity=Severe")
    assert here.ref in page.content.decode()
    assert there.ref not in page.content.decode()
    part = client.get("/?ward=20194&severity=Severe&part=queue", headers=HTMX).content.decode()
    assert "<html" not in part
    assert here.ref in part
    assert there.ref not in part


@pytest.mark.django_db
def test_points_are_geojson_with_counts_by_ward_of_this_world(sign_in: Sign) -> None:
    found = incident()
    incident(world="live", at=NOW)
    lonely = alert("x", severity=Severity.MINOR, lon=108.3, lat=16.1)
    assert lonely.incident is None
    data = sign_in("operator").get("/picture/points.json").json()
    assert data["wards"] == {"20194": 1}
    by_kind = {feature["properties"]["kind"]: feature for feature in data["features"]}
    assert by_kind["incident"]["properties"]["url"] == f"/desk/{found.ref}/"
    assert by_kind["alert"]["geometry"] == {"type": "Point", "coordinates": [108.3, 16.1]}
    assert len({feature["id"] for feature in data["features"]}) == 2


# ---------------------------------------------------------------- borders


@pytest.mark.django_db
def test_borders_are_kept_by_the_browser_and_asked_for_by_etag(sign_in: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"code": "20194", "short_name_vi": "Hải Châu", "name_en": "Hai Chau Ward"}
    text = json.dumps({"type": "FeatureCollection", "features": [{"properties": facts}]}).encode()
    monkeypatch.setattr("vonglau.centre.places.outlines.ward_outlines", lambda code: text)
    client = sign_in("operator")
    first = client.get("/places/48.geojson", headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(first.content))["features"][0]["properties"]["name"] == "Hải Châu"
    english = json.loads(client.get("/places/48.geojson?in=en").content)
    assert english["features"][0]["properties"]["name"] == "Hai Chau Ward"
    assert "max-age" in first["Cache-Control"]
    assert "no-store" not in first["Cache-Control"]
    again = client.get("/places/48.geojson", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db
def test_borders_of_nowhere_are_not_found(sign_in: Sign) -> None:
    assert sign_in("operator").get("/places/99.geojson").status_code == 404


# ---------------------------------------------------------------- alerts


@pytest.mark.django_db
def test_alerts_filter_by_address_and_lead_to_their_incident(sign_in: Sign) -> None:
    severe, minor = alert("a"), alert("b", severity=Severity.MINOR, lon=108.3)
    client = sign_in("leader")
    page = client.get("/alerts/?severity=Severe").content.decode()
    assert severe.identity in page
    assert minor.identity not in page
    assert severe.incident is not None
    assert f"/desk/{severe.incident.ref}/" in client.get(f"/alerts/{severe.identity}/").content.decode()
    assert client.get("/alerts/nothing/").status_code == 404


@pytest.mark.django_db
def test_an_alert_shows_the_events_it_rests_on(sign_in: Sign, tmp_path: Path) -> None:
    log = open_writer(tmp_path)
    sent = Event(
        id="1", source="sensors/<b>", type="vn.vonglau.traffic.measured", time_us=to_us(NOW), subject="dn-cau-rong-02",
        data=b'{"speed": 8.5, "note": "<script>x</script>"}', world="drill-1",
    )  # fmt: skip
    pos = log.append([sent])[0].pos
    assert pos is not None
    found = alert("a", evidence=(pos, pos + 1000))
    page = sign_in("operator").get(f"/alerts/{found.identity}/").content.decode()
    log.close()
    assert "speed=8.5" in page
    assert "&lt;script&gt;" in page
    assert "<script>x" not in page
    assert "1 sự kiện không còn được lưu" in page


@pytest.mark.django_db
def test_the_series_is_for_the_centre_and_for_whose_incident_it_is(sign_in: Sign) -> None:
    found = alert()
    assert found.incident is not None
    address = f"/alerts/{found.identity}/series.json"
    assert sign_in("agency", "so-xay-dung").get(address).status_code == 404
    step(found.incident, "verify")
    step(found.incident, "assign", agency="so-xay-dung")
    data = sign_in("agency", "so-xay-dung").get(address).json()
    assert data["points"][0] == {"t": data["onset"], "seen": 8.0, "expected": 34.0, "low": 28.0, "high": 40.0}
    assert (data["quantity"], data["unit"], data["ended"]) == ("tốc độ", "km/h", None)


# ---------------------------------------------------------------- indicators


@pytest.mark.django_db
def test_a_figure_links_to_the_very_incidents_under_it(sign_in: Sign) -> None:
    done, open_ = in_hands_of("so-xay-dung"), incident("Đang mở")
    step(done, "start", by=actor("agency", "so-xay-dung"))
    step(done, "resolve", by=actor("agency", "so-xay-dung"), outcome="fixed", why="xong")
    client = sign_in("leader")
    page = client.get("/figures/handled_on_time/")
    assert page.context["figure"].made_of == (1, 1)
    assert page.context["figure"].text == "100"
    listed = client.get("/figures/handled_on_time/?part=numerator").content.decode()
    assert done.ref in listed
    assert open_.ref not in listed
    for told in (
        "Tử số",
        "Mẫu số",
        "Kỳ",
        "Địa giới",
        "Nguồn gốc",
        "Thế giới",
        "Cập nhật",
        "tổng tử số chia tổng mẫu số",
    ):
        assert told in page.content.decode(), told


@pytest.mark.django_db
def test_nothing_to_divide_by_is_not_zero_percent(sign_in: Sign) -> None:
    page = sign_in("leader").get("/figures/handled_on_time/").content.decode()
    assert "chưa có: mẫu số bằng 0" in page


@pytest.mark.django_db
def test_yesterday_is_an_address_and_now_has_no_yesterday(sign_in: Sign) -> None:
    client = sign_in("leader")
    page = client.get("/figures/?day=2026-11-22")
    assert page.context["day"] == date(2026, 11, 22)
    assert "open_now" not in {one.indicator.code for one in page.context["figures"]}
    assert client.get("/figures/?day=2099-01-01").context["day"] == date(2026, 11, 23)
    assert client.get("/figures/?day=nonsense").context["day"] == date(2026, 11, 23)
    assert client.get("/figures/unknown/").status_code == 404


@pytest.mark.django_db
def test_a_deadline_still_to_come_is_not_yet_missed(city: World) -> None:
    assert scope_of(city, NOW).end <= NOW + timedelta(microseconds=1)
    assert scope_of(city, NOW, date(2026, 11, 22)).end == scope_of(city, NOW).start


@given(st.fractions(min_value=0, max_value=10_000))
def test_decimals_round_half_up_and_never_far(ratio: Fraction) -> None:
    shown = decimal(ratio).replace(".", "").replace(",", ".")
    assert abs(Fraction(shown) - ratio) <= Fraction(1, 20)


def test_a_rate_of_everything_is_a_hundred_and_a_third_has_one_decimal() -> None:
    assert words(Unit.PERCENT, Fraction(1)) == "100"
    assert words(Unit.PERCENT, Fraction(1, 3)) == "33,3"
    assert words(Unit.PERCENT, None) == ""


# ---------------------------------------------------------------- finding


@pytest.mark.django_db
def test_finding_forgives_missing_marks_and_respects_rights(sign_in: Sign) -> None:
    found, given_ = incident("Ùn tắc đường Nguyễn Văn Linh"), in_hands_of("so-xay-dung", title="Ùn tắc cầu Sông Hàn")
    items = sign_in("operator").get("/find?q=un tac nguyen").json()["items"]
    assert [item["url"] for item in items] == [f"/desk/{found.ref}/"]
    assert sign_in("operator").get("/find?q=hai chau").json()["items"][-1]["url"] == "/?ward=20194"
    items = sign_in("agency", "so-xay-dung").get("/find?q=un tac").json()["items"]
    assert [item["url"] for item in items] == [f"/desk/{given_.ref}/"]


# ---------------------------------------------------------------- every page


@pytest.mark.django_db
def test_every_page_opens_empty_and_with_rows_for_every_role(sign_in: Sign) -> None:
    addresses = [
        "/",
        "/desk/",
        "/desk/?tab=answered",
        "/desk/?tab=ended",
        "/alerts/",
        "/alerts/?tab=ended",
        "/figures/",
    ]
    for language in ("vi", "en"):
        for role in ("operator", "supervisor", "leader", "administrator"):
            client = sign_in(role, language=language, name=f"{role}-{language}")
            for address in addresses:
                assert client.get(address).status_code == 200, (role, address)
    found = alert().incident
    assert found is not None
    Alert.objects.update(ended=NOW)
    client = sign_in("operator")
    for address in [*addresses, f"/desk/{found.ref}/", f"/alerts/{Alert.objects.get().identity}/", "/quarantine/"]:
        assert client.get(address).status_code == 200, address
    assert json.loads(client.get("/find?q=x").content) == {"items": []}


VIETNAMESE = re.compile(r"[^>\"]*[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ][^<\"]*", re.IGNORECASE)


@pytest.mark.django_db
def test_english_pages_hold_no_vietnamese_of_ours(sign_in: Sign) -> None:
    found = in_hands_of("so-xay-dung", title="Blocked road", place="Dragon Bridge", origin="desk")
    other = incident("Lamp", place="Dragon Bridge")
    step(found, "start", by=actor("agency", "so-xay-dung"))
    step(found, "pause", why="asked for a photo")
    client = sign_in("supervisor", language="en")
    User.objects.update(first_name="Binh")
    client.post(f"/desk/{found.ref}/resume/", {"version": 5})
    assert "Why this incident exists" in client.get(f"/desk/{found.ref}/").content.decode()
    forms = [f"/desk/{found.ref}/{name}/" for name in ("split", "pause", "resolve", "level", "note")]
    forms += [f"/desk/{other.ref}/{name}/" for name in ("refuse", "merge")]
    addresses = [
        "/?severity=Severe",
        "/desk/",
        "/desk/?tab=ended&q=none",
        f"/desk/{found.ref}/",
        *forms,
        "/alerts/",
        "/figures/",
    ]
    for address in [*addresses, *(f"/figures/{code}/" for code in indicators()), "/quarantine/", "/desk/SV-0/"]:
        page = client.get(address).content.decode()
        main = page[page.index("<main") : page.index("</main>")]
        for known in ("Hải Châu", "An Hải"):
            main = main.replace(known, "")
        assert not VIETNAMESE.findall(main), (address, VIETNAMESE.findall(main))


@pytest.mark.django_db
def test_titles_that_machines_made_are_said_in_the_readers_language(sign_in: Sign) -> None:
    made = alert().incident
    named = incident("Đèn đường hỏng", service="field_reports", category="street_light", kind="field_report")
    typed = incident("Bà con họp chợ", service="field_reports", category="street_light", kind="field_report")
    assert made is not None
    page = sign_in("operator", language="en", name="en").get("/desk/").content.decode()
    assert "Congestion" in page
    assert made.title not in page
    assert categories("field_reports")["street_light"].name["en"] in page
    assert typed.title in page
    assert "Hai Chau Ward" in page
    named.refresh_from_db()
    assert named.title == "Đèn đường hỏng"
    assert "Ùn tắc" in sign_in("operator").get("/desk/").content.decode()


@pytest.mark.django_db
def test_the_boards_queries_do_not_grow_with_the_rows(sign_in: Sign, django_assert_max_num_queries: Any) -> None:
    client = sign_in("operator")
    for n in range(20):
        incident(f"Việc {n}", at=NOW - timedelta(minutes=n))
        alert(f"a{n}", lon=108.2 + n / 100)
    with django_assert_max_num_queries(50):
        assert client.get("/").status_code == 200
    for address in ("/?part=queue", "/?part=alerts", "/picture/points.json", "/alerts/", "/figures/received/"):
        with django_assert_max_num_queries(30):
            assert client.get(address, headers=HTMX).status_code == 200, address


@pytest.mark.django_db
def test_no_page_writes_styles_or_scripts_inline(sign_in: Sign) -> None:
    found = alert().incident
    assert found is not None
    client = sign_in("supervisor")
    for address in (
        "/",
        "/desk/",
        f"/desk/{found.ref}/",
        f"/desk/{found.ref}/refuse/",
        "/alerts/",
        "/figures/received/",
        "/quarantine/",
    ):
        page = client.get(address).content.decode()
        assert not re.search(r"<[^>]+ (style|on[a-z]+|hx-on[^=]*)=", page), address
        assert not re.search(r"<script(?![^>]* src=)", page), address

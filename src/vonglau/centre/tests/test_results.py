"""What reaches the citizen, by the pages: proof beside its field, reasons chosen, templates filled, in both languages."""

import pytest

from vonglau.centre.tests.conftest import Sign, incident, photo, step
from vonglau.core import audit
from vonglau.core.incidents import proof
from vonglau.core.incidents.models import Incident

HTMX = {"HX-Request": "true"}


def report(state: str = "received") -> Incident:
    found = incident("Đèn đường hỏng", kind="field_report", service="field_reports", category="street_light", place="")
    if state == "received":
        return found
    step(found, "verify")
    step(found, "assign", agency="so-xay-dung")
    return step(found, "start")


@pytest.mark.parametrize(
    ("language", "said"),
    [("vi", "“Đã khắc phục” phải có ảnh chụp sau khi được giao"), ("en", "“Fixed” needs a photo")],
)
def test_fixed_without_a_photo_is_refused_beside_the_photo(sign_in: Sign, language: str, said: str) -> None:
    found = report("in_progress")
    client = sign_in("agency", "so-xay-dung", language)
    form = {"version": 4, "outcome": "fixed", "why": "Đã thay bóng", "place": "Trước số 12"}
    answer = client.post(f"/desk/{found.ref}/resolve/", form, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    found.refresh_from_db()
    assert found.state == "in_progress"


def test_the_photo_is_taken_in_the_same_form(sign_in: Sign) -> None:
    found = report("in_progress")
    client = sign_in("agency", "so-xay-dung")
    form = {
        "version": 4,
        "outcome": "fixed",
        "why": "Đã thay bóng",
        "photo": photo(),
        "lon": "108.2271",
        "lat": "16.061",
    }
    assert client.post(f"/desk/{found.ref}/resolve/", form, headers=HTMX).status_code == 200
    found.refresh_from_db()
    [shown] = proof.shown(found)
    assert (found.state, shown.lon, shown.lat) == ("resolved", 108.2271, 16.061)


def test_a_photo_kept_without_its_place_needs_only_the_place(sign_in: Sign) -> None:
    found = report("in_progress")
    client = sign_in("agency", "so-xay-dung")
    form = {"version": 4, "outcome": "fixed", "why": "Đã thay bóng", "place": ""}
    answer = client.post(f"/desk/{found.ref}/resolve/", {**form, "photo": photo()}, headers=HTMX)
    assert answer.status_code == 422
    assert "Hãy ghi ảnh chụp ở đâu" in answer.content.decode()
    assert "Ảnh đã được lưu vào sự việc" in answer.content.decode()
    answer = client.post(f"/desk/{found.ref}/resolve/", {**form, "place": "Trước số 12"}, headers=HTMX)
    assert answer.status_code == 200
    found.refresh_from_db()
    assert (found.state, [one.place for one in proof.shown(found)]) == ("resolved", ["Trước số 12"])


def test_a_template_comes_into_the_text_and_its_blanks_must_be_filled(sign_in: Sign) -> None:
    found = report("in_progress")
    client = sign_in("agency", "so-xay-dung")
    form = {"version": 4, "outcome": "explained", "template": "explained", "why": ""}
    answer = client.post(f"/desk/{found.ref}/resolve/", form, headers=HTMX)
    assert answer.status_code == 422
    assert "Đã kiểm tra ngày [ngày]" in answer.content.decode()
    form["why"] = "Đã kiểm tra ngày 23/11: [giải thích, theo văn bản nào]."
    answer = client.post(f"/desk/{found.ref}/resolve/", form, headers=HTMX)
    assert answer.status_code == 422
    assert "Còn chỗ trống chưa điền: [giải thích, theo văn bản nào]" in answer.content.decode()
    form["why"] = "Đã kiểm tra ngày 23/11: đèn tắt theo giờ tiết kiệm điện."
    assert client.post(f"/desk/{found.ref}/resolve/", form, headers=HTMX).status_code == 200


def test_a_refusal_chooses_a_reason_and_a_door(sign_in: Sign) -> None:
    found = report()
    client = sign_in("operator")
    form = {"version": 1, "reason": "complaint", "why": "Nộp đơn tại 24 Trần Phú."}
    answer = client.post(f"/desk/{found.ref}/refuse/", form, headers=HTMX)
    assert answer.status_code == 422
    assert "Hãy chọn nơi người dân cần đến" in answer.content.decode()
    answer = client.post(f"/desk/{found.ref}/refuse/", {**form, "target": "citizen_reception"}, headers=HTMX)
    assert answer.status_code == 200
    said = answer.content.decode()
    assert "Lý do: Là khiếu nại" in said
    assert "Hướng dẫn đến: Ban Tiếp công dân" in said
    found.refresh_from_db()
    assert (found.state, found.outcome) == ("refused", "redirected")
    assert audit.rows(found.stream)[-1][1]["reason"] == "complaint"
    page = sign_in("operator", language="en").get(f"/desk/{found.ref}/").content.decode()
    assert "Reason: A complaint against a decision" in page


def test_kinds_without_wording_are_refused_as_before(sign_in: Sign) -> None:
    found = incident()
    form = {"version": 1, "outcome": "unfounded", "why": "Cảm biến lỗi"}
    assert sign_in("operator").post(f"/desk/{found.ref}/refuse/", form, headers=HTMX).status_code == 200

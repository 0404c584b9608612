"""What the form is told while somebody writes: what is near, as anybody may read it, and a category that may be none."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from vonglau.core.incidents import desk
from vonglau.core.incidents.timeline import timeline
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.services.field_reports.beside import beside
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.voices.tests.people import HERE, browser, report

pytestmark = pytest.mark.django_db
HINTS = "/field_reports/hints"


@pytest.fixture(autouse=True)
def city(settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()


def earlier(**more: Any) -> Report:
    return report(at=world("live").now() - timedelta(hours=3), **more)


def asked(**more: Any) -> Any:
    given = {**HERE, "category": "street_light", "description": "Đèn trước chợ tắt", **more}
    answer = Client().post(HINTS, given)
    assert answer.status_code == 200
    return answer.json()


def test_what_was_reported_near_is_shown_without_its_words_until_a_person_has_looked() -> None:
    found = earlier()
    near = asked()["near"]
    assert found.reference in near
    assert "trước chợ" not in near
    desk.take("live", found.incident.ref, "verify", factories.OPERATOR)
    near = asked()["near"]
    assert "trước chợ" in near
    assert "0905" not in near
    assert f'data-join="/field_reports/{found.reference}/join"' in near
    assert "Đã xác minh" in near


def test_far_ended_and_other_worlds_reports_are_not_offered() -> None:
    found = earlier()
    hidden = earlier()
    Report.objects.filter(pk=hidden.pk).update(hidden_at=factories.MONDAY)
    assert browser().post(f"/field_reports/{hidden.reference}/join").status_code == 404
    earlier(lat=16.2)
    factories.drill()
    earlier(world="drill-1")
    assert asked()["near"].count("data-join") == 1
    desk.take(
        "live", found.incident.ref, "refuse", factories.OPERATOR,
        desk.Details(outcome="unfounded", reason="not_found", why="Không thấy."),
    )  # fmt: skip
    assert asked()["near"] == ""


def test_a_category_is_proposed_or_none() -> None:
    assert asked(description="Bóng đèn đường bị hỏng, đèn đường không sáng")["category"] == {
        "code": "street_light",
        "name": "Đèn đường hỏng",
    }
    assert asked(description="Chuyện gì đó ở đây nhỉ")["category"] is None
    assert asked(description="")["category"] is None


@pytest.mark.parametrize(
    "given",
    [
        {"lat": "nan", "lon": "inf"},
        {"lat": "", "lon": "108"},
        {"lat": "91", "lon": "108"},
        {"lat": "1e999", "lon": "x"},
        {"description": "\x00" * 5_000},
        {"description": "\u202e" + "😀" * 5_000, "category": "' OR 1=1"},
    ],
)
def test_hostile_questions_are_answered(given: dict[str, str]) -> None:
    earlier()
    asked(**given)


def test_words_that_are_shown_carry_no_markup() -> None:
    found = earlier(words='<img src=x onerror="alert(1)">Đèn trước chợ tắt')
    desk.take("live", found.incident.ref, "verify", factories.OPERATOR)
    assert "<img src=x" not in asked()["near"]


def test_hints_are_asked_by_our_own_pages_alone() -> None:
    assert Client().get(HINTS).status_code == 405
    assert Client(HTTP_ORIGIN="https://elsewhere.example").post(HINTS, HERE).status_code == 403


def test_after_sending_one_press_says_it_is_the_same_and_the_desk_sees_that_first() -> None:
    first, nearer = earlier(), earlier(lat=16.0605)
    mine = report(at=world("live").now(), lat=16.06052)
    page = Client().get(f"/field_reports/r/{mine.token}/?new=1").content.decode()
    assert f"/same/{first.reference}" in page
    answer = browser().post(f"/field_reports/r/{mine.token}/same/{first.reference}")
    assert answer.status_code == 303
    assert Voice.objects.get(report=first).part == "joined"
    again = browser().post(f"/field_reports/r/{mine.token}/same/{first.reference}")
    assert again.status_code == 303
    steps = [one for one in timeline(mine.incident) if one.step == "alike"]
    assert [one.ref for one in steps] == [first.incident.ref]
    found = beside(mine.incident)
    assert found is not None
    assert found.alike[0].ref == first.incident.ref
    assert found.alike[0].reasons[0] == "người phản ánh nói là cùng việc"
    assert nearer.incident.ref in [one.ref for one in found.alike]
    for wrong in (mine.reference, "PA-2611-9999", "x"):
        assert browser().post(f"/field_reports/r/{mine.token}/same/{wrong}").status_code == 404
    assert browser().post(f"/field_reports/r/nobody/same/{first.reference}").status_code == 404

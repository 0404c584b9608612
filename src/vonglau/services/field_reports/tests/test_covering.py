"""Words covered by hand: any press gives what the public reads, nothing that the rules saw is shown by accident; whole reports hidden."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core import audit
from vonglau.core.incidents import desk
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import covering, hiding, intake, masking
from vonglau.services.field_reports.masking import ByHand, Span
from vonglau.services.field_reports.models import Content, Report

WORDS = "Đèn trước nhà ông Nguyễn Nam, tắt cả tuần; gọi 0905 123 456 nhé"
REPORTER = Actor("token:app", "reporter", world="live")


def names(text: str, *wanted: str, rules: bool = True) -> list[str]:
    found = covering.units(text, ByHand())
    return [one.name for one in found if one.text in wanted or (rules and one.by_rule)]


def test_units_are_what_the_rules_saw_and_single_words_without_their_marks() -> None:
    found = covering.units(WORDS, ByHand())
    assert "".join(one.before + one.text for one in found) == WORDS
    assert [one.text for one in found if one.by_rule] == ["0905 123 456"]
    assert "Nam" in [one.text for one in found]
    assert [one.covered for one in found] == [one.by_rule for one in found]


def test_neighbours_become_one_gap_and_a_rule_is_taken_off_only_by_hand() -> None:
    wanted = covering.decided(WORDS, names(WORDS, "ông", "Nguyễn", "Nam"))
    assert masking.public(WORDS, wanted) == "Đèn trước nhà [•••], tắt cả tuần; gọi [•••] nhé"
    assert len(wanted.added) == 1
    shown = covering.decided(WORDS, names(WORDS, rules=False))
    assert masking.public(WORDS, shown) == WORDS
    assert [one.covered for one in covering.units(WORDS, wanted) if one.text == "Nam"] == [True]


@given(st.text(max_size=120), st.data())
def test_whatever_is_pressed_comes_back_as_it_was_pressed(text: str, data: st.DataObject) -> None:
    found = covering.units(text, ByHand())
    pressed = {one.name for one in found if data.draw(st.booleans())}
    wanted = covering.decided(text, [*pressed, "7-3", "x", "-1-9"])
    again = covering.units(text, wanted)
    assert {one.name for one in again if one.covered} == pressed
    public = masking.public(text, wanted)
    assert (masking.SHOWN in public) == bool(pressed) or masking.SHOWN in text


def test_spans_of_an_older_hand_that_cut_words_cover_the_words() -> None:
    found = covering.units("ông Nam ở đây", ByHand(added=(Span(5, 6),)))
    assert [one.text for one in found if one.covered] == ["Nam"]


@pytest.fixture
def report(db: None, settings: Any, tmp_path: Any) -> Report:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_DOOR = ""
    cache.clear()
    factories.live()
    personal = intake.Personal(description=WORDS)
    submission = intake.Submission(world="live", category="street_light", source="open311", personal=personal)
    made = intake.receive(submission, REPORTER)
    desk.take("live", made.incident.ref, "verify", factories.OPERATOR)
    return made


@pytest.fixture
def sign_in(db: None) -> Callable[[str], Client]:
    def client(role: str) -> Client:
        found = Client(raise_request_exception=False)
        found.force_login(User.objects.get_or_create(username=f"{role}.one", defaults={"role": role})[0])
        session = found.session
        session["world"] = "live"
        session.save()
        return found

    return client


def test_a_name_is_covered_on_the_page_and_the_public_reads_it_no_more(
    report: Report, sign_in: Callable[[str], Client]
) -> None:
    operator, path = sign_in("operator"), f"/field_reports/desk/{report.reference}/words"
    page = operator.get(path).content.decode()
    assert page.count('name="cover"') == len(covering.units(WORDS, ByHand()))
    wanted = {"cover": names(WORDS, "Nguyễn", "Nam")}
    before = operator.post(f"{path}?preview=1", wanted, headers={"HX-Request": "true"}).content.decode()
    assert "nhà ông [•••], tắt" in before
    assert "<html" not in before
    assert operator.post(path, {**wanted, "preview": "1"}).status_code == 200
    assert Content.objects.get().masks == {}  # a preview keeps nothing
    assert operator.post(path, wanted).status_code == 302
    anybody = Client().get(f"/field_reports/{report.reference}/").content.decode()
    assert "nhà ông [•••], tắt" in anybody
    assert "Nguyễn" not in anybody
    steps = [body["step"] for _row, body in audit.rows(report.incident.stream)]
    assert steps[-2:] == ["look", "mask"]
    assert "Nguyễn" not in str([body for _row, body in audit.rows(report.incident.stream)])
    for role in ("leader", "agency", "administrator"):
        assert sign_in(role).get(path).status_code == 403


def test_a_hidden_report_is_seen_by_its_reporter_and_staff_alone_and_comes_back(
    report: Report, sign_in: Callable[[str], Client], client: Client
) -> None:
    operator, path = sign_in("supervisor"), f"/field_reports/desk/{report.reference}/hide"
    public = f"/field_reports/{report.reference}/"
    assert client.get(public).status_code == 200
    unsaid = operator.post(path, {"hidden": "1", "why": " "}, headers={"HX-Request": "true"}).content.decode()
    assert "hãy viết vì sao" in unsaid
    assert client.get(public).status_code == 200
    said = {"hidden": "1", "why": "Lộ chuyện nhà người khác"}
    for _again in range(2):
        assert operator.post(path, said).status_code == 302
    assert client.get(public).status_code == 404
    assert "Đèn trước" not in client.get(public).content.decode()
    listed = client.get("/open311/v2/requests.json", {"service_request_id": report.reference})
    assert report.reference not in listed.content.decode()
    assert client.get(f"/field_reports/r/{report.token}/").status_code == 200
    shown = operator.get(f"/desk/{report.incident.ref}/").content.decode()
    assert "Ẩn với công chúng" in shown
    assert "Lộ chuyện nhà người khác" in shown  # the timeline says why
    assert operator.post(path, {"hidden": "0", "why": "Đã che đủ"}).status_code == 302
    assert client.get(public).status_code == 200
    steps = [body["step"] for _row, body in audit.rows(report.incident.stream)]
    assert steps.count("hide") == steps.count("unhide") == 1
    assert "chuyện" not in str([body for _row, body in audit.rows(report.incident.stream)])
    assert not list(audit.verify_streams())


def test_who_may_not_hide_changes_nothing(report: Report, sign_in: Callable[[str], Client]) -> None:
    for role in ("leader", "agency", "administrator"):
        path = f"/field_reports/desk/{report.reference}/hide"
        assert sign_in(role).post(path, {"hidden": "1", "why": "x"}).status_code == 403
    with pytest.raises(Exception, match="operators"):
        hiding.decide(report, REPORTER, hidden=True, why="x")
    assert Report.objects.get().hidden_at is None

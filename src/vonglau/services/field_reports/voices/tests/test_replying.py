"""The desk asks the reporter for more: they answer on their own page, with words and photos, and the clock goes on."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from vonglau.core import audit
from vonglau.core.audit_models import Note
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake, replies
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.subjects import _told
from vonglau.services.field_reports.voices import following, joining
from vonglau.services.field_reports.voices.tests.people import browser, deliver, letters, link, report, verify

pytestmark = pytest.mark.django_db
QUESTION = "Cột đèn số mấy, phía nào của chợ?"
ANSWER = "Cột số 12, phía cổng sau. Gọi 0905 123 456"


def asked(**more: Any) -> Report:
    """A report whose clock waits for its reporter."""
    found = report(**more)
    verify(found)
    desk.take("live", found.incident.ref, "pause", factories.OPERATOR, Details(why=QUESTION))
    return found


def paused(found: Report) -> bool:
    return Incident.objects.get(pk=found.incident_id).paused_at is not None


def form(page: str) -> dict[str, str]:
    """What the form on a page sends by itself, and where (``action``)."""
    found = re.search(r'action="([^"]+/reply)" data-reply>\s*<input type="hidden" name="key" value="([^"]+)"', page)
    assert found is not None, "there is no form to answer with"
    return {"action": found[1], "key": found[2]}


def said(found: Report) -> list[str]:
    return [body["step"] for _row, body in audit.rows(found.incident.stream)]


def photo(name: str = "a.jpg", colour: int = 64) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, makers.jpeg(makers.scene(colour, 48)), "image/jpeg")


def test_who_is_asked_finds_the_question_and_answers_it_and_the_clock_goes_on() -> None:
    found = asked()
    phone = browser()
    page = phone.get(f"/field_reports/r/{found.token}/").content.decode()
    assert QUESTION in page
    sent = form(page)
    answer = phone.post(
        sent["action"],
        {"key": sent["key"], "words": ANSWER, "photos": [photo()]},
        headers={
            "Origin": "null"
        },  # the page tells no other site its address, so its forms say that they come from nowhere
    )
    assert (answer.status_code, answer["Location"]) == (303, f"/field_reports/r/{found.token}/?said=replied#reply")
    assert answer["Cache-Control"] == "private, no-store"
    assert not paused(found)
    assert said(found)[-3:] == ["comment", "evidence", "resume"]
    assert Note.objects.latest("pk").text == ANSWER
    evidence = Evidence.objects.get()
    assert evidence.review.report == found
    assert evidence.review.state == "waiting"
    after = phone.get(answer["Location"].partition("#")[0]).content.decode()
    assert "Việc xử lý tiếp tục" in after
    assert ANSWER in after
    assert f"/photos/{evidence.pk}" in after
    public = Client().get(f"/field_reports/{found.reference}/").content.decode()
    for secret in (QUESTION, "phía cổng sau", "0905", "/reply"):
        assert secret not in public


def test_it_is_sent_twice_and_kept_once() -> None:
    found = asked()
    key = form(browser().get(f"/field_reports/r/{found.token}/").content.decode())["key"]
    for _again in range(2):
        answer = browser().post(f"/field_reports/r/{found.token}/reply", {"key": key, "words": ANSWER})
        assert answer.status_code == 303
    assert said(found).count("comment") == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"words": "  "}, "Hãy viết vài lời, hoặc gửi kèm một ảnh."),
        ({"words": "x" * 4001}, "Dài quá 4000 ký tự"),
        ({"words": ANSWER, "photos": 6}, "Nhiều nhất 5 ảnh"),
        ({"words": ANSWER, "photos": b"<svg onload=alert(1)>"}, "không phải ảnh đọc được"),
        ({"words": ANSWER, "key": "short"}, "Hãy mở lại trang này"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_lost(given: dict[str, Any], says: str) -> None:
    found = asked()
    sent: dict[str, Any] = {"key": "k" * 24, **given}
    if isinstance(given.get("photos"), int):
        sent["photos"] = [photo(f"{n}.jpg", 40 + n) for n in range(given["photos"])]
    elif "photos" in given:
        sent["photos"] = [SimpleUploadedFile("a.jpg", given["photos"], "image/jpeg")]
    answer = browser().post(f"/field_reports/r/{found.token}/reply", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    if given["words"] == ANSWER:
        assert f">{ANSWER}</textarea>" in page
    assert paused(found)
    assert "comment" not in said(found)
    assert not Evidence.objects.exists()


def test_another_site_sends_nothing_in_somebodys_name() -> None:
    found = asked()
    sent = {"key": "k" * 24, "words": ANSWER}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}):
        assert browser().post(f"/field_reports/r/{found.token}/reply", sent, headers=headers).status_code == 403
    for path in ("r/nobody", "v/nobody", "r/a%00b"):
        assert browser().post(f"/field_reports/{path}/reply", sent).status_code == 404
    assert browser().get(f"/field_reports/r/{found.token}/reply").status_code == 405
    assert paused(found)


def test_the_news_of_a_pause_leads_to_the_same_form(tmp_path: Path) -> None:
    found = report(email="nam@example.vn", site="https://city.example")
    voice = joining.of_reporter(found)
    page = f"/field_reports/v/{voice.token}/"
    assert "/reply" not in browser().get(page).content.decode(), "it is not known yet whose address that is"
    assert following.confirm(voice, voice.code)
    verify(found)
    desk.take("live", found.incident.ref, "pause", factories.OPERATOR, Details(why=QUESTION))
    deliver()
    address = link(letters(tmp_path)[-1])
    shown = browser().get(address).content.decode()
    assert QUESTION in shown
    sent = form(shown)
    answer = browser().post(sent["action"], {"key": sent["key"], "words": ANSWER}, headers={"Origin": "null"})
    assert answer["Location"] == f"{page}?said=replied#reply"
    assert "Việc xử lý tiếp tục" in browser().get(answer["Location"].partition("#")[0]).content.decode()
    assert not paused(found)


def test_who_only_joined_neither_reads_the_question_nor_answers() -> None:
    found = asked()
    other = joining.join(found, "joined", joining.Who("b" * 24, "192.0.2.9\nphone"))
    page = browser().get(f"/field_reports/v/{other.token}/").content.decode()
    assert QUESTION not in page
    assert "/reply" not in page
    sent = {"key": "k" * 24, "words": ANSWER}
    assert browser().post(f"/field_reports/v/{other.token}/reply", sent).status_code == 404
    assert paused(found)


def test_more_is_taken_unasked_while_the_work_goes_on_and_no_longer() -> None:
    found = report()
    page = f"/field_reports/r/{found.token}/"
    sent = form(browser().get(page).content.decode())
    assert browser().post(sent["action"], {"key": sent["key"], "words": ANSWER}).status_code == 303
    assert said(found)[-1] == "comment"
    refusal = Details(outcome="unfounded", why="Không thấy.", reason="not_found")
    desk.take("live", found.incident.ref, "refuse", factories.OPERATOR, refusal)
    assert "data-reply" not in browser().get(page).content.decode()
    late = browser().post(sent["action"], {"key": "k" * 24, "words": ANSWER})
    assert late.status_code == 422
    assert said(found).count("comment") == 1


def test_a_link_that_leaked_does_not_fill_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "MOST", 2)
    found = report()
    answers = [
        browser().post(f"/field_reports/r/{found.token}/reply", {"key": f"{n}" * 20, "words": "Nữa"}) for n in range(3)
    ]
    assert [one.status_code for one in answers] == [303, 303, 422]
    assert said(found).count("comment") == 2


def test_a_photo_alone_is_an_answer_and_danger_in_the_words_shows_the_numbers_to_call() -> None:
    found = asked()
    answer = browser().post(f"/field_reports/r/{found.token}/reply", {"key": "k" * 24, "photos": [photo()]})
    assert answer.status_code == 303
    assert not paused(found)
    assert "Bạn đã gửi thêm ảnh" in browser().get(f"/field_reports/r/{found.token}/").content.decode()
    more = browser().post(f"/field_reports/r/{found.token}/reply", {"key": "m" * 24, "words": "Đang cháy nhà!"})
    assert "&call=" in more["Location"]


def test_what_was_added_goes_with_the_report_and_out_to_its_reporter_also_after_a_merge() -> None:
    keeper, found = report(), report("Đèn ấy")
    desk.take("live", found.incident.ref, "merge", factories.OPERATOR, Details(keeper=keeper.incident.ref))
    verify(keeper)
    desk.take("live", keeper.incident.ref, "pause", factories.OPERATOR, Details(why=QUESTION))
    page = browser().get(f"/field_reports/r/{found.token}/").content.decode()
    assert QUESTION in page
    answer = browser().post(
        f"/field_reports/r/{found.token}/reply", {"key": "k" * 24, "words": ANSWER, "photos": [photo()]}
    )
    assert answer.status_code == 303
    assert not paused(keeper)
    fresh = Report.objects.get(pk=found.pk)
    assert [one["words"] for one in _told(fresh)["replies"]] == [ANSWER]
    intake.erase(fresh, factories.SUPERVISOR, "request")
    assert not Note.objects.filter(text=ANSWER).exists()

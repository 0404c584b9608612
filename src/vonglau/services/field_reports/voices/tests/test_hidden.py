"""What nobody may know of, nobody learns: a denunciation that came in as a report is refused, and every door is silent about it."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.notify_models import Notice
from vonglau.core.tests import factories
from vonglau.kit.language import COOKIE
from vonglau.services.field_reports import hiding
from vonglau.services.field_reports.models import PhotoReview, PublicReport, Report, Voice
from vonglau.services.field_reports.voices import following, joining, reach
from vonglau.services.field_reports.voices.tests import people
from vonglau.services.field_reports.voices.tests.people import (
    browser,
    deliver,
    follower,
    letters,
    report,
    verify,
    who,
)

pytestmark = pytest.mark.django_db


def refuse(found: Report, reason: str = "denunciation") -> None:
    details = Details(outcome="redirected", why="Là đơn.", reason=reason, target="citizen_reception")
    desk.take("live", found.incident.ref, "refuse", factories.OPERATOR, details)


def by_hand(found: Report) -> None:
    hiding.decide(found, factories.OPERATOR, hidden=True, why="Nêu tên một người.")


@pytest.mark.parametrize("hide", [refuse, by_hand])
def test_every_public_door_answers_as_for_what_never_was(hide: Any) -> None:
    found, own = report(), report("Đèn khác tắt")
    hide(found)
    phone = browser()
    for path in ("", "feed.atom", "feed.atom?in=en"):
        assert phone.get(f"/field_reports/{found.reference}/{path}").status_code == 404, path
    for part in ("joined", "follower"):
        assert phone.post(f"/field_reports/{found.reference}/join", {"part": part}).status_code == 404
    assert phone.post(f"/field_reports/r/{own.token}/same/{found.reference}").status_code == 404
    assert not Voice.objects.exclude(part="reporter").exists()
    assert phone.get(f"/field_reports/{own.reference}/feed.atom").status_code == 200


@pytest.mark.parametrize("hide", [refuse, by_hand])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_number_does_not_say_whether_there_is_a_report(hide: Any, language: str) -> None:
    found = report(photo=True)
    hide(found)
    never = f"{found.reference[:-4]}9876"
    phone = Client()
    phone.cookies[COOKIE] = language

    def told(number: str, method: str, path: str) -> tuple[int, list[tuple[str, str]], str]:
        answer = getattr(phone, method)(f"/field_reports/{path.format(number)}")
        text = re.sub(
            r"\d\d:\d\d:\d\d ", "", answer.content.decode().replace(number, "?")
        )  # a page says when it was made
        words = re.search("<main.*</main>", text, re.DOTALL)
        assert words is not None
        return answer.status_code, sorted(answer.items()), words[0]

    photo = PhotoReview.objects.get().pk
    doors = (("get", "{}/"), ("get", "{}/feed.atom"), ("post", "{}/join"), ("get", f"photos/{{}}/{photo}"))
    for method, path in doors:
        assert told(found.reference, method, path) == told(never, method, path), path


def test_the_number_of_a_hidden_report_stands_at_no_other() -> None:
    keeper, merged = report(), report("Cùng cây đèn ấy")
    desk.take("live", merged.incident.ref, "merge", factories.OPERATOR, Details(keeper=keeper.incident.ref))
    assert PublicReport.objects.get(report=merged).keeper == keeper.reference
    by_hand(keeper)
    assert PublicReport.objects.get(report=merged).keeper == ""
    for path in (
        f"{merged.reference}/",
        f"{merged.reference}/feed.atom",
        "data/reports.csv?period=all",
        "data/reports.geojson?period=all",
    ):
        answer = browser().get(f"/field_reports/{path}")
        said = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert merged.reference in said.decode(), path
        assert keeper.reference not in said.decode(), path
    hiding.decide(keeper, factories.OPERATOR, hidden=False, why="Đã che.")
    assert PublicReport.objects.get(report=merged).keeper == keeper.reference


@pytest.mark.parametrize("path", ["{}/feed.atom", "feed.atom?period=all"])
def test_a_copy_of_a_feed_is_asked_for_again_and_is_gone_once_hidden(path: str) -> None:
    found = report()
    address = f"/field_reports/{path.format(found.reference)}"
    first = browser().get(address)
    assert found.reference in first.content.decode()
    assert first["Cache-Control"] == "public, no-cache"
    again = browser().get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    by_hand(found)
    after = browser().get(address, headers={"If-None-Match": first["ETag"]})
    assert after.status_code == (404 if "{}" in path else 200)
    assert found.reference not in after.content.decode().replace(address, "")


@pytest.mark.parametrize("hide", [refuse, by_hand])
def test_who_joined_before_reads_only_that_it_is_not_public_and_may_stop(hide: Any) -> None:
    found = report()
    voice = follower(found)
    phone = browser()
    assert "Đèn đường" in phone.get(f"/field_reports/v/{voice.token}/").content.decode()
    hide(found)
    for answer in (
        phone.get(f"/field_reports/v/{voice.token}/?said=confirmed"),
        phone.post(f"/field_reports/v/{voice.token}/follow", {"email": "no"}),
        phone.post(f"/field_reports/v/{voice.token}/verdict", {"score": "9"}),
        phone.get(f"/field_reports/v/{voice.token}/confirm/x"),
    ):
        words = answer.content.decode()
        assert answer.status_code == 404
        assert "Phản ánh này không còn công khai" in words
        assert f"/field_reports/v/{voice.token}/stop" in words
        for told in ("Đèn đường", "Tố cáo", "tố cáo", found.reference):
            assert told not in words
    assert phone.post(f"/field_reports/v/{voice.token}/push", "{}", "application/json").status_code == 404
    after = phone.post(f"/field_reports/v/{voice.token}/stop", follow=True)
    assert "Đã thôi nhận tin" in after.content.decode()
    assert not Voice.objects.get(pk=voice.pk).address
    assert phone.get(f"/field_reports/r/{found.token}/").status_code == 200, "the reporter keeps their own page"


def reporter(found: Report) -> Voice:
    """Who sent it, told under their own address."""
    voice = following.by_email(joining.of_reporter(found, site="https://city.example"), "nam@example.vn")
    assert following.confirm(voice, voice.code)
    return voice


def test_a_hidden_refusal_is_told_to_the_reporter_alone(tmp_path: Path) -> None:
    found = report()
    own = reporter(found)
    follower(found)
    joining.programme(found, "app", "https://x.example/hook")
    deliver()
    before = len(letters(tmp_path))
    refuse(found)
    assert [one.recipient for one in Notice.objects.filter(kind="news")] == [f"field_reports/{own.pk}"]
    deliver()
    (told,) = letters(tmp_path)[before:]
    assert told["To"] == people.box(own)
    assert "Lý do: " in told.get_content()


def test_after_a_report_is_hidden_by_hand_its_steps_are_told_to_the_reporter_alone() -> None:
    found = report()
    own = reporter(found)
    follower(found)
    by_hand(found)
    verify(found)
    assert [one.recipient for one in Notice.objects.filter(kind="news")] == [f"field_reports/{own.pk}"]


def test_news_that_waits_when_a_report_is_hidden_does_not_leave(tmp_path: Path) -> None:
    found = report()
    follower(found)
    deliver()
    verify(found)
    by_hand(found)
    assert deliver() == 0
    assert Notice.objects.get(kind="news").state == "cancelled"


def test_a_question_written_for_another_way_is_not_sent_there(settings: Any) -> None:
    settings.VONGLAU_SMS_URL = "https://sms.example/send"
    found = report()
    voice = following.by_email(joining.join(found, "joined", who()), "an@example.vn")
    mail = Notice.objects.get(channel="citizen-email")
    assert reach.letter(mail) is not None
    following.by_phone(voice, "sms", "0905 123 456")
    assert reach.letter(mail) is None, "a telephone number is no address of a mail"
    assert reach.letter(Notice.objects.get(channel="sms")) is not None


def test_a_report_that_is_shown_again_is_read_again() -> None:
    found = report()
    voice = joining.join(found, "joined", who())
    by_hand(found)
    assert browser().get(f"/field_reports/v/{voice.token}/").status_code == 404
    hiding.decide(found, factories.OPERATOR, hidden=False, why="Đã che.")
    assert browser().get(f"/field_reports/v/{voice.token}/").status_code == 200

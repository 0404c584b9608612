"""What nobody may know of, nobody learns: a denunciation that came in as a report is refused, and every door is silent about it."""

from pathlib import Path
from typing import Any

import pytest

from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.notify_models import Notice
from vonglau.core.tests import factories
from vonglau.services.field_reports import hiding
from vonglau.services.field_reports.models import Report, Voice
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


@pytest.fixture(autouse=True)
def city(settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    settings.ALLOWED_HOSTS = ["testserver"]
    factories.live()
    factories.drill()


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

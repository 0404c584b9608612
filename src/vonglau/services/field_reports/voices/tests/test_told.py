"""Voices are told only after they said yes, in plain words, once for each step; and never again after one press."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from vonglau.core.errors import BadInput
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.notify_models import Notice
from vonglau.core.tests import factories
from vonglau.services.field_reports import subjects
from vonglau.services.field_reports.models import Question, Report, Voice
from vonglau.services.field_reports.voices import following, joining, reach
from vonglau.services.field_reports.voices.tests import people
from vonglau.services.field_reports.voices.tests.people import (
    browser,
    deliver,
    follower,
    letters,
    link,
    report,
    verify,
    who,
)

pytestmark = pytest.mark.django_db


def test_an_address_is_asked_first_and_told_only_after_it_said_yes(tmp_path: Path) -> None:
    found = report()
    phone = browser()
    page = phone.post(f"/field_reports/{found.reference}/join", {"part": "joined"})["Location"].split("?")[0]
    sent = phone.post(f"{page}follow", {"email": "an@example.vn"}, follow=True)
    assert "a•••@example.vn" in sent.content.decode()
    verify(found)
    assert deliver() == 1
    (asked,) = letters(tmp_path)
    assert asked["To"] == people.box(Voice.objects.get()), "a file that stands for a mail holds no address"
    assert found.reference in asked["Subject"]
    assert "List-Unsubscribe" not in asked
    opened = link(asked)
    assert phone.get(opened).status_code == 200
    assert Voice.objects.get().confirmed_at is None, "a mail programme that opens links says no yes"
    assert "nhận tin mỗi khi có bước mới" in phone.post(opened, follow=True).content.decode()
    factories.agency()
    desk.take("live", found.incident.ref, "assign", factories.OPERATOR, Details(agency="xay-dung"))
    assert deliver() == 1
    news = letters(tmp_path)[-1]
    assert news["Subject"] == f"{found.reference}: Giao cơ quan xử lý"
    words = news.get_content()
    for part in ("Sở Xây dựng", "Đèn đường", found.reference):
        assert part.lower() in words.lower(), words
    assert "0905" not in words
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert phone.get(link(news)).status_code == 200


def test_a_mail_programme_ends_it_by_one_press_and_the_address_is_gone(tmp_path: Path) -> None:
    found = report()
    voice = follower(found)
    verify(found)
    deliver()
    stop = letters(tmp_path)[-1]["List-Unsubscribe"].strip(" <>").removeprefix("https://city.example")
    assert Client().get(stop).status_code == 200
    assert Voice.objects.get(pk=voice.pk).told
    assert Client().post(stop, {"List-Unsubscribe": "One-Click"}).status_code == 303
    kept = Voice.objects.get(pk=voice.pk)
    assert (kept.address, kept.address_digest, kept.told, kept.counted) == ("", "", False, True)
    factories.agency()
    desk.take("live", found.incident.ref, "assign", factories.OPERATOR, Details(agency="xay-dung"))
    assert deliver() == 0
    assert Client().post(stop).status_code == 303, "twice is as once"


def test_news_that_waits_for_somebody_who_left_is_not_sent() -> None:
    found = report()
    voice = follower(found)
    deliver()
    verify(found)
    following.end(voice)
    assert deliver() == 0
    assert Notice.objects.get(kind="news").state == "cancelled"


def test_where_a_mail_server_is_set_the_mail_goes_to_the_address(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core import mail

    from vonglau.core.notify import email as core_email

    settings.EMAIL_HOST = "mail.example"
    monkeypatch.setattr(core_email, "get_connection", lambda *args, **more: mail.get_connection())
    report(email="nam@example.vn", site="https://city.example")
    assert deliver() == 1
    assert mail.outbox[0].to == ["nam@example.vn"]


def test_each_voice_is_told_once_per_step_in_its_own_language(tmp_path: Path) -> None:
    found = report()
    an = people.box(follower(found))
    ben = people.box(follower(found, "ben@example.org", language="en"))
    deliver()
    before = len(letters(tmp_path))
    verify(found)
    assert deliver() == 2
    told = {one["To"]: one for one in letters(tmp_path)[before:]}
    assert told[an]["Subject"].endswith("Trung tâm đã xác minh")
    assert told[ben]["Subject"].endswith("Verified by the centre")
    assert "View it: https://city.example/field_reports/v/" in told[ben].get_content()


def test_a_merged_reports_voices_hear_of_the_keeper_and_one_address_once(tmp_path: Path) -> None:
    keeper, other = report(), report("Đèn vẫn tắt")
    an = people.box(follower(keeper))
    binh = people.box(follower(other, "binh@example.vn"))
    follower(other, "an@example.vn")
    desk.take("live", other.incident.ref, "merge", factories.OPERATOR, Details(keeper=keeper.incident.ref))
    deliver()
    before = len(letters(tmp_path))
    verify(keeper)
    assert deliver() == 2
    subjects_ = sorted((one["To"], one["Subject"].partition(":")[0]) for one in letters(tmp_path)[before:])
    assert subjects_ == sorted([(an, keeper.reference), (binh, other.reference)])


def test_a_refusal_tells_its_coded_reason_and_door_never_what_was_typed(tmp_path: Path) -> None:
    found = report()
    follower(found)
    desk.take(
        "live", found.incident.ref, "refuse", factories.OPERATOR,
        Details(outcome="redirected", why="Ông Nguyễn Văn A, 0905 123 456, xem lại.", reason="other_authority", target="police"),
    )  # fmt: skip
    deliver()
    words = letters(tmp_path)[-1].get_content()
    assert "Lý do: " in words
    assert "Nơi nhận: " in words
    assert "Nguyễn Văn A" not in words


def test_the_reporters_own_contact_is_the_first_voice(tmp_path: Path) -> None:
    found = report(email="nam@example.vn", language="en", site="https://city.example")
    voice = Voice.objects.get()
    assert (voice.part, voice.channel, voice.language, voice.confirmed_at) == ("reporter", "email", "en", None)
    assert deliver() == 1
    (asked,) = letters(tmp_path)
    assert "0905" not in asked.get_content()
    assert found.token not in asked.get_content(), "who gets a mail by mistake reads nothing of the report"
    assert Client().post(link(asked)).status_code == 303
    verify(found)
    assert deliver() == 1


def test_only_the_reporter_is_asked_for_more(tmp_path: Path) -> None:
    found = report(email="nam@example.vn", site="https://city.example")
    voice = Voice.objects.get()
    following.confirm(voice, voice.code)
    follower(found)
    verify(found)
    deliver()
    before = len(letters(tmp_path))
    desk.take("live", found.incident.ref, "pause", factories.OPERATOR, Details(why="Chỗ nào?"))
    deliver()
    assert [one["To"] for one in letters(tmp_path)[before:]] == [people.box(voice)]


def test_neither_the_outbox_nor_the_log_holds_an_address_or_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    found = report()
    with caplog.at_level(logging.DEBUG):
        voice = follower(found)
        verify(found)
        deliver()
    kept = json.dumps(list(Notice.objects.values()), default=str) + caplog.text
    for secret in ("an@example.vn", voice.token, found.token):
        assert secret not in kept
    raw = Voice.objects.raw("SELECT * FROM field_reports_voice")
    assert raw[0].address == "an@example.vn"
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT address, address_digest, device, network FROM field_reports_voice")
        assert all("example" not in cell and "192.0" not in cell for row in cursor.fetchall() for cell in row)


def test_a_drills_mail_says_so_and_stays_in_the_house(tmp_path: Path, settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example"
    found = report(world="drill-1", email="nam@example.vn", site="https://city.example")
    assert deliver() == 1
    (asked,) = letters(tmp_path, "drill-1")
    assert asked["Subject"].strip().startswith("[DIỄN TẬP]")
    assert found.reference in asked["Subject"]


@pytest.mark.parametrize(
    "address", ["", "an", "an@", "a b@example.vn", "a@b.vn\nBcc: x@y.vn", "a" * 300 + "@example.vn"]
)
def test_what_is_no_address_is_said_beside_the_field(address: str) -> None:
    found = report()
    phone = browser()
    page = phone.post(f"/field_reports/{found.reference}/join")["Location"].split("?")[0]
    answer = phone.post(f"{page}follow", {"email": address})
    assert answer.status_code == 422
    assert 'id="follow-fault"' in answer.content.decode()
    assert not Notice.objects.exists()


def test_a_telephone_is_asked_where_a_relay_is_set(settings: Any) -> None:
    voice = joining.join(report(), "joined", who())
    phone = browser()
    with pytest.raises(BadInput):
        following.by_phone(voice, "sms", "0905 123 456")
    assert "follow-phone" not in phone.get(f"/field_reports/v/{voice.token}/").content.decode()
    settings.VONGLAU_SMS_URL = "https://sms.example/send"
    bad = phone.post(f"/field_reports/v/{voice.token}/follow", {"phone": "113", "channel": "sms"})
    assert bad.status_code == 422
    assert "follow-phone-fault" in bad.content.decode()
    sent = phone.post(
        f"/field_reports/v/{voice.token}/follow", {"phone": "0905 123 456", "channel": "sms"}, follow=True
    )
    assert "•••456" in sent.content.decode()
    notice = Notice.objects.get()
    assert (notice.channel, notice.kind) == ("sms", "confirm")
    from vonglau.core.notify import letters as outgoing

    letter = outgoing.of(notice)
    assert letter.address == "0905 123 456"
    assert "/confirm/" in letter.body
    assert "{link}" not in letter.body
    assert [one.pk for one in subjects.voices(phone="+84905123456")] == [voice.pk]


def test_nobodys_letter_box_is_filled_by_others() -> None:
    for _ in range(12):
        report(email="victim@example.vn")
    assert Notice.objects.filter(kind="confirm").count() == following.ASKED_OF_AN_ADDRESS
    assert Report.objects.count() == 12
    voice = joining.join(report(), "joined", who())
    with pytest.raises(following.TooOften):
        following.by_email(voice, "victim@example.vn")
    late = timezone.now() + timedelta(days=2)
    following.ask(Voice.objects.filter(channel="email", asked=1).first(), late)  # type: ignore[arg-type]


def test_one_voice_fills_no_letter_box_by_changing_its_address_or_stopping() -> None:
    voice = joining.join(report(), "joined", who())
    for asked in ("victim@example.vn", "a@example.vn", "victim@example.vn"):
        following.by_email(voice, asked)
        following.end(voice)
    for asked in ("victim@example.vn", "b@example.vn"):
        with pytest.raises(following.TooOften):
            following.by_email(voice, asked)
    assert Notice.objects.filter(kind="confirm").count() == following.ASKED_OF_ONE
    following.tidy(timezone.now() + timedelta(days=2))
    assert not Question.objects.exists()


def test_a_question_leaves_for_the_address_it_was_written_for_alone() -> None:
    voice = joining.join(report(), "joined", who())
    following.by_email(voice, "an@example.vn")
    following.by_email(voice, "victim@example.vn")
    to = {reach.letter(notice) for notice in Notice.objects.filter(kind="confirm").order_by("pk")}
    assert [one.address for one in to if one is not None] == ["victim@example.vn"]


def test_an_older_question_is_not_answered_by_a_newer_address() -> None:
    found = report()
    voice = following.by_email(joining.join(found, "joined", who()), "an@example.vn")
    old = voice.code
    voice = following.by_email(voice, "other@example.vn")
    assert not following.confirm(voice, old)
    assert not following.confirm(voice, "")
    answer = browser().post(f"/field_reports/v/{voice.token}/confirm/{old}")
    assert answer.status_code == 410
    assert following.confirm(voice, voice.code)


def test_a_browser_of_a_citizen_is_told_by_push() -> None:
    import base64

    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    text = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()  # noqa: E731
    said = {"endpoint": "https://push.example/1", "keys": {"p256dh": text(point), "auth": text(b"0" * 16)}}
    found = report()
    phone = browser()
    page = phone.post(f"/field_reports/{found.reference}/join")["Location"].split("?")[0]
    for bad in ("{", "[]", json.dumps({**said, "endpoint": "ftp://x"}), "x" * 9_000):
        assert phone.post(f"{page}push", bad, content_type="application/json").status_code in (400, 422)
    answer = phone.post(f"{page}push", json.dumps(said), content_type="application/json")
    assert answer.status_code == 201
    assert "trình duyệt bạn đã bật" in phone.get(answer.json()["url"]).content.decode()
    verify(found)
    notice = Notice.objects.get()
    assert (notice.channel, notice.kind) == ("citizen-push", "news")
    from vonglau.core.notify import letters as outgoing

    letter = outgoing.of(notice)
    shown = json.loads(letter.body)
    assert shown["url"] == page
    assert json.loads(letter.address)["endpoint"] == "https://push.example/1"
    from vonglau.core.notify.channel import NotDelivered

    outgoing.settled(notice, NotDelivered("The subscription ended (410).", gone=True, moot=True))
    assert Voice.objects.get().channel == ""


def test_the_feed_is_what_anybody_may_read() -> None:
    from xml.etree import ElementTree

    found = report()
    verify(found)
    answer = browser().get(f"/field_reports/{found.reference}/feed.atom?in=en")
    assert answer["Content-Type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(answer.content)
    space = "{http://www.w3.org/2005/Atom}"
    titles = [one.findtext(f"{space}title") for one in root.findall(f"{space}entry")]
    assert titles == ["Verified by the centre", "Report received"]
    assert root.findtext(f"{space}id", "").endswith(f"/field_reports/{found.reference}/")
    assert found.token.encode() not in answer.content
    assert b"0905" not in answer.content
    assert browser().get("/field_reports/PA-2611-9999/feed.atom").status_code == 404

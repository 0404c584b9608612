"""People around a report: counted once, and gone when they want to be."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from vonglau.core import rotating
from vonglau.core.errors import BadInput
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import keeping, subjects
from vonglau.services.field_reports.models import Voice
from vonglau.services.field_reports.voices import following, joining
from vonglau.services.field_reports.voices.tests.people import browser, follower, report, who

pytestmark = pytest.mark.django_db
CLERK = Actor("clerk", "administrator")


# ---------------------------------------------------------------------------------------------- counting


def test_one_press_joins_and_the_same_browser_is_one_voice() -> None:
    found = report()
    phone = browser()
    first = phone.post(f"/field_reports/{found.reference}/join", {"part": "joined"})
    assert first.status_code == 303
    page = phone.get(first["Location"])
    assert "bạn cũng gặp việc này" in page.content.decode()
    assert "2 người gặp việc này" in page.content.decode()
    again = phone.post(f"/field_reports/{found.reference}/join", {"part": "joined"})
    assert again["Location"] == first["Location"]
    assert joining.people(found.incident) == 2
    cookie = phone.cookies["vl_me"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/field_reports/")


def test_a_browser_that_lost_its_cookie_joins_and_is_not_counted_again() -> None:
    found = report()
    browser().post(f"/field_reports/{found.reference}/join", {"part": "joined"})
    incognito = browser().post(f"/field_reports/{found.reference}/join", {"part": "joined"}, follow=True)
    assert "đã được tính một lần" in incognito.content.decode()
    assert (Voice.objects.count(), joining.people(found.incident)) == (2, 2)
    browser("198.51.100.7").post(f"/field_reports/{found.reference}/join", {"part": "joined"})
    assert joining.people(found.incident) == 3


def test_the_reporter_adds_nothing_to_their_own_count() -> None:
    found = report(who=who(origin="192.0.2.1\nother"))
    browser().post(f"/field_reports/{found.reference}/join", {"part": "joined"})
    assert joining.people(found.incident) == 1


def test_an_address_that_said_yes_counts_once_whatever_browser_it_came_from() -> None:
    found = report()
    one = follower(found)
    two = joining.join(found, "joined", who("b", "an@example.vn"))
    assert (one.counted, two.counted) == (True, False), "one network"
    two = following.by_email(two, "binh@example.vn")
    following.confirm(two, two.code)
    assert joining.people(found.incident) == 3, "another address is another person"
    three = joining.join(found, "joined", who("c", "elsewhere"))
    three = following.by_email(three, " AN@example.vn")
    following.confirm(three, three.code)
    assert joining.people(found.incident) == 3
    assert Voice.objects.get(pk=one.pk).ended_at is not None, "one address hears once"
    for mark in ("d", "e"):
        again = following.by_email(joining.join(found, "joined", who(mark, mark)), "an@example.vn")
        following.confirm(again, again.code)
        following.end(again)
        assert joining.people(found.incident) == 3, "nor is it another person when it stops and begins anew"


def test_what_a_browser_calls_itself_makes_it_no_other_person() -> None:
    found = report()
    for number in range(6):
        answer = browser(agent=f"curl/{number}").post(f"/field_reports/{found.reference}/join", {"part": "joined"})
        assert answer.status_code == 303
    assert joining.people(found.incident) == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="how SQLite chooses an index")
def test_voices_of_a_matter_are_found_by_its_incidents() -> None:
    plan = Voice.objects.filter(joining.voices_of(report().incident)).explain()
    assert "SCAN" not in plan, plan


def test_followers_are_no_people_with_the_trouble_and_may_become_some() -> None:
    found = report()
    voice = joining.join(found, "follower", who())
    assert joining.people(found.incident) == 1
    assert joining.join(found, "joined", who()).pk == voice.pk
    assert joining.people(found.incident) == 2


def test_whoever_joined_two_reports_is_one_person_when_they_are_merged() -> None:
    keeper, other = report(), report("Đèn vẫn tắt", who=who(origin="elsewhere"))
    joining.join(keeper, "joined", who("a", "elsewhere"))
    joining.join(other, "joined", who("b", "third"))
    joining.join(keeper, "joined", who("b", "third"))
    assert joining.people(keeper.incident) == 3
    merged = desk.take("live", other.incident.ref, "merge", factories.OPERATOR, Details(keeper=keeper.incident.ref))
    assert joining.people(desk.fate(merged)) == 3, "two who sent or joined, and one who did both"


def test_what_is_ended_can_be_followed_and_not_joined() -> None:
    found = report()
    desk.take(
        "live", found.incident.ref, "refuse", factories.OPERATOR,
        Details(outcome="unfounded", why="Không thấy.", reason="not_found"),
    )  # fmt: skip
    assert "Tôi cũng gặp" not in browser().get(f"/field_reports/{found.reference}/").content.decode()
    browser().post(f"/field_reports/{found.reference}/join", {"part": "joined"})
    assert Voice.objects.get().part == "follower"


@pytest.mark.parametrize("reference", ["PA-2611-9999", "x", "%00", "a" * 300])
def test_joining_what_is_not_there_is_answered(reference: str) -> None:
    assert browser().post(f"/field_reports/{reference}/join").status_code == 404


def test_another_site_cannot_make_somebody_join() -> None:
    found = report()
    client = Client(HTTP_SEC_FETCH_SITE="cross-site")
    assert client.post(f"/field_reports/{found.reference}/join").status_code == 403
    assert not Voice.objects.exists()


def test_a_page_that_sends_no_referrer_works_in_a_browser_that_says_nothing_else() -> None:
    found = report()
    voice = joining.join(found, "joined", who())
    old = Client(HTTP_ORIGIN="null")
    for page in (f"/field_reports/v/{voice.token}/", f"/field_reports/r/{found.token}/"):
        assert old.get(page)["Referrer-Policy"] == "no-referrer"
        assert old.post(f"{page}follow", {"email": "an@example.vn"}).status_code == 303
        assert old.post(f"{page}stop").status_code == 303
        assert Client(HTTP_ORIGIN="https://elsewhere.example").post(f"{page}stop").status_code == 403
    assert old.post(f"/field_reports/{found.reference}/join").status_code == 403, "no secret proves that"


# ---------------------------------------------------------------------------------------------- going


def test_what_never_said_yes_is_forgotten_after_a_week() -> None:
    found = report(email="nam@example.vn")
    follower(found)
    now = timezone.now()
    assert following.tidy(now + timedelta(days=6)) == 0
    assert following.tidy(now + timedelta(days=8)) == 1
    assert [one.address for one in Voice.objects.order_by("pk")] == ["", "an@example.vn"]


def test_retention_takes_addresses_and_marks_with_the_contacts() -> None:
    found = report()
    follower(found)
    Incident.objects.filter(pk=found.incident_id).update(state="closed", closed_at=factories.MONDAY)
    late = factories.MONDAY + timedelta(days=keeping.days(factories.MONDAY.date())["contacts"][0], seconds=1)
    assert keeping.run(late)["contacts"] == 1
    voice = Voice.objects.get()
    assert (voice.address, voice.device, voice.network) == ("", "", "")
    assert joining.people(found.incident) == 2, "the number stays"
    assert keeping.run(late) == {}


def test_a_person_gets_and_erases_what_is_kept_of_their_joining(tmp_path: Path) -> None:
    found = report()
    voice = follower(found)
    follower(found, "binh@example.vn")
    mine = subjects.voices(email="AN@example.vn")
    assert [one.pk for one in mine] == [voice.pk]
    assert subjects.find(email="an@example.vn") == []
    told = subjects.export([], tmp_path / "out", CLERK, mine)
    assert told["joined"] == 1
    written = (tmp_path / "out" / "reports.json").read_text()
    assert "an@example.vn" in written
    assert "binh" not in written
    notes = tmp_path / "notes"
    notes.mkdir()
    kept = Voice.objects.filter(pk=voice.pk).values().get()
    assert subjects.erase([], CLERK, mine) == [found.reference]
    assert subjects.voices(email="an@example.vn") == []
    (note,) = (tmp_path / subjects.FOLDER).iterdir()
    assert "an@" not in note.read_text()
    # A backup of before is restored: the address is there again, and goes again; the other's stays.
    Voice.objects.filter(pk=voice.pk).delete()
    Voice.objects.create(**{**kept, "address": "an@example.vn"})
    (notes / note.name).write_bytes(note.read_bytes())
    assert subjects.again(notes) == [found.reference]
    assert subjects.again(notes) == []
    assert [one.address for one in Voice.objects.order_by("pk")] == ["", "binh@example.vn"]


def test_erasing_a_report_takes_its_reporters_voice_and_nobody_elses() -> None:
    found = report(email="nam@example.vn")
    follower(found)
    subjects.erase(subjects.find(email="nam@example.vn"), CLERK)
    assert [one.address for one in Voice.objects.order_by("pk")] == ["", "an@example.vn"]


def test_a_rotation_of_keys_finds_addresses_still() -> None:
    from vonglau.core import vault

    follower(report())
    ring = vault.ring()
    ring.put([vault.Key.fresh(), *ring.newest_first()])
    assert rotating.everything().digests >= 1
    assert len(subjects.voices(email="an@example.vn")) == 1


def test_what_is_no_address_of_a_webhook_is_refused() -> None:
    voice = joining.join(report(), "follower", who())
    for url in ("ftp://x.example", "https://u:p@x.example", "no"):
        with pytest.raises(BadInput):
            following.by_webhook(voice, url)
    assert following.by_webhook(voice, "https://x.example/hook").startswith("whsec_")

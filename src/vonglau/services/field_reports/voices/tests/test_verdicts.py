"""What people think of a result: one verdict for each, a bad one may reopen by the table's own step, and the words are theirs alone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict, StepNotPossible
from vonglau.core.incidents import clocks, desk
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.timeline import timeline
from vonglau.core.indicators.definitions import Scope, measure
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.services.field_reports import keeping, subjects
from vonglau.services.field_reports.models import Report, Verdict, Voice
from vonglau.services.field_reports.voices import joining, verdicts
from vonglau.services.field_reports.voices.satisfaction import SATISFIED
from vonglau.services.field_reports.voices.tests.people import browser, report, who

pytestmark = pytest.mark.django_db
WORDS = "Đèn vẫn tắt, gọi 0905 123 456"


@pytest.fixture(autouse=True)
def city(settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()
    factories.agency()


def resolved(found: Report, at: Any = None) -> Incident:
    """With a result that needs no photo."""
    ref = found.incident.ref
    for step, details in (
        ("verify", Details()),
        ("assign", Details(agency="xay-dung")),
        ("start", Details()),
        ("resolve", Details(outcome="explained", why="Đã hẹn thợ.")),
    ):
        desk.take("live", ref, step, factories.OPERATOR, details, at=at)
    return desk.get("live", ref)


def own(found: Report) -> Voice:
    return joining.of_reporter(found)


def test_a_bad_verdict_reopens_by_the_tables_step_and_the_desk_reads_why() -> None:
    found = report()
    resolved(found)
    page = Client().get(f"/field_reports/r/{found.token}/").content.decode()
    assert 'name="objects"' in page
    assert "40 giờ làm việc" in page
    assert "do nơi vận hành chọn" in page, "no instrument was established for it"
    sent = {"score": "1", "words": WORDS, "objects": "1"}
    answer = Client().post(f"/field_reports/r/{found.token}/verdict", sent, follow=True)
    assert "việc đã được mở lại" in answer.content.decode()
    incident = desk.get("live", found.incident.ref)
    assert (incident.state, incident.reopened, incident.outcome) == ("assigned", 1, "")
    entries = {one.step: one for one in timeline(incident)}
    assert entries["verdict"].why == "Đèn vẫn tắt, gọi [•••]", "as written it is opened on record, beside the report"
    assert "1 trên 5" in entries["verdict"].lines
    assert entries["reopen"].before == "resolved"
    for row, _body in audit.rows(incident.stream):
        assert b"0905" not in bytes(row.body)
    assert Verdict.objects.get().public_words == "Đèn vẫn tắt, gọi [•••]"
    assert list(audit.verify_streams()) == []


def test_one_verdict_for_each_result_and_a_new_result_is_judged_anew() -> None:
    found = report()
    resolved(found)
    verdicts.give(own(found), 2, "Chưa xong", objects=True)
    with pytest.raises(StepNotPossible):
        verdicts.give(own(found), 5, "")
    desk.take("live", found.incident.ref, "start", factories.OPERATOR)
    desk.take("live", found.incident.ref, "resolve", factories.OPERATOR, Details(outcome="explained", why="Xong."))
    verdicts.give(own(found), 5, "Tốt rồi")
    with pytest.raises(Conflict):
        verdicts.give(own(found), 1, "Không")
    assert [(one.round, one.score) for one in Verdict.objects.order_by("pk")] == [(0, 2), (1, 5)]
    page = Client().get(f"/field_reports/r/{found.token}/").content.decode()
    assert "Bạn chấm 5 trên 5." in page
    assert 'name="score"' not in page
    public = Client().get(f"/field_reports/{found.reference}/").content.decode()
    assert "5,0" in public
    assert "Chưa xong" not in public, "words wait until a person has passed them"


@pytest.mark.parametrize(
    ("score", "words", "objects"),
    [(0, "", False), (6, "", False), (1, "x" * 2001, False), (1, "", True), (4, "Sao?", True)],
)
def test_what_makes_no_verdict_is_refused_and_nothing_is_kept(score: int, words: str, objects: bool) -> None:
    found = report()
    resolved(found)
    with pytest.raises(BadInput):
        verdicts.give(own(found), score, words, objects=objects)
    sent = {"score": str(score), "words": words, **({"objects": "1"} if objects else {})}
    answer = Client().post(f"/field_reports/r/{found.token}/verdict", sent)
    assert answer.status_code == 422
    assert 'id="verdict-fault"' in answer.content.decode()
    assert not Verdict.objects.exists()
    assert desk.get("live", found.incident.ref).state == "resolved"


@pytest.mark.parametrize("score", ["", "a", "²", "-1", "1e0", "٣", "99999999999999999999"])
def test_hostile_scores_are_answered(score: str) -> None:
    found = report()
    resolved(found)
    assert Client().post(f"/field_reports/r/{found.token}/verdict", {"score": score}).status_code == 422


def test_without_a_result_there_is_nothing_to_judge() -> None:
    found = report()
    assert 'id="verdict"' not in Client().get(f"/field_reports/r/{found.token}/").content.decode()
    assert Client().post(f"/field_reports/r/{found.token}/verdict", {"score": "5"}).status_code == 422


def test_after_the_time_to_object_the_page_says_so_and_what_can_be_done_instead() -> None:
    found = report()
    long_ago = factories.MONDAY - timedelta(days=90)
    Incident.objects.filter(pk=found.incident_id).update(received_at=long_ago)
    incident = resolved(found, at=long_ago)
    desk.take("live", incident.ref, "close", factories.OPERATOR, at=long_ago)
    assert clocks.objection_ends(incident) < world("live").now()  # type: ignore[operator]
    page = Client().get(f"/field_reports/r/{found.token}/").content.decode()
    assert "đã hết lúc" in page
    assert 'name="objects"' not in page
    assert f"about={found.reference}" in page
    form = Client().get(f"/field_reports/?category=street_light&about={found.reference}").content.decode()
    assert f"Tiếp theo {found.reference}: " in form
    assert "<script>" not in Client().get("/field_reports/?about=<script>").content.decode().split("<main")[1]
    sent = {"score": "1", "words": WORDS, "objects": "1"}
    assert Client().post(f"/field_reports/r/{found.token}/verdict", sent).status_code == 422
    assert not Verdict.objects.exists()
    assert Client().post(f"/field_reports/r/{found.token}/verdict", {"score": "1"}).status_code == 303


def test_who_joined_a_merged_report_judges_and_reopens_its_keeper() -> None:
    keeper, other = report(), report("Đèn vẫn tắt", who=who(origin="x"))
    voice = joining.join(other, "joined", who("b", "y"))
    desk.take("live", other.incident.ref, "merge", factories.OPERATOR, Details(keeper=keeper.incident.ref))
    resolved(keeper)
    answer = browser().post(
        f"/field_reports/v/{voice.token}/verdict", {"score": "1", "words": "Còn tắt", "objects": "1"}
    )
    assert answer.status_code == 303
    assert desk.get("live", keeper.incident.ref).state == "assigned"
    assert Verdict.objects.get().incident_id == keeper.incident_id


def test_a_follower_rates_and_does_not_object() -> None:
    found = report()
    voice = joining.join(found, "follower", who())
    resolved(found)
    page = Client().get(f"/field_reports/v/{voice.token}/").content.decode()
    assert 'name="score"' in page
    assert 'name="objects"' not in page
    with pytest.raises(BadInput):
        verdicts.give(voice, 1, "Không", objects=True)
    verdicts.give(voice, 1, "")
    assert verdicts.summary(desk.get("live", found.incident.ref)) is None, "who has not the trouble is not counted"


def test_satisfaction_counts_each_person_once() -> None:
    found = report(who=who(origin="z"))
    first, again, stranger = (joining.join(found, part, who(mark, origin)) for part, mark, origin in (
        ("joined", "a", "x"), ("joined", "b", "x"), ("follower", "c", "y"),
    ))  # fmt: skip
    incident = resolved(found)
    for voice, score in ((own(found), 2), (first, 5), (again, 5), (stranger, 5)):
        verdicts.give(voice, score, "")
    told = verdicts.summary(desk.get("live", incident.ref))
    assert told == verdicts.Summary(2, 3.5)
    now = world("live").now()
    value = measure(SATISFIED, Scope("live", now - timedelta(hours=1), now + timedelta(hours=1), "48"))
    assert (value.counted.numerator, value.counted.denominator) == (1, 2)
    elsewhere = Scope("live", now - timedelta(hours=1), now + timedelta(hours=1), "48", ward="99999")
    assert measure(SATISFIED, elsewhere).ratio is None
    [row] = SATISFIED.rows(Scope("live", now - timedelta(hours=1), now + timedelta(hours=1), "48"), "numerator")
    assert SATISFIED.row is not None
    assert SATISFIED.row(row).href.endswith(incident.ref)


def test_the_words_of_a_verdict_go_with_retention_and_at_a_persons_request(tmp_path: Path) -> None:
    found = report(email="nam@example.vn")
    voice = joining.join(found, "joined", who())
    resolved(found)
    verdicts.give(own(found), 2, WORDS)
    verdicts.give(voice, 2, WORDS)
    clerk = factories.SUPERVISOR
    told = subjects.export(subjects.find(email="nam@example.vn"), tmp_path / "out", clerk)
    assert told["reports"] == 1
    assert "0905 123 456" in (tmp_path / "out" / "reports.json").read_text()
    subjects.erase(subjects.find(email="nam@example.vn"), clerk)
    mine, other = Verdict.objects.order_by("pk")
    assert (mine.note, mine.public_words, mine.score) == (None, "", 2)
    assert other.note is not None
    Incident.objects.update(state="closed", closed_at=factories.MONDAY)
    late = factories.MONDAY + timedelta(days=keeping.days(factories.MONDAY.date())["words"][0], seconds=1)
    keeping.run(late)
    other.refresh_from_db()
    assert (other.note, other.public_words) == (None, "Đèn vẫn tắt, gọi [•••]")
    assert keeping.run(late) == {}
    assert list(audit.verify_streams()) == []

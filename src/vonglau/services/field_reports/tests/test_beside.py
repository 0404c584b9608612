"""The desk sees what a report may double side by side: by public words, only open incidents, and nothing that is far."""

from datetime import timedelta

import pytest
from django.utils import translation

from vonglau.core.incidents import desk
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.beside import beside
from vonglau.services.field_reports.models import Report

pytestmark = pytest.mark.django_db

LAMP = "Đèn đường trước chợ Hàn tắt cả tuần, gọi 0905 123 456"


@pytest.fixture(autouse=True)
def _world() -> None:
    factories.live()


def report(words: str = LAMP, *, lat: float = 16.068, category: str = "street_light", hours: float = 0.0) -> Report:
    submission = intake.Submission(
        world="live",
        category=category,
        lon=108.224,
        lat=lat,
        personal=intake.Personal(description=words),
        source="open311",
        at=factories.MONDAY + timedelta(hours=hours),
    )
    return intake.receive(submission, Actor("token:app", "reporter", world="live"))


def test_the_nearest_alike_stands_beside_it_with_its_reasons() -> None:
    first = report()
    report("Rác chất đống ở bãi đất trống", lat=16.0755, category="waste", hours=1)
    second = report("Chợ Hàn: đèn đường tắt", lat=16.0682, hours=3)
    found = beside(second.incident)
    assert found is not None
    assert [one.ref for one in found.alike] == [first.incident.ref]
    [one] = found.alike
    assert "0905" not in one.words
    assert one.words.startswith("Đèn đường trước chợ Hàn")
    with translation.override("vi"):
        reasons = beside(second.incident).alike[0].reasons  # type: ignore[union-attr]
        assert list(reasons[:3]) == ["cách 22 m", "gửi trước 3 giờ", "cùng lĩnh vực"]
    with translation.override("en"):
        assert "sent 3 hours before" in beside(second.incident).alike[0].reasons  # type: ignore[union-attr]


def test_what_is_ended_far_or_of_another_world_is_not_offered() -> None:
    own = report()
    gone = report(hours=1)
    desk.take("live", gone.incident.ref, "merge", factories.OPERATOR, desk.Details(keeper=own.incident.ref))
    report(lat=16.2)
    assert beside(own.incident) is None


def test_without_words_or_point_nothing_breaks() -> None:
    own = report("")
    near = report("", hours=1)
    found = beside(own.incident)
    assert found is not None
    assert [one.ref for one in found.alike] == [near.incident.ref]
    intake.erase(near, factories.OPERATOR, "request")
    found = beside(own.incident)
    assert found is not None
    assert found.alike[0].words == ""
    Report.objects.filter(pk=own.pk).update(lat=None)
    assert beside(own.incident) is None
    assert beside(factories.incident()) is None

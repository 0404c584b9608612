"""Routing is data; what the desk does otherwise is counted and suggested, and only an administrator changes a rule."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from vonglau.centre.tests.conftest import NOW, actor, agency, incident, step
from vonglau.core import audit
from vonglau.core.errors import Conflict, NotAllowed
from vonglau.core.people.models import Agency
from vonglau.core.routing import rules, suggestions
from vonglau.core.worlds import World

SignIn = Callable[..., Client]
TODAY = timezone.localdate(NOW)


@pytest.fixture
def assigned(city: World) -> World:
    """Of 12 potholes in Hải Châu the desk gave 9 to the ward's committee, though the rule names the department."""
    for number in range(12):
        found = incident(kind="field_report", service="field_reports", category="pothole")
        step(found, "verify")
        step(found, "assign", agency="so-xay-dung")
        if number < 9:
            step(found, "assign", agency="phuong-hai-chau")
    return city


def ask(client: Client, do: str, **fields: str) -> str:
    where = {"category": "pothole", "ward": "20194", "agency": "phuong-hai-chau", "do": do, **fields}
    return client.post(reverse("centre:admin_routing_act"), where, follow=True).content.decode()


def test_the_rule_is_the_category_then_the_ward_on_a_day(city: World) -> None:
    assert rules.usual(city.pk, "pothole", "20194", TODAY) == "so-xay-dung"
    assert rules.usual(city.pk, "noise", "20194", TODAY) == "phuong-hai-chau"
    assert rules.usual(city.pk, "noise", "20242", TODAY) == ""
    Agency.objects.filter(code="so-xay-dung").update(valid_to=TODAY.replace(day=1))
    assert rules.usual(city.pk, "pothole", "20194", TODAY) == ""


def test_what_the_desk_does_is_counted_and_changes_nothing_by_itself(assigned: World) -> None:
    [one] = suggestions.suggestions(assigned, assigned.now())
    assert (one.category, one.ward, one.usual, one.agency) == ("pothole", "20194", "so-xay-dung", "phuong-hai-chau")
    assert (one.counted, one.total) == (9, 12)
    assert rules.usual(assigned.pk, "pothole", "20194", TODAY) == "so-xay-dung"


def test_an_administrator_accepts_and_the_desk_is_offered_it_first(assigned: World, sign_in: SignIn) -> None:
    admin = sign_in("administrator")
    page = admin.get(reverse("centre:admin_routing")).content.decode()
    assert "9 trong 12 việc đã được giao cho <strong>UBND phường Hải Châu</strong>" in page
    assert "Quy tắc áp dụng từ hôm nay" in ask(admin, "accept")
    assert rules.usual(assigned.pk, "pothole", "20194", TODAY) == "phuong-hai-chau"
    assert suggestions.suggestions(assigned, assigned.now()) == []
    assert audit.rows(suggestions.stream(assigned.pk))[-1][1]["step"] == "accept"
    found = incident(kind="field_report", service="field_reports", category="pothole")
    step(found, "verify")
    offered = sign_in("operator").get(f"/desk/{found.ref}/assign/").content.decode()
    assert offered.index('value="phuong-hai-chau"') < offered.index('value="so-xay-dung"')
    rule = rules.in_force(assigned.pk, TODAY)[0]
    assert "Quy tắc thôi áp dụng" in ask(admin, "withdraw", rule=str(rule.pk))
    assert rules.usual(assigned.pk, "pothole", "20194", TODAY) == "so-xay-dung"


def test_dismissed_it_is_not_asked_again_until_it_rests_on_twice_as_many(assigned: World, sign_in: SignIn) -> None:
    admin = sign_in("administrator", language="en")
    assert "dismissed" in ask(admin, "dismiss")
    assert suggestions.suggestions(assigned, assigned.now()) == []
    assert "nothing was recorded" in ask(admin, "accept")
    assert rules.usual(assigned.pk, "pothole", "20194", TODAY) == "so-xay-dung"
    for _ in range(12):
        found = incident(kind="field_report", service="field_reports", category="pothole")
        step(found, "verify")
        step(found, "assign", agency="phuong-hai-chau")
    [again] = suggestions.suggestions(assigned, assigned.now())
    assert (again.counted, again.total) == (21, 24)


def test_only_administrators_decide_and_only_what_is_counted(assigned: World, sign_in: SignIn) -> None:
    assert sign_in("supervisor").get(reverse("centre:admin_routing")).status_code in (403, 404)
    with pytest.raises(NotAllowed):
        suggestions.decide(assigned, "pothole", "20194", "phuong-hai-chau", actor("supervisor"), accept=True)
    agency("cap-nuoc", "Công ty cấp nước", "Water company")
    with pytest.raises(Conflict):
        suggestions.decide(assigned, "pothole", "20194", "cap-nuoc", actor("administrator"), accept=True)

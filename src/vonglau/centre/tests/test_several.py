"""The same step on several incidents: each by itself, what is refused named with its reason, nothing done that was not looked at."""

from typing import Any

import pytest

from vonglau.centre.tests.conftest import Sign, in_hands_of, incident, step
from vonglau.core import audit
from vonglau.core.incidents.models import Incident

pytestmark = pytest.mark.django_db
URL = "/desk/several"


def pick(*found: Incident) -> list[str]:
    return [f"{one.ref}:{one.version}" for one in found]


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_one_press_verifies_all_that_allow_it_and_names_the_others(sign_in: Sign) -> None:
    client = sign_in("operator")
    fresh, also, done, moved = (incident(f"Việc {n}") for n in range(4))
    step(done, "verify")
    done.refresh_from_db()
    chosen = pick(fresh, also, done, moved)
    step(moved, "note", why="vừa xem")  # somebody was faster: what was chosen is not what is there
    page = text(client.post(URL, {"pick": chosen, "step": "verify", "back": "?kind=x"}))
    assert "Đã ghi 2 việc" in page
    assert "Không ghi 2 việc" in page
    assert "Đã xác minh" in page
    assert "Vừa có người khác thay đổi" in page
    assert 'href="/desk/?kind=x"' in page
    states = {one.ref: one.state for one in Incident.objects.all()}
    assert [states[one.ref] for one in (fresh, also, done, moved)] == ["verified", "verified", "verified", "received"]
    rows = [body for _row, body in audit.rows(fresh.stream)]
    assert [(body["step"], body["who"]) for body in rows][-1] == ("verify", "operator.tt")
    again = text(client.post(URL, {"pick": chosen, "step": "verify"}))  # sent twice changes nothing
    assert "Không ghi 4 việc" in again


def test_what_a_step_needs_is_asked_once_for_all(sign_in: Sign) -> None:
    client = sign_in("supervisor")
    first, second = incident("Một"), incident("Hai")
    for one in (first, second):
        step(one, "verify")
        one.refresh_from_db()
    asked = client.post(URL, {"pick": pick(first, second), "step": "assign"})
    assert asked.status_code == 200
    assert 'name="agency"' in text(asked)
    assert {one.state for one in Incident.objects.all()} == {"verified"}
    unsaid = client.post(URL, {"pick": pick(first, second), "step": "assign", "sure": "1"})
    assert unsaid.status_code == 422
    filled = {"pick": pick(first, second), "step": "assign", "sure": "1", "agency": "so-xay-dung"}
    assert "Đã ghi 2 việc" in text(client.post(URL, filled))
    assert {one.agency.code for one in Incident.objects.all() if one.agency} == {"so-xay-dung"}


def test_several_are_merged_into_one_and_never_one_into_itself(sign_in: Sign) -> None:
    client = sign_in("operator")
    keeper, double, other = incident("Giữ"), incident("Trùng"), incident("Trùng nữa")
    wanted = {"pick": pick(keeper, double, other), "step": "merge", "sure": "1", "keeper": keeper.ref}
    page = text(client.post(URL, wanted))
    assert "Đã ghi 2 việc" in page
    assert "Không gộp được vào chính nó" in page
    assert {one.keeper_id for one in Incident.objects.exclude(pk=keeper.pk)} == {keeper.pk}


def test_an_agency_acts_on_its_own_alone(sign_in: Sign) -> None:
    own, others = in_hands_of("so-xay-dung"), in_hands_of("phuong-hai-chau")
    client = sign_in("agency", "so-xay-dung")
    page = text(client.post(URL, {"pick": pick(own, others), "step": "start"}))
    assert "Đã ghi 1 việc" in page
    assert "Không còn trong danh sách của bạn" in page
    assert others.title not in page.replace(own.title, "", 1) or own.title == others.title
    others.refresh_from_db()
    assert others.state == "assigned"
    assert 'value="verify"' not in text(client.get("/desk/"))


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"step": "verify"},
        {"step": "resolve", "pick": ["SV-2611-0001:1"]},
        {"step": "verify", "pick": ["x", ":", "SV-2611-0001:x", "SV-2611-0001:²", "SV-1:" + "9" * 40]},
    ],
)
def test_nonsense_leads_back_to_the_list(sign_in: Sign, posted: dict[str, Any]) -> None:
    found = incident()
    answer = sign_in("operator").post(URL, {**posted, "back": "https://elsewhere.example/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/desk/")
    found.refresh_from_db()
    assert found.state == "received"


def test_leaders_choose_nothing_and_the_list_offers_only_what_its_rows_allow(sign_in: Sign) -> None:
    found = incident()
    page = text(sign_in("operator").get("/desk/"))
    assert f'value="{found.ref}:1"' in page
    assert 'name="step" value="verify"' in page
    assert 'name="step" value="close"' not in page
    assert 'data-steps="verify merge level refuse note"' in page
    assert sign_in("operator").get(URL).status_code == 405
    answer = sign_in("leader").post(URL, {"pick": pick(found), "step": "verify"})
    assert "Vai trò của bạn không được làm bước này" in text(answer)


def test_an_agency_hands_over_and_no_agency_is_chosen_beforehand(sign_in: Sign) -> None:
    own = in_hands_of("so-xay-dung")
    client = sign_in("agency", "so-xay-dung")
    page = text(client.get(f"/desk/{own.ref}/transfer/"))
    assert "UBND phường Hải Châu" in page
    assert 'value="so-xay-dung"' not in page
    assert "checked" not in page.split('class="step-form"')[1]
    posted = {"agency": "phuong-hai-chau", "why": "Việc của phường", "version": own.version}
    answer = client.post(f"/desk/{own.ref}/transfer/", posted)
    assert answer.headers["Location"] == "/desk/"  # it left this agency's hands by its own step
    own.refresh_from_db()
    assert own.agency is not None
    assert own.agency.code == "phuong-hai-chau"

"""People, agencies and tokens in an administrator's hands: what each action does, what the guards refuse, what the audit says."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from vonglau.centre.tests.conftest import Sign, in_hands_of
from vonglau.core import audit
from vonglau.core.incidents import desk
from vonglau.core.people import accounts, agencies
from vonglau.core.people.access_models import Invitation, Session
from vonglau.core.people.models import Agency, ApiToken, User
from vonglau.core.tests import factories
from vonglau.core.tests.factories import SUPERVISOR
from vonglau.kit import tokens

NEW = {"username": "nguyen.thi.lan", "name": "Nguyễn Thị Lan", "role": "operator", "email": "", "language": "vi"}
PASSWORD = "gà gáy sáng bên sông Hàn"


@pytest.fixture
def admin(sign_in: Sign, settings: Any) -> Client:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return sign_in("administrator")


def said(stream: str) -> list[str]:
    return [body["step"] for _, body in audit.rows(stream)]


def lan() -> User:
    return User.objects.get(username="nguyen.thi.lan")


def invite(admin: Client) -> str:
    page = admin.post("/administration/people/new/", NEW, follow=True).content.decode()
    return re.search(r'id="invitation">http://testserver([^<]+)<', page)[1]  # type: ignore[index]


def test_somebody_is_invited_and_sets_a_password_once(admin: Client) -> None:
    link = invite(admin)
    assert link not in admin.get(f"/administration/people/{lan().pk}/").content.decode(), "shown once"
    assert link.split("/")[3] not in str(Invitation.objects.values_list())
    person = Client()
    weak = person.post(link, {"new_password1": "matkhau12345", "new_password2": "matkhau12345"})
    assert weak.status_code == 422
    assert person.post(link, {"new_password1": PASSWORD, "new_password2": PASSWORD}).status_code == 302
    assert person.post("/accounts/login/", {"login": "nguyen.thi.lan", "password": PASSWORD}).status_code == 302
    assert Client().get(link).status_code == 404, "a link works once"
    assert said(f"account/{lan().pk}")[:3] == ["create", "invite", "password"]


def test_a_link_expires_is_replaced_and_ends_with_the_account(admin: Client) -> None:
    first = invite(admin)
    again = admin.post(f"/administration/people/{lan().pk}/act", {"do": "invite"}, follow=True).content.decode()
    second = re.search(r'id="invitation">http://testserver([^<]+)<', again)[1]  # type: ignore[index]
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    Invitation.objects.update(expires_at=timezone.now())
    assert Client().get(second).status_code == 404


def test_another_role_ends_sessions_and_is_written_down(admin: Client, sign_in: Sign) -> None:
    operator = sign_in("operator")
    user = User.objects.get(role="operator")
    assert operator.get("/desk/").status_code == 200
    form = {**NEW, "role": "agency", "agency": Agency.objects.get(code="so-xay-dung").pk}
    assert admin.post(f"/administration/people/{user.pk}/", form).status_code == 302
    assert operator.get("/desk/").status_code == 302, "signed out"
    assert "role" in said(f"account/{user.pk}")
    assert admin.post(f"/administration/people/{user.pk}/", {**NEW, "role": "agency"}).status_code == 422
    assert admin.post(f"/administration/people/{user.pk}/", {**form, "role": "leader"}).status_code == 422


def test_the_last_administrator_stays_and_nobody_moves_themselves(admin: Client, sign_in: Sign) -> None:
    own = User.objects.get(role="administrator")
    page = admin.post(f"/administration/people/{own.pk}/", {**NEW, "role": "operator"})
    assert page.status_code == 422
    admin.post(f"/administration/people/{own.pk}/act", {"do": "shut"})
    own.refresh_from_db()
    assert (own.role, own.is_active) == ("administrator", True)
    with pytest.raises(accounts.LastAdministrator):
        accounts.shut(own, "root at the console")
    sign_in("administrator", name="thu.hai")
    accounts.shut(own, "root at the console")
    assert admin.get("/administration/people/").status_code == 302


def test_shut_out_means_at_once_and_everywhere(admin: Client, sign_in: Sign) -> None:
    leader = sign_in("leader")
    user = User.objects.get(role="leader")
    admin.post(f"/administration/people/{user.pk}/act", {"do": "shut"})
    assert leader.get("/").status_code == 302
    assert not Session.objects.filter(user=user).exists()
    admin.post(f"/administration/people/{user.pk}/act", {"do": "reopen"})
    admin.post(f"/administration/people/{user.pk}/act", {"do": "unlock"})
    admin.post(f"/administration/people/{user.pk}/act", {"do": "factor"})
    assert said(f"account/{user.pk}")[-4:] == ["deactivate", "activate", "unlock", "factor-reset"]


def test_looking_at_where_somebody_is_signed_in_is_written_down_once(admin: Client, sign_in: Sign) -> None:
    sign_in("leader")
    user = User.objects.get(role="leader")
    admin.get(f"/administration/people/{user.pk}/")
    assert "sessions-seen" not in said(f"account/{user.pk}")
    for _time in range(3):
        admin.get(f"/administration/people/{user.pk}/?sessions=1")
    assert said(f"account/{user.pk}").count("sessions-seen") == 1


def test_a_thousand_people_are_found_in_few_questions(admin: Client, django_assert_max_num_queries: Any) -> None:
    User.objects.bulk_create(
        User(username=f"nguoi.{n:04}", first_name="Trần Văn Nghĩa" if n % 2 else "Lê Thị Hạnh", role="operator")
        for n in range(1000)
    )
    with django_assert_max_num_queries(12):
        page = admin.get("/administration/people/?q=NGHIA&role=operator&state=no_factor").content.decode()
    assert page.count("person-row") == 50
    assert "500 tài khoản" in page
    following = re.search(r'rel="next" href="([^"]+)"', page)[1].replace("&amp;", "&")  # type: ignore[index]
    assert "nguoi.0101" in admin.get(f"/administration/people/{following}").content.decode()
    assert admin.get("/administration/people/?q=%00&after=%00&state=x").status_code == 200


@pytest.mark.parametrize("role", ["operator", "supervisor", "leader", "agency"])
def test_it_is_for_administrators_alone(sign_in: Sign, role: str) -> None:
    client = sign_in(role, "so-xay-dung" if role == "agency" else "")
    token = tokens.mint("x", ["read"], "live")[1]
    for address in (
        "people/",
        "people/new/",
        "people/1/",
        "agencies/",
        "agencies/so-xay-dung/",
        "tokens/",
        "tokens/new/",
        f"tokens/{token.pk}/",
    ):
        assert client.get(f"/administration/{address}").status_code == 403, address
    assert client.post(f"/administration/tokens/{token.pk}/act", {"do": "revoke"}).status_code == 403


# ------------------------------------------------------------------------------------- agencies


def test_a_new_name_is_a_new_row_and_the_old_decision_keeps_the_old_one(admin: Client, sign_in: Sign) -> None:
    agent = sign_in("agency", "so-xay-dung")
    found = in_hands_of("so-xay-dung")
    old = Agency.objects.get(code="so-xay-dung")
    day = timezone.localdate().isoformat()
    form = {
        "do": "rename",
        "name_vi": "Sở Xây dựng và Giao thông",
        "name_en": "Department of Construction and Transport",
        "since": day,
    }
    assert admin.post("/administration/agencies/so-xay-dung/", form).status_code == 302
    new = Agency.objects.get(code="so-xay-dung", valid_to=None)
    old.refresh_from_db()
    assert old.valid_to == timezone.localdate() - timedelta(days=1)
    assert old.name_vi == "Sở Xây dựng"
    assert agent.get(f"/desk/{found.ref}/").status_code == 200, "open work and people go along"
    assert User.objects.get(role="agency").agency == new
    assert admin.post("/administration/agencies/so-xay-dung/", {**form, "since": "2020-01-01"}).status_code == 422
    future = (timezone.localdate() + timedelta(days=9)).isoformat()
    assert admin.post("/administration/agencies/so-xay-dung/", {**form, "since": future}).status_code == 422
    assert said("agency/so-xay-dung") == ["rename"]


def test_a_merger_hands_over_people_work_wards_and_categories(admin: Client) -> None:
    found = in_hands_of("so-xay-dung")
    into = Agency.objects.get(code="phuong-hai-chau")
    form = {"do": "merge", "into": into.pk, "merged": timezone.localdate().isoformat()}
    assert admin.post("/administration/agencies/so-xay-dung/", form).status_code == 302
    into.refresh_from_db()
    found.refresh_from_db()
    assert into.categories == ["traffic_congestion", "pothole"]
    assert found.agency == into
    assert not Agency.objects.filter(agencies.in_force(timezone.localdate()), code="so-xay-dung").exists()
    assert said("agency/phuong-hai-chau") == ["merge"]


def test_what_an_agency_resolved_comes_back_to_it_under_its_new_name(admin: Client, sign_in: Sign) -> None:
    agent = sign_in("agency", "so-xay-dung")
    answered, ended = in_hands_of("so-xay-dung"), in_hands_of("so-xay-dung")
    for one in (answered, ended):
        desk.take(one.world, one.ref, "start", SUPERVISOR)
        desk.take(one.world, one.ref, "resolve", SUPERVISOR, desk.Details(outcome="fixed", why="Đã vá."))
    desk.take(ended.world, ended.ref, "close", SUPERVISOR)
    agencies.rename(Agency.objects.get(code="so-xay-dung"), "Sở Mới", "New", timezone.localdate(), "qt")
    for one in (answered, ended):
        assert agent.get(f"/desk/{one.ref}/").status_code == 200, "its own past stays its own"
        back = desk.take(one.world, one.ref, "reopen", SUPERVISOR, desk.Details(why="Vẫn hỏng."))
        assert back.agency is not None
        assert back.agency.name_vi == "Sở Mới"
        assert agent.post(f"/desk/{one.ref}/", {"step": "start"}).status_code in (200, 302)


def test_a_merger_says_so_on_every_incident_that_changed_hands(admin: Client) -> None:
    found, closed = in_hands_of("so-xay-dung"), in_hands_of("so-xay-dung")
    desk.take(closed.world, closed.ref, "start", SUPERVISOR)
    desk.take(closed.world, closed.ref, "resolve", SUPERVISOR, desk.Details(outcome="fixed", why="Đã vá."))
    desk.take(closed.world, closed.ref, "close", SUPERVISOR)
    into = Agency.objects.get(code="phuong-hai-chau")
    agencies.merge(Agency.objects.get(code="so-xay-dung"), into, timezone.localdate(), "qt")
    _row, body = audit.last(found.stream, 1)[0]
    assert (body["step"], body["agency"], body["agency_before"]) == ("handed_over", "phuong-hai-chau", "so-xay-dung")
    back = desk.take(closed.world, closed.ref, "reopen", SUPERVISOR, desk.Details(why="Vẫn hỏng."))
    assert back.agency is None, "nobody of that code is there any more: the desk assigns anew"


def test_an_agency_is_added_and_its_particulars_change(admin: Client) -> None:
    form = {"code": "dien-luc", "name_vi": "Điện lực", "name_en": "Power", "kind": "company", "since": "2026-01-01"}
    assert admin.post("/administration/agencies/new/", form).status_code == 302
    assert admin.post("/administration/agencies/new/", form).status_code == 422
    more = {"do": "save", "email": "truc@dienluc.vn", "wards": "20194, 20242", "categories": []}
    assert admin.post("/administration/agencies/dien-luc/", more).status_code == 302
    made = Agency.objects.get(code="dien-luc")
    assert (made.email, made.wards) == ("truc@dienluc.vn", ["20194", "20242"])
    assert "Điện lực" in admin.get("/administration/agencies/?q=%C4%91i%E1%BB%87n+LUC").content.decode()


def test_in_english_an_agency_has_its_english_name(sign_in: Sign) -> None:
    admin = sign_in("administrator", language="en")
    agency = factories.agency("chieu-sang", name_vi="Đội chiếu sáng", name_en="Lighting Team")
    User.objects.create(username="can.bo", role="agency", agency=agency)
    pages = [f"/administration/{path}" for path in ("agencies/", "agencies/chieu-sang/", "people/")]
    agencies, one, people = (admin.get(page).content.decode() for page in pages)
    for page in (agencies, one, people):
        assert "Lighting Team" in page
    for page in (agencies, people):
        assert "Đội chiếu sáng" not in page
    assert "<h1>Agencies</h1>" in agencies
    assert "1 person" in agencies


# ------------------------------------------------------------------------------------- tokens


def test_a_token_is_made_shown_once_rotated_and_revoked(admin: Client) -> None:
    form = {
        "name": "camera",
        "scopes": ["events:write"],
        "worlds": ["live"],
        "sources": "urn:vn:dn:camera:",
        "ends": "90",
    }
    page = admin.post("/administration/tokens/new/", form, follow=True).content.decode()
    text = re.search(r'id="token">(vl_[^<]+)<', page)[1]  # type: ignore[index]
    row = ApiToken.objects.get()
    assert row.sources == ["urn:vn:dn:camera:"]
    assert text not in admin.get(f"/administration/tokens/{row.pk}/").content.decode()
    page = admin.post(
        f"/administration/tokens/{row.pk}/act", {"do": "rotate", "grace": "24"}, follow=True
    ).content.decode()
    second = re.search(r'id="token">(vl_[^<]+)<', page)[1]  # type: ignore[index]
    assert tokens.find(text) is not None
    assert tokens.find(second) is not None
    fresh = ApiToken.objects.latest("pk")
    admin.post(f"/administration/tokens/{fresh.pk}/act", {"do": "revoke"})
    assert tokens.find(second) is None
    assert said(f"token/{fresh.pk}") == ["create", "revoke"]
    assert admin.post("/administration/tokens/new/", {**form, "addresses": "10.0.0.0/99"}).status_code == 422
    assert admin.post("/administration/tokens/new/", {**form, "scopes": ["root"]}).status_code == 422
    assert "camera" in admin.get("/administration/tokens/?all=1").content.decode()

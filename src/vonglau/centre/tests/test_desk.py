"""The desk's pages as people use them: what is listed, what a step does, what comes back when it cannot be done."""

from datetime import timedelta

import pytest
from django.test import Client

from vonglau.centre.desk import queue
from vonglau.centre.desk.steps import PHOTO_FAULTS
from vonglau.centre.tests.conftest import NOW, Sign, actor, agency, alert, in_hands_of, incident, photo, step
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def refs(page: str, *found: Incident) -> list[str]:
    """The references of these incidents in the order in which the page lists them."""
    return [
        one.ref
        for one in sorted(found, key=lambda one: page.find(f'id="incident-{one.ref}"'))
        if f'id="incident-{one.ref}"' in page
    ]


def test_whoever_is_not_signed_in_is_led_to_sign_in(city: World) -> None:
    answer = Client().get("/desk/?tab=all")
    assert answer.status_code == 302
    assert answer["Location"].endswith("/accounts/login/?next=/desk/%3Ftab%3Dall")


def test_the_queue_is_ordered_by_what_is_due_next_and_paused_work_comes_last(sign_in: Sign) -> None:
    late = incident("Muộn", at=NOW - timedelta(days=20))
    soon = incident("Sắp", at=NOW - timedelta(minutes=5))
    paused = step(incident("Chờ dân", at=NOW - timedelta(days=9)), "verify", at=NOW - timedelta(days=9))
    step(paused, "pause", why="chờ ảnh", at=NOW - timedelta(days=8))
    page = sign_in("operator").get("/desk/").content.decode()
    assert refs(page, soon, paused, late) == [late.ref, soon.ref, paused.ref]
    assert "quá hạn" in page
    assert "tạm dừng" in page


def test_a_filter_is_an_address_and_forgives_nonsense(sign_in: Sign) -> None:
    here, there = incident(), incident("Ổ gà", ward="20242")
    client = sign_in("operator")
    assert refs(client.get("/desk/?ward=20194").content.decode(), here, there) == [here.ref]
    assert refs(client.get("/desk/?q=o+ga").content.decode(), here, there) == [there.ref]
    assert refs(client.get("/desk/?q=%E1%BB%94+G%C3%80").content.decode(), here, there) == [there.ref]
    nonsense = client.get("/desk/?tab=x&state=y&rank=9&after=zzz&overdue=2&q=%00")
    assert nonsense.status_code == 200
    assert len(refs(nonsense.content.decode(), here, there)) == 2


def test_waiting_for_me_depends_on_who_i_am(sign_in: Sign) -> None:
    new, given = incident(), in_hands_of("so-xay-dung")
    answered = in_hands_of("so-xay-dung", origin="alert")
    step(answered, "start", by=actor("agency", "so-xay-dung"))
    step(answered, "resolve", by=actor("agency", "so-xay-dung"), outcome="fixed", why="xong")
    for role, of, expected in (
        ("operator", "", {new.ref}),
        ("supervisor", "", {new.ref, answered.ref}),
        ("agency", "so-xay-dung", {given.ref}),
    ):
        page = sign_in(role, of).get("/desk/?tab=all&mine=1").content.decode()
        assert set(refs(page, new, given, answered)) == expected, role


def test_an_agency_sees_what_is_in_its_hands_and_nothing_else(sign_in: Sign) -> None:
    mine, other, new = in_hands_of("so-xay-dung"), in_hands_of("phuong-hai-chau"), incident()
    client = sign_in("agency", "so-xay-dung")
    assert refs(client.get("/desk/?tab=all").content.decode(), mine, other, new) == [mine.ref]
    assert client.get(f"/desk/{mine.ref}/").status_code == 200
    assert client.get(f"/desk/{other.ref}/").status_code == 404
    assert client.post(f"/desk/{other.ref}/start/").status_code == 404
    for closed in ("/alerts/", "/figures/", "/quarantine/"):
        assert client.get(closed).status_code == 403
    assert client.get("/")["Location"] == "/desk/"


def test_two_worlds_never_show_in_one_page(sign_in: Sign) -> None:
    here, there = incident(), incident(world="live", at=NOW)
    client = sign_in("operator")
    assert there.ref == here.ref  # each world counts for itself
    there.title = "Chuyện thật"
    there.save()
    assert "Chuyện thật" not in client.get("/desk/").content.decode()
    assert "Chuyện thật" not in client.get(f"/desk/{here.ref}/").content.decode()


def test_pages_go_on_where_the_last_one_ended(sign_in: Sign) -> None:
    made = [incident(f"Việc {n}", at=NOW - timedelta(minutes=n)) for n in range(60)]
    client = sign_in("operator")
    first = client.get("/desk/")
    second = client.get("/desk/" + first.context["next"])
    listed = refs(first.content.decode(), *made) + refs(second.content.decode(), *made)
    assert len(listed) == len(set(listed)) == 60
    assert not second.context["next"]


def test_verify_then_assign_in_place_as_htmx_does_it(sign_in: Sign) -> None:
    found = incident()
    client = sign_in("operator")
    answer = client.post(f"/desk/{found.ref}/verify/", {"version": 1, "seen": 1}, headers=HTMX)
    assert answer.status_code == 200
    assert "HX-Trigger" in answer
    answer["HX-Trigger"].encode("ascii")
    assert "<html" not in answer.content.decode()
    answer = client.post(f"/desk/{found.ref}/assign/", {"version": 2, "agency": "so-xay-dung"}, headers=HTMX)
    assert answer.status_code == 200
    found.refresh_from_db()
    assert (found.state, found.agency.code) == ("assigned", "so-xay-dung")


def test_without_a_script_every_step_has_a_page_of_its_own(sign_in: Sign) -> None:
    found = step(incident(), "verify")
    client = sign_in("operator")
    page = client.get(f"/desk/{found.ref}/assign/").content.decode()
    assert "Sở Xây dựng" in page
    answer = client.post(
        f"/desk/{found.ref}/assign/", {"version": 2, "agency": "so-xay-dung", "why": "gấp"}, follow=True
    )
    assert answer.redirect_chain == [(f"/desk/{found.ref}/", 302)]
    assert "gấp" in answer.content.decode()


def test_agencies_are_offered_in_the_order_a_person_would_think_of_them(sign_in: Sign) -> None:
    for n in range(12):
        agency(f"ubnd-{n}", f"UBND phường số {n:02}", f"Ward {n:02}", kind="ward", wards=[f"9{n:04}"])
    found = step(incident(), "verify")
    form = sign_in("operator").get(f"/desk/{found.ref}/assign/").context["form"]
    assert [str(radio.data["value"]) for radio, _hint, _digit in form.picks][:2] == ["so-xay-dung", "phuong-hai-chau"]
    assert [digit for _radio, _hint, digit in form.picks] == list(range(1, 10))
    assert len(form.fields["other"].choices) == 1 + 14 - 9


def test_an_agency_chosen_from_the_list_wins(sign_in: Sign) -> None:
    for n in range(12):
        agency(f"ubnd-{n}", f"UBND phường số {n:02}", f"Ward {n:02}", kind="ward", wards=[f"9{n:04}"])
    found = step(incident(), "verify")
    sign_in("operator").post(f"/desk/{found.ref}/assign/", {"agency": "so-xay-dung", "other": "ubnd-11", "why": ""})
    found.refresh_from_db()
    assert found.agency.code == "ubnd-11"


def test_errors_stand_beside_their_fields_and_nothing_typed_is_lost(sign_in: Sign) -> None:
    found = incident()
    answer = sign_in("operator").post(
        f"/desk/{found.ref}/refuse/", {"version": 1, "why": "Không thuộc <thành phố>"}, headers=HTMX
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "#form-refuse"
    assert "từ chối luôn phải có mã" in page
    assert "Không thuộc &lt;thành phố&gt;" in page
    found.refresh_from_db()
    assert found.state == "received"


def test_planned_needs_a_day_that_is_not_past(sign_in: Sign) -> None:
    found = step(in_hands_of("so-xay-dung"), "start")
    client = sign_in("operator")
    address = f"/desk/{found.ref}/resolve/"
    assert client.post(address, {"outcome": "planned", "why": "đợi"}).status_code == 422
    assert client.post(address, {"outcome": "planned", "why": "đợi", "planned_for": "2026-11-22"}).status_code == 422
    assert client.post(address, {"outcome": "planned", "why": "đợi", "planned_for": "2026-11-30"}).status_code == 302
    found.refresh_from_db()
    assert found.planned_for.isoformat() == "2026-11-30"


def test_whoever_is_slower_sees_what_happened_and_keeps_the_words(sign_in: Sign) -> None:
    found = step(incident(), "verify")
    slow = sign_in("operator", name="cham")
    seen = {"version": 2, "seen": 2}
    step(found, "level", level="urgent", why="có người bị thương")
    answer = slow.post(
        f"/desk/{found.ref}/assign/", {**seen, "agency": "phuong-hai-chau", "why": "nhờ xem giúp"}, headers=HTMX
    )
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Sự việc đã thay đổi trong lúc bạn viết" in page
    assert "có người bị thương" in page
    assert "nhờ xem giúp" in page
    assert (
        'value="phuong-hai-chau" id="assign-agency_1" checked' in page
        or "checked" in page.split("phuong-hai-chau")[1][:120]
    )
    again = answer.context["form"].data
    answer = slow.post(
        f"/desk/{found.ref}/assign/", {k: again[k] for k in ("version", "seen", "agency", "why")}, headers=HTMX
    )
    assert answer.status_code == 200
    found.refresh_from_db()
    assert found.agency.code == "phuong-hai-chau"


def test_a_button_pressed_on_an_old_page_does_nothing_until_it_is_pressed_again(sign_in: Sign) -> None:
    found = incident()
    client = sign_in("operator")
    step(found, "level", level="urgent", why="gấp")
    answer = client.post(f"/desk/{found.ref}/verify/", {"version": 1, "seen": 1}, headers=HTMX)
    assert answer.status_code == 409
    assert "bấm lần nữa" in answer.content.decode()
    found.refresh_from_db()
    assert found.state == "received"


def test_a_step_that_is_gone_says_where_the_incident_stands(sign_in: Sign) -> None:
    found = incident()
    client = sign_in("operator")
    step(found, "verify")
    answer = client.post(f"/desk/{found.ref}/verify/", {"version": 1}, headers=HTMX)
    assert answer.status_code == 409
    assert "đang ở “Đã xác minh”" in answer.content.decode()


@pytest.mark.parametrize("role", ["leader", "administrator"])
def test_who_only_reads_is_offered_no_step(sign_in: Sign, role: str) -> None:
    found = incident()
    client = sign_in(role)
    page = client.get(f"/desk/{found.ref}/").content.decode()
    assert 'data-key="v"' not in page
    assert client.post(f"/desk/{found.ref}/verify/").status_code == 409
    found.refresh_from_db()
    assert found.state == "received"


def test_the_agency_starts_photographs_and_resolves(sign_in: Sign) -> None:
    found = in_hands_of("so-xay-dung")
    client = sign_in("agency", "so-xay-dung")
    client.post(f"/desk/{found.ref}/start/", {"version": 3}, headers=HTMX)
    form = {"version": 4, "outcome": "fixed", "why": "Đã thông xe", "photo": photo()}
    answer = client.post(f"/desk/{found.ref}/resolve/", form, headers=HTMX)
    assert answer.status_code == 200
    found.refresh_from_db()
    assert (found.state, found.outcome, found.evidence.count()) == ("resolved", "fixed", 1)
    assert "Kèm 1 ảnh" in answer.content.decode()


def test_a_photo_is_kept_even_when_the_form_was_wrong(sign_in: Sign) -> None:
    found = step(in_hands_of("so-xay-dung"), "start")
    client = sign_in("agency", "so-xay-dung")
    answer = client.post(f"/desk/{found.ref}/resolve/", {"version": 4, "why": "", "photo": photo()}, headers=HTMX)
    assert answer.status_code == 422
    assert "Ảnh đã được lưu vào sự việc" in answer.content.decode()
    assert found.evidence.count() == 1


def test_a_file_that_is_no_photo_is_refused_beside_its_field(sign_in: Sign) -> None:
    found = incident()
    bad = photo()
    bad.file.truncate(0)
    bad.file.write(b"<script>alert(1)</script>")
    bad.file.seek(0)
    bad.size = 25
    answer = sign_in("operator").post(f"/desk/{found.ref}/note/", {"why": "xem", "photo": bad}, headers=HTMX)
    assert answer.status_code == 422
    assert "không phải ảnh đọc được" in answer.content.decode()
    assert found.evidence.count() == 0


def test_every_reason_to_refuse_a_photo_has_words_for_people() -> None:
    assert set(PHOTO_FAULTS) == {"large", "pixels", "moving", "heic", "unreadable"}


def test_returning_leads_the_agency_back_to_its_inbox(sign_in: Sign) -> None:
    found = in_hands_of("so-xay-dung")
    client = sign_in("agency", "so-xay-dung")
    answer = client.post(f"/desk/{found.ref}/return/", {"version": 3, "why": "không phải đường của sở"}, headers=HTMX)
    assert answer["HX-Redirect"] == "/desk/"
    page = sign_in("operator").get("/desk/").content.decode()
    assert "Bị trả lại" in page


def test_merging_offers_what_is_near_and_follows_the_keeper(sign_in: Sign) -> None:
    keeper, double, far = incident("Giữ lại"), incident("Trùng"), incident("Xa", lon=108.3)
    client = sign_in("operator")
    page = client.get(f"/desk/{double.ref}/merge/").content.decode()
    assert keeper.ref in page
    assert far.ref not in page
    assert client.post(f"/desk/{double.ref}/merge/", {"keeper": "sv-none"}).status_code == 422
    assert client.post(f"/desk/{double.ref}/merge/", {"keeper": keeper.ref.lower()}).status_code == 302
    page = client.get(f"/desk/{double.ref}/").content.decode()
    assert f'href="/desk/{keeper.ref}/"' in page


def test_why_it_exists_in_the_alerts_own_words(sign_in: Sign) -> None:
    first = alert("a")
    second = alert("b", onset=NOW - timedelta(minutes=1), lon=108.2285, subject="dn-cau-rong-03")
    assert first.incident is not None
    assert second.incident == first.incident
    page = sign_in("operator").get(f"/desk/{first.incident.ref}/").content.decode()
    assert "Cầu Rồng" in page
    assert "vì cách 160 m và 4 phút" in page
    assert page.count('data-chart="evidence"') == 2


def test_hostile_words_are_text_and_nothing_else(sign_in: Sign) -> None:
    evil = "<img src=x onerror=alert(1)>{{ 7|add:7 }}'\"--"
    found = alert("evil", subject=evil, facts={"name": evil, "quantity": evil}).incident
    assert found is not None
    step(found, "note", why=evil)
    client = sign_in("operator")
    for address in ("/", "/desk/", f"/desk/{found.ref}/", "/alerts/", f"/alerts/{found.alerts.get().identity}/"):
        page = client.get(address).content.decode()
        assert "<img src=x" not in page, address
        assert "onerror=alert(1)&gt;" in page, address


def test_queries_do_not_grow_with_the_rows(sign_in: Sign, django_assert_max_num_queries: object) -> None:
    client = sign_in("operator")
    for n in range(30):
        in_hands_of("so-xay-dung", title=f"Việc {n}")
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        assert client.get("/desk/").status_code == 200
    found = Incident.objects.first()
    assert found is not None
    for n in range(20):
        desk.take(found.world, found.ref, "note", actor("supervisor"), desk.Details(why=f"ghi {n}"))
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        assert client.get(f"/desk/{found.ref}/").status_code == 200


def test_tabs_count_as_far_as_a_person_would(city: World, sign_in: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "COUNTED", 2)
    for _n in range(3):
        incident()
    held = queue.counts(queue.Filter(), actor("operator"), city.pk, city.now())
    assert (str(held["open"]), str(held["mine"]), str(held["ended"])) == ("2+", "2+", "0")
    page = sign_in("operator").get("/desk/").content.decode()
    assert ">2+<" in page
    nobody = queue.counts(queue.Filter(), Actor("x", "agency"), city.pk, city.now())
    assert {str(one) for one in nobody.values()} == {"0"}, "an agency without a code sees none"


def test_searching_lists_and_does_not_count(city: World, sign_in: Sign) -> None:
    made = incident()
    page = sign_in("operator").get("/desk/", {"q": made.ref.lower()}).content.decode()
    assert made.ref in page
    assert queue.counts(queue.Filter(q="x"), actor("operator"), city.pk, city.now()) == {}

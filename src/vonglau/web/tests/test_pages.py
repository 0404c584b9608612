"""Sign-in, language, worlds and error pages, through the whole of Django as `serve` mounts it."""

import pytest
from django.test import Client, RequestFactory, override_settings

from vonglau.core.people.models import User
from vonglau.core.worlds import World, WorldKind
from vonglau.kit import guards, tokens
from vonglau.kit.metrics import BUCKETS
from vonglau.web import views

pytestmark = pytest.mark.django_db

PASSWORD = "một câu dài dễ nhớ"


@pytest.fixture(autouse=True)
def _limits_start_anew() -> None:
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def live() -> World:
    return World.objects.create(id="live", kind=WorldKind.LIVE, title_vi="Đà Nẵng", title_en="Da Nang", locality="48")


@pytest.fixture
def drill() -> World:
    return World.objects.create(id="bao", kind=WorldKind.DRILL, title_vi="Bão số 9", title_en="Storm 9", locality="48")


@pytest.fixture
def person(live: World) -> User:
    return User.objects.create_user("truc", password=PASSWORD, role="operator", language="vi")


def sign_in(client: Client, name: str = "truc", password: str = PASSWORD) -> int:
    return client.post("/accounts/login/", {"login": name, "password": password}).status_code


def test_who_is_let_in(client: Client, person: User) -> None:
    assert sign_in(client, password="something else") == 200
    assert "_auth_user_id" not in client.session
    assert sign_in(client) == 302
    assert "_auth_user_id" in client.session


def test_a_citizen_who_comes_to_sign_in_is_shown_the_way(client: Client, live: World) -> None:
    for language, says in (("vi", "gửi phản ánh hiện trường"), ("en", "report something in the street")):
        page = client.get("/accounts/login/", headers={"accept": "text/html", "cookie": f"django_language={language}"})
        assert f'<a href="/field_reports/">{says}</a>' in page.content.decode()


def test_nobody_makes_an_account_of_their_own(client: Client) -> None:
    assert client.get("/accounts/signup/").status_code == 404


def test_a_demonstration_account_signs_in_only_while_the_demo_serves(client: Client, person: User) -> None:
    User.objects.filter(pk=person.pk).update(demo=True)
    assert sign_in(client) == 200
    with override_settings(VONGLAU_DEMO=True):
        assert sign_in(client) == 302
    assert client.get("/accounts/password/").status_code == 302  # outside the demo its session is nobody's


def test_a_deactivated_account_is_out_at_its_next_request(client: Client, person: User) -> None:
    sign_in(client)
    assert client.get("/accounts/password/").status_code == 200
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get("/accounts/password/").status_code == 302


def test_guessing_is_stopped(client: Client, person: User) -> None:
    said = ""
    for _ in range(12):
        said = client.post("/accounts/login/", {"login": "truc", "password": "wrong"}).content.decode()
    assert "quá nhiều lần" in said
    assert sign_in(client) != 302


def test_vietnamese_first_whatever_the_browser_says(client: Client) -> None:
    page = client.get("/accounts/login/", headers={"accept-language": "en-US,en"})
    assert page.headers["Content-Language"] == "vi"
    assert 'lang="vi"' in page.content.decode()


def test_a_language_is_kept_in_the_cookie_and_in_the_account(client: Client, person: User) -> None:
    answer = client.post("/language", {"language": "en", "next": "/accounts/login/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/")
    assert client.get("/accounts/login/").headers["Content-Language"] == "en"
    sign_in(client)  # the account says Vietnamese, and the account comes first
    assert client.get("/accounts/password/").headers["Content-Language"] == "vi"
    client.post("/language", {"language": "en"})
    person.refresh_from_db()
    assert person.language == "en"
    assert client.get("/accounts/password/").headers["Content-Language"] == "en"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_switches_lead_back_to_our_own_pages_only(client: Client, target: str) -> None:
    assert client.post("/language", {"language": "en", "next": target}).headers["Location"] == "/"


def test_switches_are_not_followed_as_links(client: Client, person: User, drill: World) -> None:
    sign_in(client)
    assert client.get("/language?language=en").status_code == 405
    assert client.get("/world/bao").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/language", {"language": "en"}).status_code == 403


def test_a_person_chooses_a_world_and_an_ended_one_is_not_kept(client: Client, person: User, drill: World) -> None:
    sign_in(client)
    assert client.get("/accounts/password/").wsgi_request.world.pk == "live"  # type: ignore[attr-defined]
    assert client.post("/world/bao").status_code == 302
    assert client.get("/accounts/password/").wsgi_request.world.pk == "bao"  # type: ignore[attr-defined]
    assert "Bão số 9" in client.get("/accounts/password/").content.decode()
    assert client.post("/world/nowhere").status_code == 404
    World.objects.filter(pk="bao").update(ended_at="2026-01-01T00:00:00Z")
    assert client.get("/accounts/password/").wsgi_request.world.pk == "live"  # type: ignore[attr-defined]


def test_while_the_demo_serves_the_drill_is_the_first_world(rf: RequestFactory, live: World, drill: World) -> None:
    assert guards.default_world().pk == "live"
    with override_settings(VONGLAU_DEMO=True):
        assert guards.default_world().pk == "bao"


def test_a_wrong_token_is_nobody_even_beside_a_good_session(client: Client, person: User) -> None:
    sign_in(client)
    asked = client.get("/accounts/password/", headers={"authorization": "Bearer vl_wrong"}).wsgi_request
    assert asked.actor is None  # type: ignore[attr-defined]
    text, row = tokens.mint("x", ["read"], "live")
    asked = client.get("/accounts/password/", headers={"authorization": f"Bearer {text}"}).wsgi_request
    assert asked.actor.name == "token:x"  # type: ignore[attr-defined]
    row.revoked_at = row.created_at
    row.save()
    tokens.forget()
    asked = client.get("/accounts/password/", headers={"authorization": f"Bearer {text}"}).wsgi_request
    assert asked.actor is None  # type: ignore[attr-defined]


def test_pages_that_cannot_be_shown_say_what_to_do(client: Client, rf: RequestFactory) -> None:
    page = client.get("/no/such/page", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "Không tìm thấy trang" in page.content.decode()
    english = client.get("/no/such/page", headers={"accept": "text/html", "cookie": "django_language=en"})
    assert "Page not found" in english.content.decode()
    problem = client.get("/api/no/such", headers={"accept": "application/json"})
    assert problem.headers["Content-Type"] == "application/problem+json"
    broken = views.server_error(rf.get("/desk/"))
    assert broken.status_code == 500
    assert "Có lỗi trong hệ thống" in broken.content.decode()
    assert views.server_error(rf.get("/api/x")).headers["Content-Type"] == "application/problem+json"


def test_what_a_page_names_is_escaped(client: Client, person: User) -> None:
    sign_in(client)
    page = client.get("/no/such/<script>alert(1)</script>", headers={"accept": "text/html"}).content.decode()
    assert "<script>alert" not in page


def test_changing_the_password(client: Client, person: User) -> None:
    sign_in(client)
    form = {"oldpassword": PASSWORD, "password1": "một câu khác còn dài hơn", "password2": "khác hẳn đi rồi nhé"}
    assert "không giống nhau" in client.post("/accounts/password/", form).content.decode()
    assert client.post("/accounts/password/", {**form, "password2": form["password1"]}).status_code == 302
    person.refresh_from_db()
    assert person.check_password(form["password1"])


def test_the_door_counts_commits_in_the_same_buckets() -> None:
    from vonglau.gateways.events.commit import BOUNDS_S

    assert BOUNDS_S == BUCKETS

"""Second factors, sessions, failed attempts and passwords, as a browser meets them."""

import json
import re
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from vonglau.core import audit, vault
from vonglau.core.people import attempts
from vonglau.core.people.access_models import Attempts, Session
from vonglau.core.people.models import User
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.web import passwords, sessions

PASSWORD = "một câu đủ dài để nhớ"


@pytest.fixture
def city(db: None, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # seconds of waiting tell nothing here
    cache.clear()
    ensure_world("live", WorldKind.LIVE, "48", "Thật", "Live")


@pytest.fixture
def person(city: None) -> User:
    return User.objects.create_user("truc", password=PASSWORD, role="operator")


def sign_in(client: Client, password: str = PASSWORD, name: str = "truc", address: str = "192.0.2.1") -> Any:
    return client.post(
        "/accounts/login/",
        {"login": name, "password": password},
        REMOTE_ADDR=address,
        HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    )


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def steps(user: User) -> list[str]:
    return [body["step"] for _, body in audit.rows(f"account/{user.pk}")]


def enrol(client: Client) -> tuple[str, list[str]]:
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'class="secret">([A-Z2-7]+)<', page)[1]  # type: ignore[index]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)}, follow=True)
    return secret, re.findall(r"<code>(\d{8})</code>", answer.content.decode())


# ------------------------------------------------------------------------------------- second factor


def test_a_second_factor_is_set_up_asked_for_and_sealed(
    client: Client, person: User, django_capture_on_commit_callbacks: Any
) -> None:
    sign_in(client)
    with django_capture_on_commit_callbacks(execute=True):
        secret, codes = enrol(client)
    assert len(codes) == 10
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert "****" not in client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert not re.findall(r"<code>\d{8}</code>", client.get("/accounts/2fa/recovery-codes/").content.decode()), (
        "shown once"
    )

    other = Client()
    assert sign_in(other).headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert other.get("/accounts/me/").status_code == 302
    assert "Mã không đúng" in other.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode()
    cache.clear()
    other.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert other.get("/accounts/me/").status_code == 200

    third = Client()
    sign_in(third)
    third.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert third.get("/accounts/me/").status_code == 200
    fourth = Client()
    sign_in(fourth)
    assert fourth.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 200, (
        "a recovery code works once"
    )
    assert {"factor-added", "factor-failed", "sign-in"} <= set(steps(person))


def test_where_it_is_required_nothing_else_opens_first(
    client: Client, person: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.VONGLAU_MFA_ROLES = ["operator"]
    sign_in(client)
    assert client.get("/").headers["Location"] == "/accounts/2fa/totp/activate/"
    assert client.get("/api/worlds").status_code == 403
    with django_capture_on_commit_callbacks(execute=True):
        enrol(client)
    assert client.get("/desk/").status_code == 200
    cannot = client.get("/accounts/2fa/totp/deactivate/").content.decode()
    assert "không tắt được" in cannot
    assert Authenticator.objects.filter(user=person, type="totp").exists()


def test_a_rotation_of_keys_reseals_factors_and_sessions(
    client: Client, person: User, django_capture_on_commit_callbacks: Any
) -> None:
    sign_in(client)
    with django_capture_on_commit_callbacks(execute=True):
        secret, _ = enrol(client)
    old = vault.ring().newest_first()
    fresh = vault.Key.fresh()
    try:
        vault.ring().put([fresh, *old])
        for one in vault.everything():
            one.put(vault.reseal(one.text, one.context))
        vault.ring().put([fresh])
        assert {vault.key_of(one.text) for one in vault.everything()} == {fresh.id}
        assert client.get("/accounts/me/").status_code == 200
        other = Client()
        sign_in(other)
        cache.clear()
        other.post("/accounts/2fa/authenticate/", {"code": code(secret)})
        assert other.get("/accounts/me/").status_code == 200
    finally:
        vault.ring().put([fresh, *old])


# ------------------------------------------------------------------------------------- sessions


def test_nothing_in_the_session_table_opens_a_session(client: Client, person: User) -> None:
    sign_in(client)
    key = client.cookies["sessionid"].value
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM core_session")
        stored = repr(cursor.fetchall())
    assert key not in stored
    row = Session.objects.get(user=person)
    thief = Client()
    thief.cookies["sessionid"] = row.session_key
    assert thief.get("/accounts/me/").status_code == 302
    assert (row.address, row.device, row.method) == ("192.0.2.1", "Firefox · Linux", "password")


def test_signing_in_makes_a_new_session_and_limits_end_it(client: Client, person: User) -> None:
    client.get("/accounts/login/")
    sign_in(client)
    first = client.cookies["sessionid"].value
    again = Client()
    again.cookies["sessionid"] = first
    sign_in(again)
    now = timezone.now()
    row = Session.objects.get(pk=sessions.digest(first))
    Session.objects.filter(pk=row.pk).update(seen_at=now - timedelta(minutes=719))
    assert client.get("/accounts/me/").status_code == 200
    assert Session.objects.get(pk=row.pk).seen_at > now - timedelta(minutes=1), "a request is noted"
    Session.objects.filter(pk=row.pk).update(seen_at=now - timedelta(minutes=721))
    assert client.get("/accounts/me/").status_code == 302
    Session.objects.filter(pk=row.pk).update(seen_at=now, expire_date=now)
    assert client.get("/accounts/me/").status_code == 302


def test_somebody_signs_out_elsewhere(client: Client, person: User) -> None:
    browsers = [Client() for _ in range(3)]
    for one in browsers:
        sign_in(one)
    first, second, third = browsers
    page = first.get("/accounts/me/").content.decode()
    assert page.count("Firefox · Linux") == 3
    first.post(f"/accounts/me/end/{sessions.digest(second.cookies['sessionid'].value)}/")
    assert second.get("/accounts/me/").status_code == 302
    stranger = User.objects.create_user("khac", password=PASSWORD)
    other = Client()
    other.force_login(stranger)
    assert other.post(f"/accounts/me/end/{sessions.digest(third.cookies['sessionid'].value)}/").status_code == 404
    first.post("/accounts/me/end/")
    assert third.get("/accounts/me/").status_code == 302
    assert first.get("/accounts/me/").status_code == 200
    assert steps(person)[-2:] == ["session-ended", "sessions-ended"]


def test_changing_the_password_signs_out_everywhere_else(client: Client, person: User) -> None:
    other = Client()
    sign_in(client)
    sign_in(other)
    new = "một câu khác còn dài hơn nữa"
    client.post("/accounts/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert other.get("/accounts/me/").status_code == 302
    assert client.get("/accounts/me/").status_code == 200
    assert Session.objects.filter(user=person).count() == 1


def test_addresses_do_not_enter_the_chain(client: Client, person: User) -> None:
    sign_in(client)
    for row, _ in audit.rows(f"account/{person.pk}"):
        assert b"192.0.2.1" not in bytes(row.body)


# ------------------------------------------------------------------------------------- failed attempts


@pytest.fixture
def still(monkeypatch: Any) -> None:
    """The clock of sign-in stands still: how fast this machine is decides nothing."""
    now = timezone.now()
    monkeypatch.setattr("vonglau.web.accounts.timezone", SimpleNamespace(now=lambda: now))


def test_whoever_guesses_waits_and_strangers_learn_nothing(client: Client, person: User, still: None) -> None:
    answers = []
    for name in ("truc", "nobody"):
        said = [sign_in(client, "wrong", name).content.decode() for _ in range(7)]
        answers.append([re.findall(r'class="form-errors"[^>]*>(.*?)</div>', one, re.DOTALL) for one in said])
    assert answers[0] == answers[1], "the same words for an account that is and one that is not"
    assert "quá nhiều lần" in str(answers[0][-1])
    assert sign_in(client, PASSWORD).status_code == 200, "even the right one, while waiting"
    said = steps(person)
    assert said.count("sign-in-slowed") == 1
    assert len(said) == 5, "what is not looked at leaves no row"


def test_an_operator_on_shift_is_not_shut_out_by_a_botnet(client: Client, person: User, still: None) -> None:
    assert sign_in(client).status_code == 302
    bots = Client()
    for n in range(60):
        sign_in(bots, "wrong", "truc", f"203.0.113.{n}")
    assert sign_in(Client(), PASSWORD, "truc", "203.0.113.200").status_code == 200, "an address never seen waits"
    assert sign_in(Client(), PASSWORD, "truc", "192.0.2.1").status_code == 302, "the desk's own does not"
    assert attempts.waiting("truc", timezone.now())
    attempts.lift("TRUC ")
    assert not attempts.waiting("truc", timezone.now())
    assert sign_in(Client(), PASSWORD, "truc", "203.0.113.201").status_code == 302


def test_waiting_grows_is_bounded_and_ends(db: None) -> None:
    now = timezone.now()
    waits = []
    for _ in range(30):
        found = attempts.charge("a", "192.0.2.9", now)
        if found.wait:
            waits.append(found.wait)
            now += timedelta(seconds=found.wait)
    assert waits == sorted(waits)
    assert 2 <= waits[0] <= 4
    assert waits[-1] <= 300 + 900
    assert attempts.charge("a", "192.0.2.9", now + timedelta(hours=7)).wait == 0
    assert all("192.0.2.9" not in row.key for row in Attempts.objects.all())


def test_an_ipv6_subscriber_is_one_caller(db: None) -> None:
    now = timezone.now()
    for n in range(6):
        attempts.charge("a", f"2001:db8:1:2::{n:x}", now)
    assert attempts.charge("a", "2001:db8:1:2:ffff::1", now).wait > 0
    assert attempts.charge("a", "2001:db8:1:3::1", now).wait == 0


# ------------------------------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    "password",
    [
        "matkhau12345", "Matkhau@2026!", "mật khẩu 2026", "anhyeuemanhyeuem", "Đà Nẵng 2026!!", "danangdanang", "123456789012",
        "qwertyuiopas", "aaaaaaaaaaaaaa", "abcdefghijkl", "vonglau2026!!", "iloveyou1234", "trucban123456", "nguyenthitruc1",
        "121212121212", "1234567812345678", "password123456",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    person = User(username="nguyen.thi.truc", first_name="Nguyễn Thị Trực")
    with pytest.raises(ValidationError):
        passwords.Guessable().validate(password, person)


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "con mèo nằm trên mái tôn nóng", "k7#Qv!m2Zx@9", "đi chợ Hàn mua 3 cân xoài", "correct horse battery"],
)
def test_long_sentences_pass_without_rules_of_composition(password: str) -> None:
    passwords.Guessable().validate(password, User(username="truc"))
    passwords.Length(12).validate(password)


def test_hashing_is_slow_enough() -> None:
    """OWASP asks for 600,000 rounds of PBKDF2 with SHA-256."""
    algorithm, rounds, *_ = make_password(PASSWORD).split("$")
    assert algorithm == "pbkdf2_sha256"
    assert int(rounds) >= 600_000


def test_a_token_is_not_a_person(client: Client, city: None) -> None:
    from vonglau.kit import tokens

    text, _ = tokens.mint("a", ["read"], "live")
    assert client.get("/accounts/me/", headers={"authorization": f"Bearer {text}"}).status_code == 404

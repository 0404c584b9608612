"""Signing in at an identity provider of VNeID's kind, over real HTTP; and every lie such a provider, or somebody in between, may tell."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client

from tests.browser import Person, chromium
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider
from tests.serving import environment, new_city, ran, serving
from vonglau.core import audit, keyfiles
from vonglau.core.people.access_models import Identity, Session
from vonglau.core.people.models import Agency, User
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.web.oidc import provider as ours

LAN, MINH = "0790000001", "0790000002"


@pytest.fixture(params=["RS256", "ES256"])
def vneid(request: Any) -> Iterator[IdentityProvider]:
    people = {
        LAN: {"preferred_username": "lan", "name": "Nguyễn Thị Lan", "orgs": ["ioc"]},
        MINH: {"preferred_username": "minh"},
    }
    with identity_provider(algorithm=request.param, people=people) as one:
        yield one


@pytest.fixture
def city(db: None, vneid: IdentityProvider, settings: Any, tmp_path: Path) -> None:
    ensure_world("live", WorldKind.LIVE, "48", "Thật", "Live")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.VONGLAU_SECRETS = tmp_path
    keyfiles.write(tmp_path / "oidc.secret", SECRET)
    settings.VONGLAU_OIDC_ISSUER, settings.VONGLAU_OIDC_CLIENT = vneid.issuer, CLIENT
    settings.VONGLAU_OIDC_LOOPBACK, settings.VONGLAU_OIDC_CLAIM = True, "preferred_username"
    ours._one.clear()


@pytest.fixture
def lan(city: None) -> User:
    return User.objects.create_user("lan", password="một câu đủ dài để nhớ", role="operator")


def go(client: Client, vneid: IdentityProvider, who: str = LAN, after: str = "") -> Any:
    """As a browser goes: to the provider, a button there, and back."""
    away = client.get(f"/accounts/oidc/?next={after}")
    if away.status_code != 302:
        return away
    asked = {key: value[0] for key, value in parse_qs(urlsplit(away.headers["Location"]).query).items()}
    back = requests.post(f"{vneid.issuer}/authorize", {**asked, "sub": who}, allow_redirects=False, timeout=10).headers[
        "Location"
    ]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}")


def is_in(client: Client) -> bool:
    return client.get("/accounts/me/").status_code == 200


def test_the_agreed_claim_links_once_and_the_subject_counts_from_then_on(lan: User, vneid: IdentityProvider) -> None:
    client = Client()
    assert go(client, vneid, after="/desk/").headers["Location"] == "/desk/"
    assert is_in(client)
    assert Session.objects.get(user=lan).method == "oidc"
    assert Identity.objects.get().subject == LAN
    assert {"identity-linked", "sign-in"} <= {body["step"] for _, body in audit.rows(f"account/{lan.pk}")}
    vneid.people[LAN]["preferred_username"] = "somebody.else"
    vneid.people[MINH]["preferred_username"] = "lan"
    again, thief = Client(), Client()
    go(again, vneid)
    assert is_in(again)
    assert go(thief, vneid, MINH).status_code == 403, "the name is taken by another identity"
    assert not is_in(thief)


def test_nobody_gets_an_account_without_a_rule_and_a_rule_makes_no_administrator(
    lan: User, vneid: IdentityProvider, settings: Any, tmp_path: Path
) -> None:
    assert go(Client(), vneid, MINH).status_code == 403
    assert User.objects.count() == 1
    rules = tmp_path / "rules.yaml"
    settings.VONGLAU_OIDC_RULES = str(rules)
    rules.write_text("rules: [{claims: {orgs: ioc}, role: administrator}]")
    assert go(Client(), vneid, MINH).status_code == 400
    Agency.objects.create(code="so-xd", valid_from="2025-07-01", name_vi="Sở", name_en="Dept", kind="department")
    rules.write_text("rules: [{claims: {orgs: so-xd}, role: agency, agency: so-xd}]")
    assert go(Client(), vneid, MINH).status_code == 403
    vneid.people[MINH]["orgs"] = ["so-xd", "x"]
    client = Client()
    go(client, vneid, MINH)
    assert is_in(client)
    made = User.objects.get(username="minh")
    assert (made.role, made.agency.code, made.has_usable_password()) == ("agency", "so-xd", False)


def test_a_shut_account_stays_shut(lan: User, vneid: IdentityProvider) -> None:
    go(Client(), vneid)
    User.objects.update(is_active=False)
    client = Client()
    assert go(client, vneid).status_code == 403
    assert not is_in(client)


def test_without_an_agreed_claim_people_link_themselves(lan: User, vneid: IdentityProvider, settings: Any) -> None:
    settings.VONGLAU_OIDC_CLAIM = ""
    assert go(Client(), vneid).status_code == 403
    client = Client()
    client.post("/accounts/login/", {"login": "lan", "password": "một câu đủ dài để nhớ"})
    assert go(client, vneid, MINH).headers["Location"] == "/accounts/me/"
    other = Client()
    go(other, vneid, MINH)
    assert is_in(other)


def test_a_level_is_asked_for_checked_and_stands_for_a_second_factor(
    lan: User, vneid: IdentityProvider, settings: Any
) -> None:
    settings.VONGLAU_MFA = "required"
    settings.VONGLAU_OIDC_ACR = ["2", "3"]
    client = Client()
    go(client, vneid)
    assert client.get("/desk/").status_code == 200
    settings.VONGLAU_OIDC_ACR = ["3"]
    assert go(Client(), vneid).status_code == 403
    settings.VONGLAU_OIDC_ACR = []
    client = Client()
    go(client, vneid)
    assert client.get("/desk/").headers["Location"] == "/accounts/2fa/totp/activate/"


LIES = [
    "nonce", "aud", "azp", "aud list", "expired", "old", "issuer", "at_hash", "sub", "no exp", "alg none", "shared secret", "forged",
    "unknown key", "changed", "iss", "no iss", "state", "refusal", "no id token", "userinfo",
]  # fmt: skip


@pytest.mark.parametrize("vneid", ["RS256"], indirect=True)
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_signs_nobody_in(lan: User, vneid: IdentityProvider, lie: str) -> None:
    vneid.lie = lie
    client = Client()
    answer = go(client, vneid)
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Chưa đăng nhập được" in page
    assert not is_in(client)
    assert not Identity.objects.exists()
    assert [body["step"] for _, body in audit.rows("sign-in")] == ["oidc-refused"]
    vneid.lie = ""
    go(client, vneid)
    assert is_in(client), "the truth still works"


@pytest.mark.parametrize("vneid", ["ES256"], indirect=True)
def test_keys_change_and_a_provider_that_is_somebody_else_is_not_used(
    lan: User, vneid: IdentityProvider, monkeypatch: Any
) -> None:
    go(Client(), vneid)
    monkeypatch.setattr(ours, "KEYS_AGAIN_SECONDS", 0.0)
    vneid.rotate()
    client = Client()
    go(client, vneid)
    assert is_in(client)
    ours._one.clear()
    vneid.lie = "issuer of metadata"
    assert Client().get("/accounts/oidc/").status_code == 503


@pytest.mark.parametrize("vneid", ["RS256"], indirect=True)
def test_an_answer_works_once_and_in_the_browser_that_asked(lan: User, vneid: IdentityProvider) -> None:
    client, other = Client(), Client()
    asked = {k: v[0] for k, v in parse_qs(urlsplit(client.get("/accounts/oidc/").headers["Location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) > 40
    back = urlsplit(
        requests.post(f"{vneid.issuer}/authorize", {**asked, "sub": LAN}, allow_redirects=False, timeout=10).headers[
            "Location"
        ]
    )
    assert other.get(f"{back.path}?{back.query}").status_code == 403, "not begun there"
    client.get(f"{back.path}?{back.query}")
    assert is_in(client)
    assert Client().get(f"{back.path}?{back.query}").status_code == 403
    assert client.get(f"{back.path}?{back.query}").status_code == 403


@pytest.mark.parametrize("vneid", ["RS256"], indirect=True)
def test_only_https_unless_a_setting_says_otherwise(lan: User, vneid: IdentityProvider, settings: Any) -> None:
    settings.VONGLAU_OIDC_LOOPBACK = False
    assert Client().get("/accounts/oidc/").status_code == 503
    for url, may in (
        ("https://id.example.vn/x", True), ("http://id.example.vn", False), ("file:///etc/passwd", False), ("http://127.0.0.1.evil", False),
    ):  # fmt: skip
        assert ours.allowed(url, loopback=True) is may, url


@pytest.mark.browser
@pytest.mark.parametrize("vneid", ["ES256"], indirect=True)
def test_a_person_signs_in_at_the_provider_and_out_of_both(
    vneid: IdentityProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = new_city(tmp_path / "data")
    keyfiles.write(data / "secrets" / "oidc.secret", SECRET)
    ran(
        "user",
        "create",
        "lan",
        "--role",
        "operator",
        "--name",
        "Nguyễn Thị Lan",
        "--data",
        data,
        stdin="một câu đủ dài để nhớ\n",
    )
    more = {
        "VONGLAU_OIDC_ISSUER": vneid.issuer,
        "VONGLAU_OIDC_LOOPBACK": "1",
        "VONGLAU_OIDC_CLAIM": "preferred_username",
    }
    monkeypatch.setattr("tests.serving.environment", lambda *of: {**environment(*of), **more})
    with serving(data) as server, chromium() as browser:
        lan = Person(browser, server.url, 360, 800)
        lan.open("/desk/")
        assert lan.serious() == []
        if shots := os.environ.get("SHOTS"):
            lan.page.screenshot(path=f"{shots}/login-oidc-360.png")
        lan.page.get_by_role("link", name="Đăng nhập bằng VNeID").click()
        lan.page.get_by_role("button", name=LAN).click()
        lan.page.wait_for_url("**/desk/")
        lan.open("/accounts/logout/")
        lan.page.get_by_role("button", name="Đăng xuất").click()
        lan.page.get_by_role("link", name="Đăng xuất cả VNeID").click()
        lan.page.wait_for_url("**/accounts/login/")
        assert lan.faults == []

"""A supervisor's first morning where a second factor is required: a real browser, the real policy of content, codes made as an app makes them."""

import base64
import hashlib
import hmac
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Person, chromium
from tests.serving import Serving, environment, new_city, ran, serving

pytestmark = pytest.mark.browser
PASSWORD = "gà gáy sáng bên sông Hàn"


def totp(secret: str) -> str:
    """RFC 6238, as an authenticator app computes it."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    data = new_city(tmp_path / "data")
    ran("user", "create", "truong.ca", "--role", "supervisor", "--data", data, stdin=PASSWORD + "\n")
    more = {"VONGLAU_MFA_ROLES": "supervisor,administrator"}
    monkeypatch.setattr("tests.serving.environment", lambda *of: {**environment(*of), **more})
    with serving(data) as one:
        yield one


def test_a_supervisor_sets_it_up_and_signs_in_with_it(server: Serving) -> None:
    with chromium() as browser:
        lan = Person(browser, server.url, 360, 800)
        lan.sign_in("truong.ca", PASSWORD)
        lan.page.wait_for_url("**/accounts/2fa/totp/activate/")
        assert lan.serious() == []
        secret = lan.page.locator("code.secret").inner_text()
        assert lan.page.locator("img.qr").evaluate("img => img.naturalWidth") > 0, (
            "the QR code is drawn under our policy"
        )
        shots = os.environ.get("SHOTS")
        if shots:
            lan.page.screenshot(path=f"{shots}/enrol-360.png", full_page=True)
        lan.page.fill("input[name=code]", totp(secret))
        lan.page.press("input[name=code]", "Enter")
        lan.page.wait_for_url("**/recovery-codes/")
        codes = lan.page.locator(".codes code").all_inner_texts()
        assert len(codes) == 10
        assert lan.serious() == []
        if shots:
            lan.page.screenshot(path=f"{shots}/codes-360.png", full_page=True)
        lan.page.get_by_role("link", name="Tôi đã cất").click()
        lan.page.wait_for_url(f"{server.url}/")
        assert lan.faults == []

        minh = Person(browser, server.url)
        minh.page.goto(f"{server.url}/accounts/login/?next=/accounts/me/")
        minh.page.fill("input[name=login]", "truong.ca")
        minh.page.fill("input[name=password]", PASSWORD)
        minh.page.press("input[name=password]", "Enter")
        minh.page.wait_for_url("**/2fa/authenticate/**")
        assert minh.serious() == []
        if shots:
            minh.page.screenshot(path=f"{shots}/authenticate-1440.png")
        minh.page.fill("input[name=code]", codes[3])
        minh.page.press("input[name=code]", "Enter")
        minh.page.wait_for_url("**/accounts/me/")
        minh.page.get_by_text("Đang bật").wait_for()
        assert minh.page.get_by_text("Chrome").count() == 2
        assert minh.serious() == []
        if shots:
            minh.page.screenshot(path=f"{shots}/account-1440.png", full_page=True)
            lan.open("/accounts/me/").screenshot(path=f"{shots}/account-360.png", full_page=True)
        minh.page.get_by_role("button", name="Đăng xuất mọi nơi khác").click()
        minh.page.wait_for_load_state()
        lan.open("/accounts/me/")
        assert "/accounts/login" in lan.page.url
        assert minh.faults == []

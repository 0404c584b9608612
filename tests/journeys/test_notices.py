"""A supervisor's device, in a real browser: permission is asked at a press, a push shows a notice, a press on it opens the incident.

No push service can be reached from a test; the browser is handed the push as its maker's service would (DevTools protocol), and the way
from the server to such a service is tested in `gateways/notices/tests/test_push.py` against one that decrypts.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.browser import Person, chromium, until
from tests.serving import Serving, new_city, ran, serving

pytestmark = pytest.mark.browser

WORDS = "mật khẩu rất dài của trưởng ca"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = new_city(tmp_path_factory.mktemp("push") / "city")
    for name, role in (("truong.ca", "supervisor"), ("quan.tri", "administrator")):
        ran("user", "create", name, "--role", role, "--data", data, stdin=f"{WORDS}\n")
    with serving(data) as running:
        yield running


def test_a_push_shows_a_notice_and_its_press_opens_the_incident(server: Serving) -> None:
    with chromium() as browser:
        person = Person(browser, server.url)
        asked: list[str] = []
        person.page.expose_function("vlAsked", lambda: asked.append("asked"))
        person.page.add_init_script(
            "const ask = Notification.requestPermission.bind(Notification);"
            "Notification.requestPermission = () => { window.vlAsked(); return ask(); };"
        )
        person.sign_in("truong.ca", WORDS)
        page = person.open("/account/notices/")
        page.locator("[data-push-state=off]").wait_for()
        assert asked == [], "never on load"
        assert person.serious() == []
        person.context.grant_permissions(["notifications"], origin=server.url)
        page.get_by_role("button", name="Bật trên thiết bị này").click()
        # The browser's own push service cannot be reached from here: the page says so, and the button stays.
        page.locator("[data-push-state=failed]").wait_for()
        assert page.get_by_role("button", name="Bật trên thiết bị này").is_visible()
        assert asked == ["asked"]

        until(page, "async () => (await navigator.serviceWorker.ready).active?.state === 'activated'")
        client = person.context.new_cdp_session(page)
        found: list[str] = []
        client.on("ServiceWorker.workerRegistrationUpdated", lambda said: found.extend(
            one["registrationId"] for one in said["registrations"] if one["scopeURL"] == f"{server.url}/"
        ))  # fmt: skip
        client.send("ServiceWorker.enable")
        until_found = time.monotonic() + 20
        while not found and time.monotonic() < until_found:
            page.wait_for_timeout(50)
        assert found, "the service worker rules the whole site"
        push = {
            "title": "Khẩn SV-1: Ngập",
            "body": "Hải Châu",
            "url": "/desk/",
            "tag": "incident/live/SV-1",
            "lang": "vi",
            "urgent": True,
        }

        def delivered(data: str, script: str, arg: Any = None) -> Any:
            """What the page says then. Sent again like by a push service: a browser that was starting its worker drops one now and then."""

            def sent(seconds: float) -> Any:
                client.send(
                    "ServiceWorker.deliverPushMessage",
                    {"origin": server.url, "registrationId": found[-1], "data": data},
                )
                return until(page, script, arg, seconds)

            with suppress(AssertionError):
                return sent(8)
            return sent(20)

        shown = """async (n) => {
            const notices = await (await navigator.serviceWorker.ready).getNotifications();
            return notices.length === n && notices.map((one) => [one.title, one.body, one.tag, one.data.url]);
        }"""
        assert delivered(json.dumps(push), shown, 1) == [
            ["Khẩn SV-1: Ngập", "Hải Châu", "incident/live/SV-1", "/desk/"]
        ]
        delivered(
            json.dumps({**push, "body": "Hải Châu 2"}),
            "async () => (await (await navigator.serviceWorker.ready).getNotifications())[0].body === 'Hải Châu 2'",
        )
        assert len(until(page, shown, 1)) == 1, "a copy replaces the first, by its tag"
        assert ["Vọng Lâu", "", "", ""] in delivered("no json", shown, 2)

        # Pressed, as the browser tells the worker; focusing and opening windows need a real finger, so that is watched.
        (worker,) = person.context.service_workers
        opened = worker.evaluate(
            """async () => {
                const [notice] = (await self.registration.getNotifications()).filter((one) => one.tag);
                const opened = [];
                Object.defineProperty(self.clients, "matchAll", { value: async () => [] });
                Object.defineProperty(self.clients, "openWindow", { value: async (url) => { opened.push(url); return null; } });
                for (const url of [notice.data.url, "https://evil.example/", "//evil.example/x", "javascript:alert(1)"]) {
                    const event = new NotificationEvent("notificationclick", { notification: notice });
                    Object.defineProperty(notice, "data", { value: { url }, configurable: true });
                    self.dispatchEvent(event);
                    await new Promise((resolve) => setTimeout(resolve, 50));
                }
                return opened;
            }"""
        )
        assert opened == [f"{server.url}/desk/"] * 4, "only addresses of this site"
        assert [fault for fault in person.faults if "push" not in fault.lower()] == []


@pytest.mark.parametrize("width", [360, 1440])
def test_administration_of_notices_holds_together(server: Serving, width: int) -> None:
    with chromium() as browser:
        person = Person(browser, server.url, width=width)
        person.sign_in("quan.tri", WORDS)
        page = person.open("/administration/webhooks/new/")
        page.fill("input[name=name]", "Trung tâm cấp cứu 115")
        page.fill("input[name=url]", "https://hooks.example.org/vonglau")
        page.get_by_role("button", name="Tạo").click()
        secret = page.locator("#secret").inner_text()
        assert secret.startswith("whsec_")
        page.get_by_role("button", name="Gửi thử").click()
        page.get_by_text("Sự kiện thử đang được gửi").wait_for()
        for path in (
            "/administration/notices/?view=pending",
            "/administration/webhooks/",
            "/administration/notices/?view=failed",
        ):
            person.open(path)
            assert person.serious() == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert person.faults == []

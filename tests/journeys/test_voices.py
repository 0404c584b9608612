"""A neighbour with the same dark lamp: finds it while writing, joins with one press, hears of it, is not content, and has it taken up again.

360 px, both languages, a real Chromium; the desk sees who said what. Mails are read from the outbox, which stands for a mail server.
"""

import json
import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from playwright.sync_api import Browser, Geolocation, Page, expect

from tests.browser import Person, chromium
from tests.journeys.test_citizen_report import speak
from tests.serving import Serving, new_city, ran, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
expect.set_options(timeout=30_000)

SECRET = "mật khẩu rất dài của trưởng ca"
WORDS = {
    "vi": {
        "near": "Đã có người phản ánh gần đây",
        "joined": "bạn cũng gặp việc này",
        "people": "2 người gặp việc này",
        "asked": "a•••@example.vn",
        "told": "Từ nay bạn nhận tin",
        "subject": "Đã có kết quả",
        "reopened": "việc đã được mở lại",
        "kind": "Đèn đường hỏng",
    },
    "en": {
        "near": "Reported near there already",
        "joined": "you have this trouble too",
        "people": "2 people have this trouble",
        "asked": "a•••@example.vn",
        "told": "From now on you hear",
        "subject": "Resolved",
        "reopened": "it was reopened",
        "kind": "Street light",
    },
}
HERE: dict[str, Geolocation] = {
    "vi": {"longitude": 108.2205, "latitude": 16.0605},
    "en": {"longitude": 108.2300, "latitude": 16.0550},
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = new_city(tmp_path_factory.mktemp("voices") / "data")
    for name, role in (("truong.ca", "supervisor"), ("quan.tri", "administrator")):
        ran("user", "create", name, "--role", role, "--data", data, stdin=f"{SECRET}\n")
    with serving(data) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def desk(browser: Browser, city: Serving) -> Iterator[Person]:
    clerk = Person(browser, city.url)
    clerk.sign_in("quan.tri", SECRET)
    page = clerk.open("/administration/agencies/new/")
    named = {"code": "so-xay-dung", "name_vi": "Sở Xây dựng", "name_en": "Department of Construction"}
    for name, value in {**named, "since": "2025-07-01"}.items():
        page.fill(f"[name={name}]", value)
    page.select_option("[name=kind]", "department")
    page.click("main form button[type=submit]")
    page.wait_for_url(re.compile("/administration/agencies/so-xay-dung/"))
    clerk.context.close()
    who = Person(browser, city.url)
    who.sign_in("truong.ca", SECRET)
    yield who
    who.context.close()


def phone(browser: Browser, city: Serving, here: Geolocation) -> Person:
    who = Person(browser, city.url, 360, 740)
    who.context.grant_permissions(["geolocation"], origin=city.url)
    who.context.set_geolocation(here)
    return who


def holds(who: Person, page: Page) -> None:
    """Nothing to scroll sideways, nothing that axe finds serious."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert who.serious() == []


def step(desk: Person, ref: str, step: str, **more: str) -> None:
    """As the desk's page does it: over the API, with the session's token."""
    page = desk.open("/desk/")
    status = page.evaluate(
        """async ([ref, body]) => {
            const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
            const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
            const answer = await fetch(`/api/incidents/${ref}/steps?world=live`, { method: "POST", headers, body });
            return [answer.status, await answer.text()];
        }""",
        [ref, json.dumps({"step": step, **more})],
    )
    assert status[0] == 200, status


def mail(city: Serving, holding: str) -> Any:
    """The newest mail whose subject holds this."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = []
        for path in (city.data / "outbox" / "live").glob("*"):
            for part in path.read_bytes().split(b"\n" + b"-" * 79 + b"\n"):
                if part.strip():
                    found.append((path.stat().st_mtime_ns, message_from_bytes(part.strip(), policy=policy.default)))
        right = [
            message for _at, message in sorted(found, key=lambda one: one[0]) if holding in str(message["Subject"])
        ]
        if right:
            return right[-1]
        time.sleep(0.2)
    raise AssertionError(f"no mail about {holding}")


def report(browser: Browser, city: Serving, language: str) -> str:
    """The first citizen's: its number."""
    context = (
        browser.new_context(  # another phone than the neighbour's: one kind of browser behind one address counts once
            user_agent="Mozilla/5.0 (Linux; Android 14; first) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
            viewport={"width": 360, "height": 740},
            geolocation=HERE[language],
            permissions=["geolocation"],
        )
    )
    page = context.new_page()
    page.goto(f"{city.url}/field_reports/")
    page.fill("[name=description]", "Đèn đường trước chợ tắt ba đêm")
    page.select_option("[name=category]", "street_light")
    page.click("[data-here]")
    expect(page.locator("[name=lat]")).not_to_have_value("")
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/field_reports/r/[^/]+/"))
    reference = page.locator(".kept .code").inner_text()
    context.close()
    return reference


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_neighbour_joins_follows_objects_and_it_is_taken_up_again(
    browser: Browser, city: Serving, desk: Person, language: str
) -> None:
    said = WORDS[language]
    reference = report(browser, city, language)
    incident = reference.replace("PA-", "SV-")
    step(desk, incident, "verify")

    # While they write: the same lamp is there, and so is its kind.
    who = phone(browser, city, HERE[language])
    page = who.open("/field_reports/")
    speak(page, language)
    page.fill("[name=description]", "Đèn đường hỏng, đèn đường không sáng")
    expect(page.locator("[data-suggested]")).to_contain_text(said["kind"])
    assert page.locator("[name=category]").input_value() == "", "proposed, never set"
    page.click("[data-suggested] button")
    expect(page.locator("[name=category]")).to_have_value("street_light")
    page.click("[data-here]")
    near = page.locator("[data-near]")
    expect(near).to_contain_text(said["near"])
    expect(near).to_contain_text("trước chợ")
    expect(near).to_contain_text(reference)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    holds(who, page)
    page.click("[data-near] [data-join]")
    page.wait_for_url(re.compile(r"/field_reports/v/[^/]+/"))
    expect(page.locator(".kept")).to_contain_text(said["joined"])
    expect(page.locator(".crowd")).to_contain_text(said["people"])
    holds(who, page)
    mine = page.url.split("?")[0]

    # Joined once: the public page knows them, a second press adds nothing.
    page.goto(f"{city.url}/field_reports/{reference}/")
    expect(page.locator(".join a")).to_have_attribute("href", re.compile("/field_reports/v/"))
    holds(who, page)

    # By mail: asked first, told after a press.
    page.goto(mine)
    page.fill("[name=email]", f"an.{language}@example.vn")
    page.click(".by-email button")
    expect(page.locator("#follow")).to_contain_text(said["asked"])
    holds(who, page)
    asked = mail(city, reference).get_content()
    page.goto(re.search(r"https?://\S+/confirm/\S+", asked)[0])  # type: ignore[index]
    holds(who, page)
    page.click("main button[type=submit]")
    expect(page.locator("#follow")).to_contain_text(said["told"])
    step(desk, incident, "assign", agency="so-xay-dung")
    step(desk, incident, "start")
    step(desk, incident, "resolve", outcome="explained", why="Đã hẹn thợ thay bóng.")
    news = mail(city, f"{reference}: {said['subject']}")
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    # Not content: one of five, in words, and it is taken up again.
    page.goto(re.search(r"https?://\S+/field_reports/v/\S+/(?=\s)", news.get_content())[0])  # type: ignore[index]
    holds(who, page)
    page.click("[data-score='1']")
    page.fill("[name=words]", "Đèn vẫn tắt, chưa ai đến")
    page.check("[name=objects]")
    page.click(".verdict button[type=submit]")
    expect(page.locator("#verdict")).to_contain_text(said["reopened"])
    holds(who, page)
    assert "an." not in (city.data.parent / "data.log").read_text(), "no address in the log"
    assert mine.split("/v/")[1].strip("/") not in (city.data.parent / "data.log").read_text()

    # The desk sees it.
    seen = desk.open(f"/desk/{incident}/")
    expect(seen.locator("main")).to_contain_text("Đèn vẫn tắt, chưa ai đến")
    expect(seen.locator("main")).to_contain_text("1 trên 5")
    expect(seen.locator("main")).to_contain_text("Mở lại")

    # One press ends the news.
    page.goto(mine)
    page.click("#follow .way button")
    expect(page.locator("#follow .done")).to_be_visible()
    who.context.close()
    assert who.faults == []


def test_without_a_script_joining_following_and_rating_work(browser: Browser, city: Serving) -> None:
    reference = report(browser, city, "vi")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740}, locale="vi-VN")
    page = context.new_page()
    page.goto(f"{city.url}/field_reports/{reference}/")
    page.click("button[value=follower]")
    expect(page.locator(".kept")).to_contain_text("Bạn theo dõi việc này")
    page.fill("[name=email]", "khong.script@example.vn")
    page.click(".by-email button")
    expect(page.locator("#follow")).to_contain_text("k•••@example.vn")
    page.click("#follow .quiet")
    expect(page.locator("#follow")).to_contain_text("Đã thôi nhận tin")
    context.close()

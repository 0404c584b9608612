"""A new user's first ten minutes, as the README tells them: `vonglau demo`, four people, two languages, a real Chromium.

From the board to an incident; verified and assigned with the keyboard; seen at once by the agency on a phone in another browser; started,
photographed, resolved; closed; and the figure that moved shows its definition and the very incidents under it.
"""

import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser import Person, chromium
from tests.serving import Serving, serving

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = tmp_path_factory.mktemp("demo") / "data"
    with serving(data, "--json", command="demo") as server:
        log = data.parent / "data.log"
        until = time.monotonic() + 120
        while '"accounts"' not in log.read_text() and time.monotonic() < until:
            assert server.process.poll() is None, log.read_text()[-2000:]
            time.sleep(0.2)
        yield server


@pytest.fixture(scope="module")
def accounts(demo: Serving) -> dict[str, dict[str, str]]:
    kept = json.loads((demo.data / "demo-accounts.json").read_text(encoding="utf-8"))
    return {account["role"]: account for account in kept}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def person(browser: Browser, demo: Serving, account: dict[str, str], width: int = 1440, height: int = 900) -> Person:
    made = Person(browser, demo.url, width, height)
    made.sign_in(account["username"], account["password"])
    return made


def speak(who: Person, language: str) -> None:
    """One press changes the language; the account remembers it."""
    if who.page.locator("html").get_attribute("lang") != language:
        who.page.locator(f".bar button[lang={language}]").click()
        expect(who.page.locator("html")).to_have_attribute("lang", language)


WORDS = {
    "vi": {
        "drill": "Diễn tập",
        "live": "Trực tiếp",
        "usual": "thường",
        "receive": "Tiếp nhận",
        "handle": "Xử lý",
        "verified": "Đã xác minh",
        "assigned": "Đã phân công",
        "in progress": "Đang xử lý",
        "resolved": "Đã có kết quả",
        "closed": "Đã đóng",
        "denominator": "Mẫu số",
        "of": "trên",
    },
    "en": {
        "drill": "Drill",
        "live": "Live",
        "usual": "usual",
        "receive": "Receive",
        "handle": "Handle",
        "verified": "Verified",
        "assigned": "Assigned",
        "in progress": "In progress",
        "resolved": "Resolved",
        "closed": "Closed",
        "denominator": "Denominator",
        "of": "of",
    },
}


def left_to_the_visitor(ref: str) -> bool:
    """Incidents that the demonstration's other staff will not touch. Besides these, the newest two from before the opening."""
    from vonglau.web.demo_staff import pace

    return not pace(SimpleNamespace(world="da-nang-drill", ref=ref)).theirs  # type: ignore[arg-type]


def photo() -> bytes:
    file = io.BytesIO()
    picture = Image.new("RGB", (1200, 900), (90, 130, 140))
    exif = picture.getexif()
    exif[0x010F] = "Secret camera"
    picture.save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_board(browser: Browser, demo: Serving, accounts: dict[str, dict[str, str]], language: str) -> None:
    who = person(browser, demo, accounts["operator"])
    page = who.page
    speak(who, language)
    expect(page.locator(".banner.drill")).to_contain_text(WORDS[language]["drill"])
    assert page.title().startswith(f"[{WORDS[language]['drill'].upper()}]")
    page.locator("[data-map][data-ready]").wait_for(state="attached")
    expect(page.locator(".rows .row").first).to_be_visible()
    expect(page.locator(".figure").first).to_be_visible()
    expect(page.locator("[data-link-state]")).to_contain_text(WORDS[language]["live"])
    dues = [
        due for due in page.locator(".rows .row time[data-due]").evaluate_all("all => all.map(e => e.dateTime)") if due
    ]
    assert dues == sorted(dues), "ordered by what is due next"
    assert who.serious() == []
    assert who.faults == []
    who.context.close()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_from_alert_to_a_figure_that_moved(
    browser: Browser, demo: Serving, accounts: dict[str, dict[str, str]], language: str
) -> None:
    words = WORDS[language]
    operator = person(browser, demo, accounts["operator"])
    agency = person(browser, demo, accounts["agency"], 390, 844)
    leader = person(browser, demo, accounts["leader"])
    for one in (operator, agency, leader):
        speak(one, language)

    page = operator.open("/desk/?state=received&kind=traffic_congestion")
    refs = page.locator(".row[data-row]").evaluate_all("all => all.map(e => e.dataset.row)")
    ref = next((ref for ref in refs if left_to_the_visitor(ref)), None) or min(refs)

    # Why it exists: the rule in words, the chart, the events; where; both clocks; the timeline.
    page = operator.open(f"/desk/{ref}/")
    expect(page.locator(".why")).to_contain_text(words["usual"])
    page.locator(".why [data-chart][data-ready]").first.wait_for(state="attached")
    expect(page.locator(".where [data-map]")).to_be_attached()
    expect(page.locator(".clocks")).to_contain_text(words["receive"])
    expect(page.locator(".clocks")).to_contain_text(words["handle"])
    assert page.locator(".timeline li").count() >= 1
    assert operator.serious() == []

    # The agency's inbox is open on a phone, and knows nothing of it yet.
    inbox = agency.open("/desk/")
    expect(inbox.locator(f"#incident-{ref}")).to_have_count(0)
    before = made_of(leader, words)

    # Three keystrokes and Enter: verify, assign to the first suggestion.
    page.keyboard.press("v")
    expect(page.locator(".incident-head")).to_contain_text(words["verified"])
    page.keyboard.press("a")
    page.locator("#dialog-assign[open]").wait_for()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator(".incident-head")).to_contain_text(words["assigned"])

    # The agency sees it at once, without reloading.
    expect(inbox.locator(f"#incident-{ref}")).to_be_visible(timeout=5_000)
    inbox.locator(f"#incident-{ref} .row-title").click()
    inbox.locator("[data-key=s]").click()
    expect(inbox.locator(".incident-head")).to_contain_text(words["in progress"])
    expect(page.locator(".incident-head")).to_contain_text(words["in progress"], timeout=5_000)

    inbox.locator("[data-key=r]").click()
    dialog = inbox.locator("#dialog-resolve[open]")
    dialog.wait_for()
    dialog.locator("[name=outcome][value=fixed]").check(force=True)
    dialog.locator("[name=why]").fill("Đã phân luồng, thông xe lúc 8 giờ.")
    dialog.locator("input[type=file]").set_input_files({"name": "sau.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    dialog.locator("button[type=submit].primary").click()
    expect(inbox.locator(".incident-head")).to_contain_text(words["resolved"])
    assert agency.serious() == []
    picture = inbox.locator("img[src*=photos]").first
    picture.wait_for()

    # It closes (the demonstration's supervisor confirms), and everybody sees it.
    expect(page.locator(".incident-head")).to_contain_text(words["closed"], timeout=60_000)
    expect(page.locator(".timeline")).to_contain_text("Đã phân luồng, thông xe")

    # The figure moved, and shows what it is made of.
    after = made_of(leader, words)
    assert after[0] > before[0]
    assert after[1] > before[1]
    figure = leader.open("/figures/handled_on_time/?part=numerator")
    expect(figure.locator(".definition")).to_contain_text(words["denominator"])
    rows = []
    while True:
        rows += figure.locator("tr[id^=row-]").evaluate_all("all => all.map(e => e.id.slice(4))")
        following = figure.locator("a[rel=next]")
        if not following.count():
            break
        following.first.click()
    assert ref in rows
    assert leader.serious() == []
    for one in (operator, agency, leader):
        assert one.faults == []
        one.context.close()


def made_of(leader: Person, words: dict[str, str]) -> tuple[int, int]:
    """Numerator and denominator of "handled on time" as the leader's page says them."""
    text = leader.open("/figures/handled_on_time/").locator(".figures").inner_text()
    numbers = re.search(rf"([\d.,]+) {words['of']} ([\d.,]+)", text)
    assert numbers, text
    first, second = (int(re.sub(r"\D", "", number)) for number in numbers.groups())
    return first, second


def test_the_photo_lost_its_metadata(demo: Serving) -> None:
    files = [path for path in (demo.data / "files").rglob("*") if path.is_file()]
    assert files, "the journey before this one attached a photo"
    for path in files:
        assert b"Secret camera" not in path.read_bytes()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (3840, 2160)])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_fits_and_has_no_serious_fault(
    browser: Browser, demo: Serving, accounts: dict[str, dict[str, str]], width: int, height: int, language: str
) -> None:
    who = person(browser, demo, accounts["operator"], width, height)
    speak(who, language)
    first = who.open("/desk/").locator(".row-title").first.get_attribute("href")
    alert = who.open("/alerts/").locator("a[href^='/alerts/']").first.get_attribute("href")
    for path in ("/", "/desk/", first, "/alerts/", alert, "/figures/", "/figures/handled_on_time/", "/quarantine/"):
        page = who.open(path or "/")
        page.locator("main").wait_for()
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 1, (
            f"{path} is wider than the screen"
        )
        assert who.serious() == [], path
    assert who.faults == []
    who.context.close()


def test_demo_accounts_sign_in_only_while_the_demo_serves(demo: Serving, accounts: dict[str, dict[str, str]]) -> None:
    from tests.serving import ran

    listed = json.loads(ran("user", "list", "--data", demo.data, "--json").splitlines()[-1])
    assert all(account["demo"] for account in listed["items"])
    code = (
        "import os; os.environ['VONGLAU_DEMO']='0'; import vonglau, django; django.setup(); "
        "from django.contrib.auth import authenticate; "
        f"print(authenticate(None, username={accounts['operator']['username']!r}, password={accounts['operator']['password']!r}))"
    )
    import subprocess
    import sys

    from tests.serving import environment

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(), "VONGLAU_DATA": str(demo.data), "DJANGO_SETTINGS_MODULE": "vonglau.web.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "None", done.stderr


def test_the_photo_is_not_for_everybody(demo: Serving) -> None:
    assert Path(demo.data, "files").exists()
    status, headers, _body = demo.request("GET", "/desk/SV-2611-0001/photos/1")
    assert status in (302, 401, 403, 404)
    assert "login" in headers.get("location", "login")

"""One matter from its first words to the figure that counts it, as everybody who has a part in it sees it, at phone size and in both languages.

A lamp is dark. A citizen writes without a connection; a second one reports the same. The desk merges, verifies, assigns; the agency is late, proves
what it did; the citizen finds it bad and objects; it is done anew, in time, proved and closed. The figure still says late: it was.

The city has its own agencies and levels (`VONGLAU_FACTS`): seconds for normal matters, so that a deadline passes while the test looks.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Geolocation, Page, expect

from tests import serving as served
from tests.browser import Person, chromium
from tests.journeys.test_citizen_report import ready_offline, speak
from tests.serving import Serving, new_city, ran, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=20_000)

PASSWORD = "một hai ba bốn năm sáu bảy"
PEOPLE = {
    "truc.ban": ("operator",),
    "truong.ca": ("supervisor",),
    "doi.den": ("agency", "--agency", "chieu-sang-cong-cong"),
}
LATE_AFTER = 20
"""Seconds to handle a normal matter in this city."""

LEVELS = f"""
source: a test
levels:
  - &normal
    code: normal
    name: {{vi: Bình thường, en: Normal}}
    description: {{vi: Việc thường, en: Usual}}
    calendar: always
    receive: [{{hours: 8, valid_from: 2025-01-01, basis: installation default, source: a test}}]
    handle: [{{hours: {LATE_AFTER / 3600}, valid_from: 2025-01-01, basis: installation default, source: a test}}]
    objection: [{{hours: 40, valid_from: 2025-01-01, basis: installation default, source: a test}}]
  - <<: *normal
    code: urgent
    name: {{vi: Khẩn, en: Urgent}}
  - <<: *normal
    code: complex
    name: {{vi: Phức tạp, en: Complex}}
    handle: [{{hours: 56, valid_from: 2025-01-01, basis: installation default, source: a test}}]
"""

AGENCIES = """
demo: false
locality: "48"
source: a test
agencies:
  - {code: trung-tam, name: {vi: Trung tâm, en: Centre}, kind: centre, valid_from: 2025-07-01, email: centre@city.invalid}
  - code: chieu-sang-cong-cong
    name: {vi: Đội điện chiếu sáng, en: Lighting team}
    kind: company
    valid_from: 2025-07-01
    email: light@city.invalid
    categories: [street_light]
"""

SAID = {
    "vi": {
        "offline": "Chưa có mạng",
        "verified": "Đã xác minh",
        "assigned": "Đã phân công",
        "in progress": "Đang xử lý",
        "resolved": "Đã có kết quả",
        "closed": "Đã đóng",
        "merged": "Đã gộp",
        "reopened": "đã được mở lại",
    },
    "en": {
        "offline": "No connection",
        "verified": "Verified",
        "assigned": "Assigned",
        "in progress": "In progress",
        "resolved": "Resolved",
        "closed": "Closed",
        "merged": "Merged",
        "reopened": "it was reopened",
    },
}


@contextmanager
def own_city(folder: Path) -> Iterator[Serving]:
    """Served, with agencies and levels of its own and somebody of each role."""
    for name, text in (("levels/vn.yaml", LEVELS), ("agencies/ours.yaml", AGENCIES)):
        (folder / "facts" / name).parent.mkdir(parents=True)
        (folder / "facts" / name).write_text(text, encoding="utf-8")
    data, usual = new_city(folder / "data"), served.environment
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "environment", lambda *of: {**usual(*of), "VONGLAU_FACTS": str(folder / "facts")})
        ran("init", "--data", data, "--locality", "48", timeout=300)
        for name, role in PEOPLE.items():
            ran("user", "create", name, "--role", *role, "--data", data, stdin=f"{PASSWORD}\n")
        with serving(data) as server:
            yield server


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with own_city(tmp_path_factory.mktemp("whole")) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def photo(colour: int) -> FilePayload:
    out = io.BytesIO()
    picture = Image.effect_noise((900, 700), 80).convert("RGB")
    picture.paste((colour, 90, 140), (0, 0, 450, 350))
    picture.save(out, "JPEG")
    return {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


HERE: dict[str, Geolocation] = {
    "vi": {"longitude": 108.2205, "latitude": 16.0605},
    "en": {"longitude": 108.2352, "latitude": 16.0721},
}
"""Apart, so that the second story's reports are no doubles of the first one's."""


def citizen(browser: Browser, city: Serving, language: str) -> Person:
    who = Person(browser, city.url, 360, 740)
    who.context.grant_permissions(["geolocation"], origin=city.url)
    who.context.set_geolocation(HERE[language])
    speak(who.open("/field_reports/"), language)
    return who


def staff(browser: Browser, city: Serving, name: str, language: str) -> Person:
    who = Person(browser, city.url, 390, 844)
    who.sign_in(name, PASSWORD)
    speak(who.page, language)
    return who


def write(page: Page, words: str, colour: int) -> None:
    page.set_input_files("[name=photos]", [photo(colour)])
    expect(page.locator("[data-thumbs] img")).to_have_count(1)
    page.fill("[name=description]", words)
    page.select_option("[name=category]", "street_light")
    page.click("[data-here]")
    expect(page.locator("[name=lat]")).to_have_value(re.compile(r"^16\."))


def incident_of(city: Serving, reference: str) -> str:
    """The centre's own number of a report's incident."""
    return reference.replace("PA-", "SV-")


def step(page: Page, key: str) -> None:
    page.locator(f".actionbar [data-key='{key}']").first.click()


def resolve(agency: Person, ref: str, why: str, colour: int) -> None:
    page = agency.open(f"/desk/{ref}/")
    step(page, "r")
    dialog = page.locator("#dialog-resolve[open]")
    dialog.wait_for()
    dialog.locator("[name=outcome][value=fixed]").check(force=True)
    dialog.locator("[name=why]").fill(why)
    dialog.locator("input[type=file]").set_input_files(photo(colour))
    dialog.locator("button[type=submit].primary").click()
    dialog.wait_for(state="hidden")


def figure(leader: Person, ref: str) -> dict[str, bool]:
    """Under which number of "handled on time" the matter stands."""
    found = {}
    for part in ("numerator", "denominator"):
        page = leader.open(f"/figures/handled_on_time/?part={part}")
        found[part] = page.locator(f"#row-{ref}").count() == 1
    return found


@pytest.mark.parametrize("language", ["vi", "en"])
def test_from_a_dark_lamp_to_a_figure_that_is_right(browser: Browser, city: Serving, language: str) -> None:
    said = SAID[language]
    first, second = (citizen(browser, city, language) for _ in range(2))
    desk = staff(browser, city, "truc.ban", language)
    head = staff(browser, city, "truong.ca", language)
    agency = staff(browser, city, "doi.den", language)

    # The first writes where there is no connection; the report waits on the phone and is sent, once, when it returns.
    page = first.page
    ready_offline(page)
    first.context.set_offline(True)
    page.goto(f"{city.url}/field_reports/")
    write(page, "Đèn đường tắt trước nhà số 5, tối om", 10)
    page.click("[data-send]")
    expect(page.locator("[data-send-said]")).to_contain_text(said["offline"])
    first.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.locator("[data-state=sent] a").first.click()
    page.wait_for_url(re.compile(r"/r/"))
    own = page.url
    reference = (page.locator(".stands .ref").inner_text()).split(" ")[0]
    kept = incident_of(city, reference)

    # The second did not see that, and reports the same lamp.
    other = second.page
    write(other, "Cột đèn trước nhà số 5 không sáng", 200)
    other.click("[data-send]")
    other.wait_for_url(re.compile(r"/field_reports/r/"))
    doubled = incident_of(city, other.locator(".stands .ref").inner_text().split(" ")[0])
    assert doubled != kept

    # The desk sees both beside each other and merges; verifies; assigns to whom the rule names.
    board = desk.open(f"/desk/{doubled}/")
    board.once("dialog", lambda dialog: dialog.accept())
    card = board.locator(".beside-one", has=board.locator(f"a[href$='/{kept}/']"))
    card.locator("button[type=submit]").click()
    expect(board.locator(".incident-head")).to_contain_text(said["merged"])
    board = desk.open(f"/desk/{kept}/")
    step(board, "v")
    expect(board.locator(".incident-head")).to_contain_text(said["verified"])
    step(board, "a")
    board.locator("#dialog-assign[open]").wait_for()
    board.locator("#dialog-assign .choice-card").first.click()
    board.locator("#dialog-assign button[type=submit].primary").click()
    expect(board.locator(".incident-head")).to_contain_text(said["assigned"])

    # The agency starts, and its time passes.
    inbox = agency.open(f"/desk/{kept}/")
    step(inbox, "s")
    expect(inbox.locator(".incident-head")).to_contain_text(said["in progress"])
    inbox.wait_for_timeout(LATE_AFTER * 1000)
    expect(inbox.locator(".clocks [data-due-state=over]")).to_be_visible(timeout=60_000)
    assert figure(head, kept) == {"numerator": False, "denominator": True}, "open and overdue counts against the city"
    resolve(agency, kept, "Đã thay bóng, đèn sáng lại.", 60)
    expect(agency.page.locator(".incident-head")).to_contain_text(said["resolved"])
    assert figure(head, kept) == {"numerator": False, "denominator": True}, "late"

    # Both citizens read what was done; the first finds it bad and objects.
    for who, address in ((first, own), (second, other.url)):
        who.page.goto(address)
        expect(who.page.locator(".told")).to_contain_text("Đã thay bóng")
        expect(who.page.locator(".deadlines [data-due-state=over]")).to_be_visible()
        assert who.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert not who.serious()
    page = first.page
    page.locator(".score[data-score='1']").click()
    page.fill("#verdict-words", "Đèn vẫn tắt, chỉ sáng một tối")
    page.locator("[name=objects]").check()
    page.locator("#verdict button[type=submit]").click()
    expect(page.locator("#verdict")).to_contain_text(said["reopened"])
    assert not first.serious()

    # Reopened: the desk makes it a complex matter; it is done anew, in time, proved and closed.
    board = desk.open(f"/desk/{kept}/")
    expect(board.locator(".incident-head")).to_contain_text(said["assigned"])
    expect(board.locator(".timeline")).to_contain_text("Đèn vẫn tắt")
    step(board, "l")
    board.locator("#dialog-level[open]").wait_for()
    board.locator("#dialog-level [name=level][value=complex]").check(force=True)
    board.locator("#dialog-level [name=why]").fill("Phải thay cả cột, hai đơn vị cùng làm")
    board.locator("#dialog-level button[type=submit].primary").click()
    board.locator("#dialog-level").wait_for(state="hidden")
    step(agency.open(f"/desk/{kept}/"), "s")
    expect(agency.page.locator(".incident-head")).to_contain_text(said["in progress"])
    resolve(agency, kept, "Đã thay cột và dây, đo sáng ba tối liền.", 120)
    expect(agency.page.locator(".incident-head")).to_contain_text(said["resolved"])
    board = desk.open(f"/desk/{kept}/")
    step(board, "c")
    close = board.locator("#dialog-close[open]")
    if close.count():
        close.locator("button[type=submit].primary").click()
    expect(board.locator(".incident-head")).to_contain_text(said["closed"])

    # Counted right: fixed, reopened once, and late, whatever the second clock said. The merged one is in no number.
    assert figure(head, kept) == {"numerator": False, "denominator": True}
    assert figure(head, doubled) == {"numerator": False, "denominator": False}
    page = head.open("/figures/fixed_share/?part=numerator")
    expect(page.locator(f"#row-{kept}")).to_have_count(1)
    first.page.goto(own)
    expect(first.page.locator(".told")).to_contain_text("Đã thay cột và dây")
    for who in (first, second, desk, head, agency):
        assert not [fault for fault in who.faults if "ERR_INTERNET_DISCONNECTED" not in fault]
        who.context.close()

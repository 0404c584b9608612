"""A citizen with a cheap phone: from a dark lamp to a page that says what happens next. No account, 360 px, both languages, a real Chromium."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Geolocation, Page, Route, expect

from tests.browser import Person, chromium, until
from tests.serving import Serving, new_city, serving

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

HERE: Geolocation = {"longitude": 108.2205, "latitude": 16.0605}
WORDS = {
    "vi": {
        "send": "Gửi phản ánh",
        "received": "Đã nhận phản ánh của bạn",
        "next": "xác minh trước",
        "here": "Đã lấy vị trí",
    },
    "en": {
        "send": "Send report",
        "received": "Your report was received",
        "next": "verifies it by",
        "here": "Got your position",
    },
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = new_city(tmp_path_factory.mktemp("citizen") / "data")
    with serving(data) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def phone(browser: Browser, city: Serving) -> Iterator[Person]:
    who = Person(browser, city.url, 360, 740)
    who.context.grant_permissions(["geolocation"], origin=city.url)
    who.context.set_geolocation(HERE)
    yield who
    who.context.close()
    assert not [fault for fault in who.faults if "422" not in fault]  # a form that is not taken as it is


def speak(page: Page, language: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        page.locator(f".bar button[lang={language}]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)


def photo() -> FilePayload:
    out = io.BytesIO()
    Image.effect_noise((900, 700), 80).convert("RGB").save(out, "JPEG")
    return {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def fill(page: Page, words: str) -> None:
    page.fill("[name=description]", words)
    page.select_option("[name=category]", "street_light")
    page.select_option("[name=ward]", index=1)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_lamp_is_reported_and_followed_by_its_secret_link(phone: Person, city: Serving, language: str) -> None:
    said = WORDS[language]
    page = phone.open("/field_reports/")
    speak(page, language)
    page.set_input_files("[name=photos]", [photo()])
    expect(page.locator("[data-thumbs] img")).to_have_count(1)
    page.fill("[name=description]", "Đèn đường tắt ba đêm rồi, gọi tôi 0905 123 456")
    page.select_option("[name=category]", "street_light")
    page.click("[data-here]")
    expect(page.locator("[data-where-said]")).to_contain_text(said["here"])
    page.evaluate("scrollTo(0, document.body.scrollHeight)")  # the bar under the thumb lies over nothing
    assert not phone.serious()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/field_reports/r/[^/]+/"))
    expect(page.locator(".kept")).to_contain_text(said["received"])
    expect(page.locator(".stands .next")).to_contain_text(said["next"])
    expect(page.locator(".thumbs img")).to_have_count(1)
    assert not phone.serious()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    reference = page.locator(".kept .code").inner_text()
    assert re.fullmatch(r"PA-\d{4}-\d{4,}", reference)
    secret = page.url.split("/r/")[1].split("/")[0]
    assert phone.context.cookies() == [] or {one["name"] for one in phone.context.cookies()} <= {"django_language"}

    # Anybody may look it up by its number: what it is and where it stands, neither words nor photos before a person has looked.
    public = phone.open(f"/field_reports/{reference}/")
    text = public.content()
    assert "0905" not in text
    assert secret not in text
    assert "tắt ba đêm" not in text
    assert public.locator("main img").count() == 0
    assert not phone.serious()
    log = (city.data.parent / "data.log").read_text()
    assert secret not in log


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_place_is_found_by_its_name_with_keys_alone_and_more_is_said_afterwards(phone: Person, language: str) -> None:
    english = language == "en"
    page = phone.open("/field_reports/")
    speak(page, language)
    page.fill("[name=description]", "Đèn cầu tắt")
    page.select_option("[name=category]", "street_light")
    page.fill("[name=address]", "dragon bridge" if english else "cầu rồng")
    page.keyboard.press("Enter")
    found = page.locator("[data-found] button")
    expect(found.first).to_contain_text("Dragon Bridge" if english else "Cầu Rồng")
    page.set_viewport_size({"width": 360, "height": 2400})  # neither bar lies over anything
    assert not phone.serious()
    found.first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-where-said]")).to_contain_text("Dragon Bridge" if english else "Cầu Rồng")
    assert page.locator("[name=lat]").input_value().startswith("16.06")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/field_reports/r/"))
    expect(page.locator(".deadlines")).to_contain_text("Ward" if english else "Phường")
    page.locator(".reply summary").click()
    page.fill("#reply-words", "Cột số 12, gọi 0905 123 456")
    page.set_input_files("#reply-photos", [photo()])
    expect(page.locator(".reply [data-thumbs] img")).to_have_count(1)
    assert not phone.serious()
    page.locator("form[data-reply] button[type=submit]").click()
    page.wait_for_url(re.compile("said=replied"))
    expect(page.locator(".reply .done")).to_contain_text("Sent" if english else "Đã gửi")
    expect(page.locator(".told")).to_contain_text("Cột số 12")
    assert not phone.serious()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_a_script_the_form_does_the_same(browser: Browser, city: Serving) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740}, locale="vi-VN")
    page = context.new_page()
    page.goto(f"{city.url}/field_reports/")
    page.select_option("[name=category]", "stray_animals")
    page.click("[data-send]")
    expect(page.locator(".form-errors")).to_contain_text("Hãy viết vài lời")
    expect(page.locator(".form-errors")).to_contain_text("Hãy cho biết chỗ")
    page.fill("[name=description]", "Chó thả rông trước trường học")
    page.select_option("[name=ward]", index=1)
    page.check("[name='attribute.animal'][value=dog]")
    page.set_input_files("[name=photos]", [photo()])
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/field_reports/r/"))
    expect(page.locator(".kept")).to_contain_text("Đã nhận")
    expect(page.locator(".deadlines")).to_contain_text("Phường")
    context.close()


def test_marks_piled_on_a_letter_stay_in_their_box(phone: Person) -> None:
    page = phone.open("/field_reports/")
    fill(page, "Z" + "\u0301" * 3000)
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/field_reports/r/"))
    card = page.locator(".stands")
    drawn = card.screenshot()
    page.evaluate("document.querySelector('.words').textContent = 'Z'")
    assert card.screenshot() == drawn, "what a stranger wrote is drawn over what the city says"


def test_danger_is_told_at_once_and_complaints_are_shown_their_door(phone: Person) -> None:
    page = phone.open("/field_reports/")
    fill(page, "Nhà số 12 đang cháy lớn")
    expect(page.locator("[data-danger]")).to_have_class(re.compile("loud"))
    page.fill("[name=description]", "Bóng đèn bị cháy")
    expect(page.locator("[data-danger]")).not_to_have_class(re.compile("loud"))
    page.fill("[name=description]", "Tôi khiếu nại quyết định hành chính của phường")
    expect(page.locator("[data-door=complaint]").last).to_be_visible()
    page.click("[data-send]")
    expect(page.locator("[data-send-said]")).to_contain_text("khiếu nại")
    page.check("[data-doors-aware]")
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/field_reports/r/"))


def test_a_tap_on_the_map_places_it(phone: Person) -> None:
    page = phone.open("/field_reports/")
    page.click("[data-open-map]")
    expect(page.locator("[data-pick]")).to_have_attribute("data-ready", "", timeout=60_000)
    box = page.locator("[data-pick]").bounding_box()
    assert box is not None
    page.locator("[data-pick] canvas").click(position={"x": box["width"] * 0.45, "y": box["height"] * 0.5})
    expect(page.locator("[name=lat]")).to_have_value(re.compile(r"^1[56]\.\d+"))
    assert not phone.serious()


def numbers(city: Serving) -> list[str]:
    """Every report of the city, by its number, as programmes see them."""
    status, _headers, told = city.request("GET", "/open311/v2/requests.json")
    assert status == 200
    return [one["service_request_id"] for one in told]


def ready_offline(page: Page) -> None:
    """The worker has the form and its files."""
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    until(page, "caches.has('field-reports-1')")
    until(
        page,
        "caches.open('field-reports-1').then(kept => kept.keys()).then(keys => keys.some(one => one.url.includes('/assets/citizen')))",
    )
    until(page, "navigator.serviceWorker.getRegistration().then(found => found?.active?.state === 'activated')")
    page.reload()  # what the worker kept at first may be of the language before a switch
    until(
        page,
        "caches.match('/field_reports/').then(kept => kept.text())"
        '.then(text => text.includes(`<html lang="${document.documentElement.lang}"`))',
    )


def test_a_report_written_without_a_connection_is_sent_once_when_it_returns(phone: Person, city: Serving) -> None:
    page = phone.open("/field_reports/")
    ready_offline(page)
    before = numbers(city)
    phone.context.set_offline(True)
    page.goto(f"{city.url}/field_reports/")
    expect(page.locator("h1")).to_contain_text("Phản ánh hiện trường")
    page.set_input_files("[name=photos]", [photo()])
    expect(page.locator("[data-thumbs] img")).to_have_count(1)
    fill(page, "Đèn tắt, viết lúc mất mạng")
    page.click("[data-send]")
    expect(page.locator("[data-send-said]")).to_contain_text("Chưa có mạng")
    expect(page.locator("[data-state=waiting] li")).to_have_count(1)
    page.reload()
    expect(page.locator("[data-state=waiting] li")).to_have_count(1)
    phone.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("[data-state=sent] a")).to_have_count(1)
    expect(page.locator("[data-state=waiting]")).to_have_count(0)
    page.reload()
    expect(page.locator("[data-state=sent] a")).to_have_count(1)
    assert len(numbers(city)) == len(before) + 1
    page.click("[data-state=sent] a")
    expect(page.locator(".thumbs img")).to_have_count(1)
    phone.faults = [fault for fault in phone.faults if "ERR_INTERNET_DISCONNECTED" not in fault]


def test_an_answer_that_never_came_back_is_still_one_report(phone: Person, city: Serving) -> None:
    page = phone.open("/field_reports/")
    before = numbers(city)
    lost: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch(max_redirects=0).status)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile(r"/field_reports/$"), lose)
    fill(page, "Đèn tắt, trả lời bị mất giữa đường")
    page.click("[data-send]")
    expect(page.locator("[data-state=waiting] li")).to_have_count(1)
    assert lost == [201]
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("[data-state=sent] a")).to_have_count(1)
    assert len(numbers(city)) == len(before) + 1
    phone.faults = [fault for fault in phone.faults if "ERR_CONNECTION_RESET" not in fault]


def test_another_site_cannot_send_and_the_same_form_twice_is_one_report(city: Serving) -> None:
    _status, _headers, page = city.request("GET", "/field_reports/")
    key = re.search(rb'name="key" value="([^"]+)"', page)
    assert key is not None
    body = f"key={key[1].decode()}&category=street_light&description=Den+tat&lat=16.0605&lon=108.2205".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    foreign = city.request("POST", "/field_reports/", body, headers={**kind, "Origin": "https://elsewhere.example"})
    assert foreign[0] == 403
    json = {**kind, "Accept": "application/json"}
    first, again = (city.request("POST", "/field_reports/", body, headers=json) for _ in range(2))
    assert (first[0], first[2]) == (201, again[2])
    status, _headers, told = city.request(
        "POST", "/field_reports/", body.replace(b"Den+tat", b"Den+tat+nua"), headers=json
    )
    assert status == 409
    assert told["errors"]
    far = (
        body.replace(key[1], b"another-key-of-this-form")
        .replace(b"16.0605", b"21.0285")
        .replace(b"108.2205", b"105.8542")
    )
    status, _headers, told = city.request("POST", "/field_reports/", far, headers=json)
    assert status == 422
    assert "Hà Nội" in told["errors"]["ward"]
    assert Path(city.data).exists()

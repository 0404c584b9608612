"""An operator with a real Chromium: opens what stands behind a report, covers a name, hides a report, takes one step on several. Both languages."""

import io
import json
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import Person, chromium
from tests.serving import Serving, new_city, ran, serving, token

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

PASSWORD = "muoi-hai-con-giap"
SAID = {
    "vi": {
        "covered": "đang che",
        "hidden": "Ẩn với công chúng",
        "hide": "Ẩn",
        "done": "Đã ghi 2 việc",
        "not": "Không ghi 1 việc",
        "chosen": "Đã chọn 3",
        "look": "cách liên hệ",
    },
    "en": {
        "covered": "covered",
        "hidden": "Hidden from the public",
        "hide": "Hide",
        "done": "2 done",
        "not": "1 not done",
        "chosen": "3 chosen",
        "look": "contacts",
    },
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = new_city(tmp_path_factory.mktemp("desk") / "data")
    ran("user", "create", "truc.ban", "--role", "operator", "--data", data, stdin=PASSWORD + "\n")
    with serving(data) as server:
        yield server


@pytest.fixture(scope="module")
def key(city: Serving) -> str:
    return token(city.data, "reports:write,read")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def operator(browser: Browser, city: Serving) -> Iterator[Person]:
    who = Person(browser, city.url)
    who.sign_in("truc.ban", PASSWORD)
    yield who
    who.context.close()
    assert not who.faults


def speak(page: Page, language: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        page.locator(".bar button[lang]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)


def photo() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((300, 200), 80).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def report(city: Serving, key: str, words: str, lat: float) -> str:
    """Sent as a programme does, with a photo; its number."""
    fields = {
        "service_code": "street_light", "lat": str(lat), "long": "108.2205", "description": words, "phone": "0905777123",
        "first_name": "Mơ", "last_name": "Trần Thị", "api_key": key,
    }  # fmt: skip
    parts = [f'--cut\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    head = (
        b'--cut\r\nContent-Disposition: form-data; name="media"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    body = b"".join([*parts, head, photo(), b"\r\n--cut--\r\n"])
    kind = {"Content-Type": "multipart/form-data; boundary=cut"}
    status, _headers, said = city.request("POST", "/open311/v2/requests.json", body, headers=kind)
    assert status == 200, said
    return str((json.loads(said) if isinstance(said, bytes | str) else said)[0]["service_request_id"])


def looks(page: Page) -> int:
    return page.locator(".timeline use[href='#i-eye']").count()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_stands_behind_a_report_opens_by_a_key_and_on_record(
    operator: Person, city: Serving, key: str, language: str
) -> None:
    said = SAID[language]
    reference = report(city, key, "Đèn trước nhà ông Nam tắt, gọi 0905 123 456", 16.0605)
    path = f"/desk/{reference.replace('PA-', 'SV-')}/"
    page = operator.open(path)
    speak(page, language)
    panel = page.locator("#reports")
    expect(panel).to_contain_text("gọi [•••]")
    expect(panel).to_contain_text(said["covered"])
    assert "0905" not in page.content()
    assert operator.serious() == []

    page.keyboard.press("w")
    expect(panel.locator("mark")).to_have_text("0905 123 456")
    page.keyboard.press("i")
    seen = panel.locator(".photos img")
    expect(seen).to_be_visible()
    assert seen.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    page.keyboard.press("h")
    expect(panel).to_contain_text("0905777123")
    assert operator.serious() == []

    page.reload()
    expect(panel.locator("mark")).to_have_text("0905 123 456")
    expect(panel).not_to_contain_text("0905777123")
    assert looks(page) == 3
    expect(page.locator(".timeline")).to_contain_text(f"{reference}: {said['look']}")

    # A name is covered: by the key, by pressing the word; what the public will read stands below before anything is saved.
    page.keyboard.press("u")
    page.wait_for_url(re.compile("/words$"))
    page.locator(".cover", has_text=re.compile("^Nam$")).click()
    expect(page.locator("#preview")).to_contain_text("nhà ông [•••] tắt, gọi [•••]")
    assert operator.serious() == []
    page.locator(".form-end .primary").click()
    page.wait_for_url(re.compile(path))
    page.keyboard.press("v")
    expect(page.locator(".incident-head .state")).to_have_attribute("data-state", "verified")

    public = f"{city.url}/field_reports/{reference}/"
    anybody = operator.context.browser.new_page()  # type: ignore[union-attr]
    anybody.goto(public)
    expect(anybody.locator("body")).to_contain_text("nhà ông [•••] tắt")
    panel.locator(".report-hide summary").click()
    with page.expect_response(lambda answer: answer.url.endswith(path)):  # the page follows a change of it
        page.evaluate(
            "ref => document.dispatchEvent(new CustomEvent('vl:incident', {detail: {ref}}))",
            reference.replace("PA-", "SV-"),
        )
    expect(panel.locator(".report-hide")).to_have_attribute("open", "")
    panel.locator("[name=why]").fill("Chuyện riêng của hàng xóm")
    panel.get_by_role("button", name=said["hide"], exact=True).click()
    expect(panel).to_contain_text(said["hidden"])
    gone = anybody.goto(public)
    assert gone is not None
    assert gone.status == 404
    anybody.close()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_one_step_on_several_names_what_it_could_not_do(
    operator: Person, city: Serving, key: str, language: str
) -> None:
    said = SAID[language]
    far = 16.02 if language == "vi" else 16.03
    refs = [report(city, key, f"Đèn số {n} tắt", far + n / 1000).replace("PA-", "SV-") for n in range(3)]
    page = operator.open("/desk/")
    speak(page, language)
    for ref in refs:
        page.locator(f"[data-row={ref}] .row-title").focus()
        page.keyboard.press("x")
    bar = page.locator("#several")
    expect(bar).to_contain_text(said["chosen"])
    assert operator.serious() == []
    other = operator.context.new_page()  # a colleague is faster with one of them
    other.goto(f"{city.url}/desk/{refs[1]}/")
    other.keyboard.press("v")
    expect(other.locator(".incident-head .state")).to_have_attribute("data-state", "verified")
    other.close()
    page.keyboard.press("v")
    expect(page.locator("main")).to_contain_text(said["done"])
    expect(page.locator("main")).to_contain_text(said["not"])
    assert page.locator("section", has_text=said["not"]).locator("a").all_inner_texts() == [refs[1]]
    assert operator.serious() == []
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(r"/desk/\??$"))
    expect(page.locator(f"[data-row={refs[0]}] .state")).to_have_attribute("data-state", "verified")

"""The islands in a real browser, under the real content policy, on the gallery's pages (frontend/gallery.py)."""

import io
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vonglau.kit import vite

GALLERY = Path(vite.__file__).parents[3] / "frontend" / "gallery.py"
BUILT = Path(vite.__file__).parents[1] / "web" / "static" / "built" / "manifest.json"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not GALLERY.exists(), reason="the gallery is part of a checkout, not of the package"),
    pytest.mark.skipif(not BUILT.exists(), reason="the front end is not built: run `python frontend/build_hook.py`"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]


class Site:
    def __init__(self, address: str) -> None:
        self.address = address

    def push(self, kind: str) -> None:
        body = json.dumps({"kind": kind}).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{self.address}/push", data=body, method="POST"), timeout=10
        ).close()

    def read(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.address}/{path}", timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    process = subprocess.Popen([sys.executable, str(GALLERY)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Site(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=ARGUMENTS
        )
        yield running
        running.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    """One context a test; any console error, page error or report of the content policy fails it."""
    made = browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="vi-VN", timezone_id="America/New_York", reduced_motion="reduce"
    )
    faults: list[str] = []
    made.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    made.on("weberror", lambda error: faults.append(str(error.error)))
    yield made
    made.close()
    assert faults == []


def streams(page: Any, site: Site, wanted: object) -> object:
    """What the server says about its streams, once it says what is wanted; it notices a closed one only when it writes."""
    seen: object = None
    for _ in range(100):
        seen = site.read("streams")
        if seen == wanted:
            break
        page.wait_for_timeout(100)
    return seen


def opened(context: Any, site: Site, path: str) -> Any:
    page = context.new_page()
    page.goto(f"{site.address}/{path}")
    if "desk" in path:
        page.locator('[data-link-state][data-state="live"]').wait_for()
    return page


def test_rows_are_walked_and_opened_by_keys(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    second = page.locator(".row").nth(1)
    assert "is-selected" in (second.get_attribute("class") or "")
    assert page.evaluate("() => document.activeElement.className") == "row-title"
    page.keyboard.press("Enter")
    page.wait_for_url("**/incident")
    page.keyboard.press("Escape")
    page.wait_for_url("**/desk")


def test_letters_are_quiet_while_somebody_types_or_composes(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    assert page.locator("[data-search]").input_value() == "jk?"
    assert page.locator(".is-selected").count() == 0
    page.keyboard.press("Escape")
    page.evaluate(
        "() => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true, isComposing: true}))"
    )
    assert page.locator(".is-selected").count() == 0
    page.evaluate(
        "() => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'đ', code: 'KeyJ', bubbles: true}))"
    )
    assert page.locator(".is-selected").count() == 0, "đ is d, not the key it stands on"
    page.keyboard.press("j")
    assert page.locator(".is-selected").count() == 1


def test_help_lists_the_letters_of_this_page(context: Any, site: Site) -> None:
    page = opened(context, site, "incident")
    page.keyboard.press("?")
    listed = page.locator("[data-keys-here] div").all_inner_texts()
    assert [text.split("\n")[0] for text in listed] == ["Xác minh", "Phân công", "Gộp", "Từ chối"]
    page.keyboard.press("a")
    assert page.locator("#assign").get_attribute("open") is None, "letters of the page rest under a dialog"
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.locator("#assign[open]").wait_for()


def test_palette_finds_pages_without_marks_and_incidents(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    page.keyboard.press("Control+k")
    page.keyboard.type("ban do")
    assert page.locator("#palette [role=option]").first.inner_text() == "Bản đồ"
    page.locator("#palette input").fill("SV-1040")
    page.locator("#palette .hint", has_text="SV-1040").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/incident")


def test_go_letters(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/indicator")


def test_one_stream_for_all_tabs_and_its_heir_goes_on_where_it_ended(context: Any, site: Site) -> None:
    first = opened(context, site, "desk")
    second = opened(context, site, "desk?lang=en")
    assert streams(first, site, {"open": 1, "after": ["1000"]}) == {"open": 1, "after": ["1000"]}
    before = second.locator(".row").count()
    site.push("incident")
    second.locator(".row").nth(before).wait_for()
    first.locator(".row").nth(before).wait_for()
    last = second.locator(".row").first.get_attribute("data-row")
    first.close()
    wanted = {"open": 1, "after": [last]}
    assert streams(second, site, wanted) == wanted
    site.push("incident")
    second.locator(".row").nth(before + 1).wait_for()


def test_a_burst_refreshes_once_a_second_and_the_selection_stays(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    page.keyboard.press("j")
    page.keyboard.press("j")
    chosen = page.locator(".is-selected").get_attribute("data-row")
    before, asked = page.locator(".row").count(), len(site.read("asked"))
    for _ in range(20):
        site.push("incident")
    page.locator(".row").nth(before + 19).wait_for()
    page.wait_for_timeout(1500)
    assert 1 <= len(site.read("asked")) - asked <= 3
    assert page.locator(".is-selected").get_attribute("data-row") == chosen
    assert page.evaluate("() => document.activeElement.closest('.row').dataset.row") == chosen
    page.keyboard.press("k")
    assert page.locator(".is-selected").count() == 1


def test_a_change_of_another_kind_refreshes_nothing(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    asked = len(site.read("asked"))
    site.push("alert")
    page.wait_for_timeout(1500)
    assert len(site.read("asked")) == asked


def test_times_follow_the_clock_of_the_world(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    clock = page.locator("[data-world-clock]")
    first, words = clock.inner_text(), page.locator("[data-due]").all_inner_texts()
    page.wait_for_function("(before) => document.querySelector('[data-world-clock]').textContent !== before", arg=first)
    page.wait_for_timeout(1200)
    assert page.locator("[data-due]").all_inner_texts() != words, "at 60× a second is a minute"


def test_theme_is_kept_in_a_cookie_for_the_server(context: Any, site: Site) -> None:
    page = opened(context, site, "desk")
    page.locator("details.menu > summary").click()
    page.locator('[data-theme-choice="dark"]').click()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert [cookie["value"] for cookie in context.cookies() if cookie["name"] == "vl_theme"] == ["dark"]
    page.locator('[data-theme-choice=""]').click()
    assert [cookie for cookie in context.cookies() if cookie["name"] == "vl_theme"] == []


def test_a_photo_is_made_small_and_loses_what_the_camera_wrote(context: Any, site: Site) -> None:
    page = opened(context, site, "citizen")
    exif = Image.Exif()
    exif[0x010F] = "Maker of the camera"
    file = io.BytesIO()
    Image.effect_noise((2400, 1200), 60).convert("RGB").save(file, "JPEG", exif=exif)
    page.locator("input[type=file]").set_input_files(
        {"name": "cảnh.png", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    )
    page.locator('.drop[data-state="ready"]').wait_for()
    sent = page.evaluate(
        "async () => { const f = document.querySelector('input[type=file]').files[0]; return [f.name, [...new Uint8Array(await f.arrayBuffer())]]; }"
    )
    small = Image.open(io.BytesIO(bytes(sent[1])))
    assert (sent[0], small.format, small.size, dict(small.getexif())) == ("cảnh.jpg", "JPEG", (1600, 800), {})
    page.locator("input[type=file]").set_input_files(
        {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"}
    )
    page.locator('.drop[data-state="bad"]').wait_for()
    assert page.evaluate("() => document.querySelector('input[type=file]').files.length") == 0


def test_toast_offers_an_undo_and_posts_it(context: Any, site: Site) -> None:
    page = opened(context, site, "forms")
    page.locator("[data-toast]").click()
    with page.expect_request("**/undo") as asked:
        page.locator(".toast .button").click()
    assert asked.value.method == "POST"
    assert asked.value.headers["x-csrftoken"] == "gallery"


def test_map_names_a_ward_and_a_press_filters_by_it(context: Any, site: Site) -> None:
    page = opened(context, site, "picture")
    page.locator("[data-map][data-ready]").wait_for(state="attached", timeout=60_000)
    assert page.locator("[data-map]").get_attribute("data-fault") is None
    box = page.locator("[data-map] canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.93)
    page.locator(".maplibregl-popup").wait_for()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.93)
    page.wait_for_url("**/picture?ward=*")


def test_chart_says_in_words_what_it_shows(context: Any, site: Site) -> None:
    page = opened(context, site, "incident")
    chart = page.locator('[data-chart="evidence"][data-ready]')
    chart.wait_for(state="attached")
    label = chart.get_attribute("aria-label")
    assert label.startswith("Tốc độ trung bình (km/giờ); lần đo cuối 8;")
    assert "lệch từ 07:45" in label, "Vietnam's time, whatever the browser's zone"

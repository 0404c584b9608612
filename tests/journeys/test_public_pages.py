"""Anybody, on a phone or at a desk, in both languages: what the city reported, how it does, and the data. A real Chromium."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Person, chromium
from tests.serving import Serving, new_city, serving, token

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

PAGES = {
    "map/": ("Thành phố đã báo gì", "What the city reported"),
    "statistics/": ("Số liệu", "Statistics"),
    "data/": ("Dữ liệu mở", "Open data"),
    "places?q=c%E1%BA%A7u": ("Tìm chỗ", "Find a place"),
}
PLACES = ((108.2205, 16.0605), (108.2231, 16.0612), (108.2012, 16.0433), (108.2460, 16.0600))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = new_city(tmp_path_factory.mktemp("public") / "data")
    with serving(data) as server:
        key = token(data, "reports:write")
        for n, (lon, lat) in enumerate(PLACES):
            form = {
                "api_key": key,
                "service_code": "street_light" if n else "waste",
                "lat": lat,
                "long": lon,
                "description": "chưa ai đọc 0905 123 456",
            }
            body = urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(f"{server.url}/open311/v2/requests.json", body) as answer:
                assert json.load(answer)
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(params=[360, 1440])
def reader(request: pytest.FixtureRequest, browser: Browser, city: Serving) -> Iterator[Person]:
    who = Person(browser, city.url, request.param, 740 if request.param < 700 else 900)
    yield who
    who.context.close()
    assert not who.faults


def speak(page: Page, language: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        page.locator(f".bar button[lang={language}]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_public_page_is_for_everybody(reader: Person, language: str) -> None:
    for path, titles in PAGES.items():
        page = reader.open(f"/field_reports/{path}")
        speak(page, language)
        expect(page.locator("h1")).to_contain_text(titles[language == "en"])
        width = page.viewport_size["width"] if page.viewport_size else 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert not reader.serious(), path
        assert "0905" not in page.content()
        assert "chưa ai đọc" not in page.content()


def filters(page: Page) -> None:
    """On a phone they are one press away; at a desk they stand open."""
    more = page.locator(".browse-more-filters > summary")
    if more.is_visible():
        more.click()


def test_the_map_and_the_list_say_the_same(reader: Person) -> None:
    page = reader.open("/field_reports/map/")
    box = page.locator("[data-reports-map]")
    expect(box).to_have_attribute("data-ready", re.compile(".*"))
    expect(box).to_have_attribute("data-total", str(len(PLACES)))
    expect(page.locator(".line")).to_have_count(len(PLACES))
    filters(page)
    page.select_option("#category", "waste")
    page.locator(".browse-go button").click()
    page.wait_for_url(re.compile("category=waste"))
    expect(page.locator(".line")).to_have_count(1)
    expect(page.locator("[data-reports-map]")).to_have_attribute("data-total", "1")
    page.locator("[data-show]").click()  # the list moves the map, whose view becomes a list
    expect(page.locator("[data-here]")).to_be_visible()
    page.locator("[data-here]").click()
    page.wait_for_url(re.compile("bbox="))
    expect(page.locator(".line")).to_have_count(1)
    page.locator(".line h3 a").click()
    page.wait_for_url(re.compile(r"/field_reports/PA-"))


def test_by_keys_alone(reader: Person) -> None:
    """From the address to a report without a pointer: filter, skip the map, the first of the list."""
    page = reader.open("/field_reports/map/?category=waste")
    page.locator(".skip-map").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".line h3 a").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/field_reports/PA-"))


def test_without_a_script(browser: Browser, city: Serving) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740}, locale="vi-VN")
    page = context.new_page()
    page.goto(f"{city.url}/field_reports/map/")
    filters(page)
    page.select_option("#category", "street_light")
    page.locator(".browse-go button").click()
    expect(page.locator(".line")).to_have_count(3)
    context.close()


def test_a_file_comes_down(reader: Person, tmp_path: Path) -> None:
    page = reader.open("/field_reports/data/")
    with page.expect_download() as found:
        page.locator("a[download]").first.click()
    path = tmp_path / found.value.suggested_filename
    found.value.save_as(path)
    assert path.name == "field-reports.csv"
    assert path.read_text(encoding="utf-8-sig").count("PA-") == len(PLACES)

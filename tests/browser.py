"""A real Chromium for journeys: one browser a session, one context a person; every console error fails the test that saw it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",
)
AXE = Path(__file__).parent.parent / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']"
LOOK = f"""async () => (await axe.run(document, {{runOnly: {RULES}}})).violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(' | '))"""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def until(page: Page, script: str, arg: Any = None, seconds: float = 20) -> Any:
    """What an async function of the page says, once it is truthy. (`wait_for_function` takes the promise itself for a yes.)"""
    end = time.monotonic() + seconds
    while not (found := page.evaluate(script, arg)):
        assert time.monotonic() < end, f"never: {script}"
        page.wait_for_timeout(50)
    return found


class Person:
    """Somebody with a browser of their own, signed in."""

    def __init__(self, browser: Browser, url: str, width: int = 1440, height: int = 900) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(
            locale="vi-VN",
            timezone_id="Asia/Ho_Chi_Minh",
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            has_touch=width < 700,
        )
        self.faults: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda said: said.type == "error" and self.faults.append(f"console: {said.text}"))

    def sign_in(self, username: str, password: str) -> None:
        self.page.goto(f"{self.url}/accounts/login/")
        self.page.fill("input[name=login]", username)
        self.page.fill("input[name=password]", password)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_url(lambda url: "/accounts/login" not in url)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def serious(self) -> list[str]:
        """What axe finds serious or critical on the page as it stands. Injected over the debugger: the page's policy stays in force."""
        self.page.evaluate(AXE.read_text(encoding="utf-8") + "\n;undefined")
        return list(self.page.evaluate(LOOK))

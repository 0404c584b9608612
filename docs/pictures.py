"""Takes the pictures of `docs/why/field-reports.md` anew: `python -m docs.pictures`. A city with made-up reports, 360 and 1440 px.

The people in it are the journey's of `tests/journeys/test_a_report_whole.py`.
"""

import io
import os
import random
import re
import tempfile
from pathlib import Path
from urllib.parse import urlencode

os.environ.setdefault("VONGLAU_TEST_CITIES", tempfile.mkdtemp(prefix="vonglau-pictures-"))

from PIL import Image, ImageDraw
from playwright.sync_api import Page
from tests.browser import Person, chromium
from tests.journeys import test_a_report_whole as journey
from tests.serving import Serving, ran

OUT = Path(__file__).parent / "images"
SIZES = ((360, 740), (1440, 900))
CENTRE = (108.2208, 16.0678)
REPORTS = 90
WORDS = {
    "street_light": (
        "Đèn đường trước số nhà {n} tắt từ tối qua",
        "Cột đèn đầu hẻm {n} chập chờn",
        "Cả đoạn gần số {n} tối om",
    ),
    "pothole": ("Ổ gà sâu trước số {n}, xe máy tránh nguy hiểm", "Mặt đường sụt cạnh nắp cống số {n}"),
    "waste": ("Rác chất đống ở góc đường cạnh số {n}", "Thùng rác đầy ba ngày trước hẻm {n}"),
    "flooding": ("Nước ngập ngang bánh xe trước số {n}", "Cống nghẹt trước số {n}, mưa là ngập"),
}


def lamp() -> bytes:
    """A drawn street at night: no photo of a real place, no person."""
    picture = Image.new("RGB", (900, 700), (28, 32, 52))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 520, 900, 700), fill=(52, 54, 62))
    for left in range(-60, 900, 180):
        draw.rectangle((left + 20, 260, left + 150, 520), fill=(44, 48, 72))
        draw.rectangle((left + 50, 320, left + 80, 360), fill=(196, 170, 96))
    draw.rectangle((440, 140, 452, 540), fill=(96, 98, 108))
    draw.rectangle((440, 140, 540, 150), fill=(96, 98, 108))
    draw.ellipse((520, 144, 556, 168), fill=(70, 72, 82))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def fill(city: Serving) -> list[str]:
    """Many reports about the city, and two lamps near where somebody is about to report one: the incidents of these."""
    key = ran("token", "create", "pictures", "--scope", "reports:write", "--data", city.data).strip().splitlines()[-1]
    chance = random.Random(7)  # noqa: S311 - the same city each time
    here = journey.HERE["vi"]
    near = [("street_light", here["longitude"] + 0.0002, here["latitude"], "Cột đèn trước số 7 không sáng hai đêm nay")]
    near += [("street_light", here["longitude"], here["latitude"] - 0.0004, "Đèn đầu hẻm 11 chập chờn rồi tắt")]
    spread = [
        (code, CENTRE[0] + chance.gauss(0, 0.012), CENTRE[1] + chance.gauss(0, 0.012), "")
        for code in chance.choices(list(WORDS), k=REPORTS)
    ]
    refs = []
    for number, (code, lon, lat, said) in enumerate([*near, *spread]):
        words = said or chance.choice(WORDS[code]).format(n=chance.randint(2, 180))
        body = urlencode(
            {"api_key": key, "service_code": code, "lat": f"{lat:.6f}", "long": f"{lon:.6f}", "description": words}
        )
        kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Idempotency-Key": f"p-{number}"}
        _status, _headers, sent = city.request("POST", "/open311/v2/requests.json", body.encode(), headers=kind)
        if number < len(near):
            refs.append(journey.incident_of(city, sent[0]["service_request_id"]))
    return refs


def shot(page: Page, name: str, width: int) -> None:
    page.wait_for_timeout(1200)
    found = Image.open(io.BytesIO(page.screenshot()))
    found.save(OUT / f"reports-{name}-{width}.webp", quality=82, method=6)
    print(f"docs/images/reports-{name}-{width}.webp")


def matter(city: Serving, browser: object, staff: Person, agency: Person) -> tuple[str, str]:
    """A lamp, verified, worked on and fixed: (its own address, its number)."""
    who = journey.citizen(browser, city, "vi")  # type: ignore[arg-type]
    page = who.page
    page.set_input_files("[name=photos]", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": lamp()}])
    page.fill("[name=description]", "Đèn đường trước nhà số 5 tắt ba đêm, tối om")
    page.select_option("[name=category]", "street_light")
    page.click("[data-here]")
    page.wait_for_function("document.querySelector('[name=lat]').value")
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/r/"))
    number = page.locator(".stands .ref").inner_text().split(" ")[0]
    ref = journey.incident_of(city, number)
    board = staff.open(f"/desk/{ref}/")
    journey.step(board, "v")
    board.wait_for_timeout(800)
    journey.step(board, "a")
    board.locator("#dialog-assign .choice-card").first.click()
    board.locator("#dialog-assign button[type=submit].primary").click()
    board.locator("#dialog-assign").wait_for(state="hidden")
    journey.step(agency.open(f"/desk/{ref}/"), "s")
    agency.page.wait_for_timeout(800)
    journey.resolve(agency, ref, "Đã thay bóng và kiểm tra nguồn, đèn sáng lại.", 60)
    return page.url.split("?")[0].removeprefix(city.url), number


def main() -> None:
    journey.LEVELS = journey.LEVELS.replace(
        f"hours: {journey.LATE_AFTER / 3600}", "hours: 24"
    )  # nobody is late in a picture
    with tempfile.TemporaryDirectory() as folder, journey.own_city(Path(folder)) as city, chromium() as browser:
        near = fill(city)
        staff, agency = (journey.staff(browser, city, name, "vi") for name in ("truc.ban", "doi.den"))
        for ref in near:
            journey.step(staff.open(f"/desk/{ref}/"), "v")
            staff.page.wait_for_timeout(1500)
        own, number = matter(city, browser, staff, agency)
        for width, height in SIZES:
            who = Person(browser, city.url, width, height)
            who.context.grant_permissions(["geolocation"], origin=city.url)
            who.context.set_geolocation(journey.HERE["vi"])
            page = who.open("/field_reports/")
            shot(page, "form", width)
            page.fill("[name=description]", "Đèn tắt trước nhà số 5")
            page.click("[data-here]")
            page.locator("[data-near] li").first.wait_for()
            page.locator("[data-near]").scroll_into_view_if_needed()
            shot(page, "near", width)
            shot(who.open(own), "own", width)
            shot(who.open(f"/field_reports/{number}/"), "public", width)
            page = who.open("/field_reports/map/")
            page.wait_for_timeout(3000)
            shot(page, "map", width)
            shot(who.open("/field_reports/statistics/"), "statistics", width)
            who.context.close()


if __name__ == "__main__":
    main()

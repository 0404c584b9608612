# ruff: noqa: E501, S106, PLW0603, B023
"""The components with believable data, for developers: serves every gallery page under the real content policy, and can
take screenshots and run axe on them. Nothing here is packaged.

    python frontend/gallery.py                       serve on a free port
    python frontend/gallery.py --shots out/          screenshots at four widths, light and dark
    python frontend/gallery.py --axe                 serious accessibility faults, exit 1 when there are any
"""

import argparse
import gzip
import json
import math
import mimetypes
import queue
import shutil
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
BUILT = ROOT / "src" / "vonglau" / "web" / "static" / "built"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGES = ("desk", "incident", "picture", "wall", "indicator", "forms", "citizen", "sign-in", "empty")
NOW = datetime(2026, 10, 12, 1, 25, tzinfo=UTC)
"""08:25 in Đà Nẵng."""
STARTED = datetime.now(UTC)
RATE = 60.0
listeners: list["queue.Queue[str]"] = []
begun: list[str] = []
asked: list[str] = []
position = 1000


def setup() -> None:
    import django
    from django.conf import settings

    settings.configure(
        DEBUG=True,
        SECRET_KEY="gallery",
        USE_TZ=True,
        TIME_ZONE="Asia/Ho_Chi_Minh",
        LANGUAGE_CODE="vi",
        LANGUAGES=[("vi", "Tiếng Việt"), ("en", "English")],
        LOCALE_PATHS=[str(ROOT / "src/vonglau/kit/locale")],
        STATIC_URL="/static/",
        STATICFILES_DIRS=[str(ROOT / "src/vonglau/web/static")],
        INSTALLED_APPS=["django.contrib.staticfiles"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [str(ROOT / "frontend/gallery"), str(ROOT / "src/vonglau/kit/templates")],
                "OPTIONS": {"libraries": {"kit": "vonglau.kit.templatetags.kit"}},
            }
        ],
    )
    django.setup()


def world_now() -> datetime:
    return NOW + (datetime.now(UTC) - STARTED) * RATE


def shell(page: str, query: dict[str, str]) -> dict[str, Any]:
    """What `vonglau.kit.context` will give, here made up."""
    english = query.get("lang") == "en"
    kind = query.get("world", "live" if page in {"citizen", "sign-in"} else "drill")
    now = world_now()
    names = {
        "picture": ("Bản đồ", "Map", "map"),
        "desk": ("Sự việc", "Incidents", "queue"),
        "indicator": ("Chỉ số", "Indicators", "indicators"),
        "wall": ("Bảng lớn", "Wall", "wall"),
        "forms": ("Hộp cách ly", "Quarantine", "quarantine"),
    }
    nav = [
        {"title": n[english], "url": f"/{key}", "icon": n[2], "current": page == key or (key, page) == ("desk", "incident"),
         "count": 14 if key == "desk" else None, "key": key[0]}
        for key, n in names.items()
    ]  # fmt: skip
    title = "Heavy rain at the morning peak" if english else "Mưa lớn giờ cao điểm sáng 12/10"
    worlds = [
        {
            "id": "live",
            "kind": "live",
            "title": "Live" if english else "Thật",
            "url": "?world=live",
            "current": kind == "live",
        },
        {"id": "mua-lon", "kind": "drill", "title": title, "url": "?world=drill", "current": kind == "drill"},
        {
            "id": "2015",
            "kind": "recording",
            "title": "Boston 2015",
            "url": "?world=recording",
            "current": kind == "recording",
        },
    ]
    outside = page in {"citizen", "sign-in"}
    role = "Operator" if english else "Trực ban"
    return {
        "place": "Đà Nẵng",
        "world": {"id": "mua-lon", "kind": kind, "title": title, "now": now, "at": datetime.now(UTC),
                  "rate": RATE if kind == "drill" else 1.0},
        "worlds": worlds,
        "nav": [] if outside else nav,
        "more": [{"title": "Audit" if english else "Nhật ký kiểm toán", "url": "/forms", "icon": "shield"}],
        "account": None if outside else {"name": "Nguyễn Thị Thanh Hằng", "role": role, "agency": ""},
        "theme": query.get("theme", ""),
        "stream": "" if outside else "/api/stream?world=mua-lon",
        "position": position,
        "links": {"home": "/desk", "sign_in": "/sign-in", "sign_out": "/sign-in", "language": "/language",
                  "find": "" if outside else "/find"},
    }  # fmt: skip


AGENCIES = (
    "Công an thành phố – Phòng Cảnh sát giao thông",
    "Ủy ban nhân dân phường Hoàng Văn Thụ – Bộ phận tiếp nhận và trả kết quả",
    "Công ty Thoát nước và Xử lý nước thải",
    "Ban Quản lý dự án hạ tầng giao thông",
    "",
)
TITLES = (
    ("Ngập sâu khoảng 40 cm, xe máy chết máy hàng loạt trước cổng Bệnh viện Đa khoa", "Đường Quang Trung, phường Hải Châu", "Extreme", "received", -10),
    ("Tốc độ giảm còn 8 km/giờ, bình thường giờ này 34 km/giờ", "Cầu Rồng, hướng tây sang đông, phường An Hải", "Severe", "received", 4),
    ("Cây đổ chắn hai làn xe", "Đường Hoàng Sa, phường Sơn Trà", "Severe", "verified", 25),
    ("Cảm biến lưu lượng im lặng 20 phút", "Nút giao Ngã ba Huế, phường Thanh Khê", "Moderate", "assigned", 50),
    ("Đèn tín hiệu không hoạt động", "Giao lộ Nguyễn Văn Linh – Hoàng Diệu, phường Hải Châu", "Severe", "in_progress", 80),
    ("Nắp cống bị mất, nguy hiểm khi trời mưa", "Kiệt 245 Trưng Nữ Vương, phường Hòa Cường", "Moderate", "in_progress", 140),
    ("Đổ trộm phế thải xây dựng", "Đường Nguyễn Sinh Sắc, phường Hòa Khánh", "Minor", "assigned", 1520),
    ("Đèn đường tắt từ tối qua, đoạn dài khoảng 300 m", "Đường Võ Nguyên Giáp, phường Ngũ Hành Sơn", "Minor", "received", 2900),
    ("Ổ gà lớn giữa làn xe máy", "Quốc lộ 14B, xã Hòa Tiến", "Unknown", "received", 4000),
)  # fmt: skip


def incidents(many: int = 1) -> list[dict[str, Any]]:
    rows = []
    for round_ in range(many):
        for index, (title, place, severity, state, minutes) in enumerate(TITLES):
            due = NOW + timedelta(minutes=minutes + round_ * 7)
            rows.append(
                {
                    "id": round_ * 100 + index, "ref": f"SV-{1042 - index - round_ * 9}", "title": title, "place": place,
                    "severity": severity, "state": state, "due": due, "agency": AGENCIES[index % 5], "overdue": minutes < 0,
                }
            )  # fmt: skip
    for number in range(1001, position + 1):  # what was pushed since the start
        rows.insert(0, {**rows[-1], "id": number, "ref": f"SV-{number}", "title": "Vừa đến", "severity": "Severe"})
    return rows


def page_context(page: str, query: dict[str, str]) -> dict[str, Any]:
    from django import forms

    class ReportForm(forms.Form):
        title = forms.CharField(
            label="Chuyện gì đang xảy ra?", help_text="Một câu ngắn, ví dụ: đèn đường tắt trước số nhà 12"
        )
        category = forms.ChoiceField(
            label="Lĩnh vực",
            choices=[("", "Chọn…"), ("light", "Chiếu sáng"), ("road", "Mặt đường"), ("flood", "Ngập nước")],
        )
        email = forms.EmailField(label="Thư điện tử", required=False)
        level = forms.ChoiceField(
            label="Mức độ", widget=forms.RadioSelect, choices=[("urgent", "Khẩn"), ("normal", "Bình thường")]
        )
        agree = forms.BooleanField(label="Tôi đồng ý để trung tâm liên hệ lại", required=False)
        note = forms.CharField(label="Ghi chú", widget=forms.Textarea, required=False)

    form = ReportForm({"title": "", "category": "light", "email": "hang@", "level": "normal"})
    return {
        "shell": shell(page, query), "incidents": incidents(int(query.get("many", "1"))), "now": NOW, "form": form,
        "start": NOW - timedelta(minutes=50), "soon": NOW + timedelta(minutes=25), "later": NOW + timedelta(hours=27),
        "past": NOW - timedelta(minutes=10), "minutes": [NOW - timedelta(minutes=m) for m in (1, 6, 12, 31, 55)],
        "yesterday": NOW - timedelta(hours=20), "csrf_token": "gallery", "definition_rows": incidents()[:4],
    }  # fmt: skip


@cache
def wards() -> bytes:
    """The wards of Đà Nẵng as the places page will serve them; hexagons when the data are not there."""
    for path in (
        ROOT / "data" / "vn" / "wards.geojson.gz",
        ROOT.parent / "shared" / "data" / "vn" / "wards.geojson.gz",
    ):
        if path.is_file():
            with gzip.open(path) as file:
                whole = json.load(file)
            features = [f for f in whole["features"] if f["properties"]["province_code"] == "48"]
            for feature in features:
                inner = feature["properties"]
                feature["properties"] = {"code": inner["code"], "name": inner["short_name_vi"]}
            return json.dumps({"type": "FeatureCollection", "features": features}).encode()
    features = []
    for row in range(6):
        for column in range(6):
            x, y = 108.1 + column * 0.03 + (row % 2) * 0.015, 16.0 + row * 0.026
            ring = [
                [x + 0.0173 * math.cos(a), y + 0.0173 * math.sin(a)]
                for a in (math.pi / 6 + k * math.pi / 3 for k in range(7))
            ]
            inner = {"code": f"9{row}{column}", "name": f"Phường {row}.{column}"}
            features.append(
                {"type": "Feature", "properties": inner, "geometry": {"type": "Polygon", "coordinates": [ring]}}
            )
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def points() -> dict[str, Any]:
    """Live points as /picture/points.json serves them."""
    codes = [f["properties"]["code"] for f in json.loads(wards())["features"]]
    features = []
    severities = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
    for index in range(26):
        lon = 108.16 + 0.09 * ((index * 37) % 26) / 26 + 0.002 * math.sin(time.time() + index)
        lat = 16.02 + 0.085 * ((index * 17) % 26) / 26
        kind = "incident" if index % 3 else "alert"
        title = TITLES[index % len(TITLES)][0]
        inner = {"id": f"{kind}-{index}", "kind": kind, "severity": severities[(index * 7) % 5], "title": title,
                 "url": "/incident", "ref": f"SV-{1042 - index}", "overdue": index % 9 == 0}  # fmt: skip
        geometry = {"type": "Point", "coordinates": [lon, lat]}
        features.append({"type": "Feature", "id": index + 1, "properties": inner, "geometry": geometry})
    counts = {code: (k * 7) % 9 for k, code in enumerate(codes) if (k * 7) % 9 > 2}
    return {"type": "FeatureCollection", "features": features, "wards": counts}


def evidence() -> dict[str, Any]:
    rows = []
    for step in range(48):
        moment = NOW - timedelta(minutes=5 * (48 - step))
        expected = 34 + 6 * math.sin(step / 9)
        seen = expected + 1.6 * math.sin(step * 1.7) if step < 40 else max(8.0, expected - (step - 39) * 4.5)
        rows.append({"t": moment.isoformat(), "seen": round(seen, 1), "expected": round(expected, 1),
                     "low": round(expected - 6, 1), "high": round(expected + 6, 1)})  # fmt: skip
    onset = (NOW - timedelta(minutes=40)).isoformat()
    return {"unit": "km/giờ", "quantity": "Tốc độ trung bình", "points": rows, "onset": onset, "ended": None}


def spark() -> dict[str, Any]:
    values = [
        {"t": (NOW - timedelta(days=14 - d)).isoformat(), "seen": round(82 + 8 * math.sin(d), 1)} for d in range(14)
    ]
    return {"unit": "%", "quantity": "Xử lý đúng hạn", "points": values}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def json(self, value: object) -> None:
        self.answer(json.dumps(value).encode(), "application/json")

    def do_POST(self) -> None:
        global position
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.path == "/push":  # the tests of the islands announce a change through this
            position += 1
            kind = json.loads(body)["kind"]
            change = {"position": position, "kind": kind, "ref": "SV-1", "world": "mua-lon"}
            for waiting in listeners:
                waiting.put(f"id: {position}\nevent: {kind}\ndata: {json.dumps(change)}\n\n")
        self.answer(b"", "text/plain", 204)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/") or "desk"
        if path == "queue":
            asked.append(self.headers.get("HX-Source", ""))
        if path == "asked":
            self.json(asked)
        elif path.startswith("static/built/"):
            self.static(path.removeprefix("static/built/"))
        elif path == "places/48.geojson":
            self.answer(wards(), "application/geo+json")
        elif path == "picture/points.json":
            self.json(points())
        elif path in {"evidence.json", "spark.json"}:
            self.json(evidence() if path.startswith("e") else spark())
        elif path == "find":
            hits = [row for row in incidents() if query.get("q", "").lower() in f"{row['ref']} {row['title']}".lower()]
            self.json({"items": [{"title": row["title"], "url": "/incident", "hint": row["ref"]} for row in hits[:6]]})
        elif path == "api/stream":
            self.stream(query)
        elif path == "streams":  # how many are open, and where the last one began
            self.json({"open": len(listeners), "after": begun[-1:]})
        elif path in PAGES or path == "queue":
            self.page(path, query)
        else:
            self.answer(b"not found", "text/plain", 404)

    def page(self, path: str, query: dict[str, str]) -> None:
        from django.template.loader import render_to_string
        from django.utils import translation

        with translation.override(query.get("lang", "vi")):
            self.answer(
                render_to_string(f"{path}.html", page_context(path, query)).encode(), "text/html; charset=utf-8"
            )

    def static(self, inner: str) -> None:
        path = (BUILT / inner).resolve()
        if not path.is_relative_to(BUILT) or not path.is_file():
            self.answer(b"not found", "text/plain", 404)
            return
        kind = "text/javascript" if path.suffix in {".js", ".mjs"} else mimetypes.guess_type(path.name)[0]
        self.answer(path.read_bytes(), kind or "application/octet-stream")

    def stream(self, query: dict[str, str]) -> None:
        begun.append(query.get("after", ""))
        waiting: queue.Queue[str] = queue.Queue()
        listeners.append(waiting)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"retry: 1000\n: open\n\n")
            self.wfile.flush()
            while True:
                try:
                    text = waiting.get(timeout=1)
                except queue.Empty:
                    text = ": still here\n\n"
                self.wfile.write(text.encode())
                self.wfile.flush()
        except OSError:
            self.close_connection = True
        finally:
            listeners.remove(waiting)


class Server(ThreadingHTTPServer):
    daemon_threads = True


def serve(port: int) -> Server:
    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


WIDTHS = {360: 760, 768: 1024, 1440: 900, 3840: 2160}
ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run", "--disable-dev-shm-usage"]  # fmt: skip


def browse(address: str, arguments: argparse.Namespace) -> int:
    """Screenshots and axe; console errors and policy reports count as faults."""
    from playwright.sync_api import sync_playwright

    faults: list[str] = []
    axe = (ROOT / "frontend/node_modules/axe-core/axe.min.js").read_text() if arguments.axe else ""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for page_name in arguments.pages or PAGES:
            for theme in arguments.themes:
                for width in arguments.widths:
                    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, locale="vi-VN",
                        timezone_id="Asia/Ho_Chi_Minh", color_scheme=theme, reduced_motion="reduce",
                        has_touch=width < 1000, is_mobile=width < 1000)  # fmt: skip
                    page = context.new_page()
                    where = f"{page_name} {width} {theme}"
                    page.on(
                        "console", lambda m, w=where: faults.append(f"{w}: {m.text}") if m.type == "error" else None
                    )
                    page.on("pageerror", lambda e, w=where: faults.append(f"{w}: {e}"))
                    page.goto(f"{address}/{page_name}?{arguments.query}")
                    for marker in ("[data-map]", "[data-chart]"):
                        for found in page.locator(marker).all():
                            if found.is_visible():
                                found.and_(page.locator("[data-ready]")).wait_for(state="attached", timeout=30_000)
                    page.wait_for_timeout(300)
                    if arguments.shots:
                        Path(arguments.shots).mkdir(parents=True, exist_ok=True)
                        name = f"{page_name}-{width}-{theme}{arguments.suffix}.png"
                        page.screenshot(path=str(Path(arguments.shots) / name), full_page=arguments.full)
                    if axe:
                        faults += [f"{where}: {line}" for line in audit(page, axe)]
                    if page.evaluate("() => document.documentElement.scrollWidth > innerWidth + 1"):
                        faults.append(f"{where}: scrolls sideways")
                    context.close()
        browser.close()
    print("\n".join(faults) or "no faults")
    return 1 if faults else 0


def audit(page: Any, axe: str) -> list[str]:
    page.evaluate(axe + "\n;undefined")
    tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
    run = "async (tags) => (await axe.run(document, {runOnly: tags})).violations"
    return [
        f"{v['impact']} {v['id']}: {node['target'][0]} {node.get('failureSummary', '')[:200]!r}"
        for v in page.evaluate(run, tags)
        for node in v["nodes"][:3]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--shots")
    parser.add_argument("--suffix", default="")
    parser.add_argument("--axe", action="store_true")
    parser.add_argument("--full", action="store_true", help="whole pages, not just the first screen")
    parser.add_argument("--pages", nargs="*", choices=PAGES)
    parser.add_argument("--widths", nargs="*", type=int, default=list(WIDTHS))
    parser.add_argument("--themes", nargs="*", default=["light", "dark"])
    parser.add_argument("--query", default="")
    arguments = parser.parse_args()
    setup()
    server = serve(arguments.port)
    address = f"http://127.0.0.1:{server.server_port}"
    if arguments.shots or arguments.axe:
        return browse(address, arguments)
    print(address, flush=True)
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

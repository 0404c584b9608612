"""A person types the name of a street, a market or a ward, and gets there: with what the installation knows, and with a geocoder where one is set."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely
from django.test import Client

from vonglau.core.errors import BadFile
from vonglau.core.places import names
from vonglau.core.places.models import PlacesEdition, Ward, WardBorder
from vonglau.core.tests import factories
from vonglau.kit.language import COOKIE
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.public import geocoding

pytestmark = pytest.mark.django_db
PATH = "/field_reports/places"
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def city(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wards of Đà Nẵng as squares, and the lists that are shipped."""
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()
    for code, name, west in (("20242", "Hải Châu", 108.20), ("20275", "An Hải", 108.23)):
        named = {
            "name_vi": f"Phường {name}",
            "name_en": f"{name} Ward",
            "short_name_vi": name,
            "type": "Phường",
            "source": "x",
        }
        Ward.objects.create(code=code, province_code="48", valid_from="2025-07-01", **named)
        box = shapely.box(west, 16.05, west + 0.03, 16.09)
        where = {"wkb": box.wkb, "label_lon": west + 0.015, "label_lat": 16.07, "source": "x"}
        WardBorder.objects.create(code=code, province_code="48", valid_from="2025-07-01", **where)
    PlacesEdition.objects.update_or_create(name="vn", defaults={"digest": tmp_path.name[-64:]})
    monkeypatch.setattr(geocoding, "_buckets", geocoding.Buckets())


def ask(typed: str, language: str = "vi") -> dict[str, Any]:
    client = Client()
    client.cookies[COOKIE] = language
    answer = client.post(PATH, {"q": typed}, headers=JSON)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    told: dict[str, Any] = json.loads(answer.content)
    return told


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Nguyễn Văn Linh", "Nguyễn Văn Linh"),
        ("đường nguyen van linh", "Nguyễn Văn Linh"),
        ("12/3 Nguyễn Văn Linh", "Nguyễn Văn Linh"),
        ("nguyen van l", "Nguyễn Văn Linh"),
        ("chợ hàn", "Chợ Hàn"),
        ("dragon bridge", "Cầu Rồng"),
        ("Hải Châu", "Phường Hải Châu"),
        ("phường hai chau", "Phường Hải Châu"),
        ("Thạch Thang", "Phường Thạch Thang"),
    ],
)
def test_a_name_as_people_type_it_is_found(typed: str, name: str) -> None:
    assert ask(typed)["places"][0]["name"] == name


def test_a_former_ward_says_what_it_is_now() -> None:
    first = ask("Thạch Thang")["places"][0]
    assert (first["ward"], first["note"]) == ("20242", "tên cũ (Quận Hải Châu), nay thuộc Phường Hải Châu")
    assert "now part of Hải Châu Ward" in ask("Thach Thang", "en")["places"][0]["note"]


@pytest.mark.parametrize("typed", ["", "x", "Đại lộ Không Có", "<%>\x00--", "a" * 5000, "1", "🙂🙂"])
def test_what_is_not_known_is_said_honestly(typed: str) -> None:
    told = ask(typed)
    assert told["places"] == []
    assert "chưa tìm được số nhà" in told["said"] or "Hãy gõ" in told["said"]


def test_without_a_script_the_map_is_one_press_away() -> None:
    browse = Client().get("/field_reports/map/").content.decode()
    assert f'action="{PATH}"' in browse
    straight = Client().get(PATH, {"q": "chợ hàn"})
    assert straight.status_code == 303
    assert straight["Location"].startswith("/field_reports/map/?bbox=108.2")
    wards = Client().get(PATH, {"q": "phường an hải"}).content.decode()
    assert wards.index("/field_reports/map/?ward=20275") < wards.index("Phường An Hải Bắc"), "the one in force first"
    several = Client().get(PATH, {"q": "cầu"}).content.decode()
    assert several.count("Phản ánh ở đây") >= 2
    link = re.search(r'href="(/field_reports/\?lon=[^"]+)"', several)
    assert link is not None
    form = Client().get(link[1].replace("&amp;", "&")).content.decode()
    assert re.search(r'name="lat" value="1[56]\.\d+"', form)


def test_without_a_script_the_form_comes_back_with_places_to_choose_from_and_keeps_what_was_written() -> None:
    page = Client().get("/field_reports/").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    written = {"key": key[1], "description": "Đèn tắt", "category": "street_light", "address": "Cầu Rồng"}
    again = Client().post("/field_reports/", {**written, "find": "1"})
    shown = again.content.decode()
    assert again.status_code == 200
    assert "Chưa gửi được" not in shown
    assert "Đèn tắt" in shown
    assert f'value="{key[1]}"' in shown
    assert not Report.objects.exists()
    value = re.search(r'name="place" value="([^"]+)"', shown)
    assert value is not None
    sent = Client().post("/field_reports/", {**written, "place": value[1]})
    assert sent.status_code == 303
    assert (Report.objects.get().lon, Report.objects.get().lat) == tuple(map(float, value[1].split(",")))


@pytest.mark.parametrize("value", ["x", "1e9,2", "20242'", "108.2", "999.0,16.0", "99999"])
def test_a_place_that_nobody_offered_is_none(value: str) -> None:
    sent = {"key": "k" * 24, "description": "Đèn tắt", "category": "street_light", "place": value}
    assert Client().post("/field_reports/", sent).status_code == 422
    assert not Report.objects.exists()


def test_a_list_of_the_citys_own_is_read_and_a_wrong_one_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    own = tmp_path / "places" / "48.csv"
    own.parent.mkdir()
    own.write_text("name_vi,name_en,kind,lon,lat\nBệnh viện C,C Hospital,landmark,108.215,16.075\n")
    assert ask("benh vien c")["places"][0]["note"] == "địa danh"
    own.write_text("name_vi,name_en,kind,lon,lat\nBệnh viện C,,landmark,here,16.075\n")
    with pytest.raises(BadFile, match="line 2"):
        names.find("48", "benh vien c")


class Nominatim(BaseHTTPRequestHandler):
    """Answers as Nominatim's `/search` does, or badly."""

    asked: list[dict[str, list[str]]] = []
    headers_seen: list[dict[str, str]] = []
    answer: Any = []

    def do_GET(self) -> None:
        Nominatim.asked.append(parse_qs(urlsplit(self.path).query))
        Nominatim.headers_seen.append(dict(self.headers))
        said = Nominatim.answer
        self.send_response(302 if said == "away" else 200)
        if said == "away":
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def geocoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Nominatim]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nominatim)
    Nominatim.asked, Nominatim.headers_seen, Nominatim.answer = [], [], []
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("VONGLAU_FIELD_REPORTS_GEOCODER", f"http://127.0.0.1:{server.server_port}/search")
    yield Nominatim
    server.shutdown()
    server.server_close()


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The city is what the two squares hold; its outline is known."""
    from vonglau.services.field_reports.public import places

    monkeypatch.setattr(places.outline, "bounds", lambda code: ((108.2, 16.05, 108.26, 16.09),) * 2)
    monkeypatch.setattr(
        places.intake, "locate", lambda world, lon, lat: (108.2 <= lon <= 108.26 and 16.05 <= lat <= 16.09) or None
    )


@pytest.mark.usefixtures("inside")
def test_a_geocoder_finds_house_numbers_within_the_city_and_learns_nothing_of_who_asks(
    geocoder: type[Nominatim],
) -> None:
    geocoder.answer = [
        {"display_name": "15 Lê Hồng Phong,\n Hải Châu", "lat": "16.0611", "lon": "108.2201"},
        {"display_name": "15 Lê Hồng Phong, Hà Nội", "lat": "21.0", "lon": "105.8"},
        {"display_name": "nowhere", "lat": "nan", "lon": "108.22"},
        {"lat": 1},
        "x",
    ]
    client = Client(HTTP_ACCEPT_LANGUAGE="vi", REMOTE_ADDR="192.0.2.77", HTTP_USER_AGENT="my phone")
    told = json.loads(client.post(PATH, {"q": "15 Lê Hồng Phong"}, headers=JSON).content)
    assert [(one["name"], one["lon"], one["lat"]) for one in told["places"]] == [
        ("15 Lê Hồng Phong, Hải Châu", 108.2201, 16.0611)
    ]
    (asked,) = geocoder.asked
    assert (asked["q"], asked["format"], asked["bounded"]) == (["15 Lê Hồng Phong"], ["jsonv2"], ["1"])
    assert asked["viewbox"] == ["108.20000,16.05000,108.26000,16.09000"]
    assert "192.0.2.77" not in repr(geocoder.headers_seen)
    assert "my phone" not in repr(geocoder.headers_seen)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("answer", [b"no json", b"[" * 100, b"x" * 300_000, {"error": "x"}, "away"])
def test_a_geocoder_that_fails_leaves_what_the_city_knows(geocoder: type[Nominatim], answer: Any) -> None:
    geocoder.answer = answer
    assert ask("chợ hàn")["places"][0]["name"] == "Chợ Hàn"
    told = ask("15 Lê Hồng Phong")
    assert told["places"] == []
    assert "Lúc này chưa tìm được đường và số nhà" in told["said"]
    assert len(geocoder.asked) == 2


@pytest.mark.usefixtures("inside")
def test_a_geocoder_is_not_asked_more_often_than_it_allows(geocoder: type[Nominatim]) -> None:
    for n in range(12):
        ask(f"{n} Lê Hồng Phong")
    assert 5 <= len(geocoder.asked) <= 8

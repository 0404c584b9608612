"""What a person sent can be given to them and goes when they ask: also from the files, and also after an older backup is restored."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests import engines
from tests.serving import new_city, ran, serving, token, vonglau

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        engines.POSTGRESQL, reason="looks into the files of the state; the service's own tests erase on both engines"
    ),
]

PHONE = "0905 777 123"
PLANTED = (b"0905 777 123", b"0905777123", "Trần Thị Bí Mật".encode(), b"bi.mat@example.vn", b"SecretCamera")
WORDS = "Nắp cống vỡ trước nhà, hàng xóm bị ngã hôm qua"


def holding(data: Path, words: tuple[bytes, ...]) -> list[str]:
    """Files below a folder in which one of these stands."""
    files = [path for path in data.rglob("*") if path.is_file()]
    return [f"{path.name}: {word.decode()}" for path in files for word in words if word in path.read_bytes()]


def photo() -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010F] = "SecretCamera"
    Image.new("RGB", (200, 150), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


def multipart(fields: dict[str, str], picture: bytes) -> tuple[bytes, str]:
    parts = [f'--cut\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    head = (
        b'--cut\r\nContent-Disposition: form-data; name="media"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    return b"".join([*parts, head, picture, b"\r\n--cut--\r\n"]), "multipart/form-data; boundary=cut"


def test_a_person_asks_for_their_data_and_that_it_goes(tmp_path: Path) -> None:
    data = new_city(tmp_path / "city")
    key = token(data, "reports:write")
    sent = photo()
    fields = {
        "service_code": "street_light", "lat": "16.0605", "long": "108.2205", "description": WORDS, "phone": PHONE,
        "email": "bi.mat@example.vn", "first_name": "Trần Thị", "last_name": "Bí Mật", "api_key": key,
    }  # fmt: skip
    body, media = multipart(fields, sent)
    with serving(data) as server:
        status, _headers, said = server.request(
            "POST", "/open311/v2/requests.json", body, headers={"Content-Type": media}
        )
        assert status == 200, said
        reference = said[0]["service_request_id"]
    assert holding(data, PLANTED) == [], "a contact or the photo as it was sent stands in plain in some file"
    backups = tmp_path / "backups"
    ran("backup", backups, "--data", data)

    assert (
        vonglau(
            "reports", "subject", "export", "--phone", "0900000000", "--out", tmp_path / "none", "--data", data
        ).returncode
        == 1
    )
    ran("reports", "subject", "export", "--phone", "+84 905777123", "--out", tmp_path / "out", "--data", data)
    [told] = json.loads((tmp_path / "out" / "reports.json").read_text())["reports"]
    assert (told["reference"], told["words"], told["contacts"]["phone"]) == (reference, WORDS, PHONE)
    assert (tmp_path / "out" / told["photos"][0]["file"]).read_bytes() == sent

    assert "Would be erased" in ran("reports", "subject", "erase", "--email", "Bi.Mat@example.vn", "--data", data)
    assert "Erased" in ran("reports", "subject", "erase", "--email", "Bi.Mat@example.vn", "--yes", "--data", data)
    assert holding(data, (WORDS.encode(),)) == []
    assert not [path for folder in ("files", "originals") for path in (data / folder).rglob("*") if path.is_file()]
    assert json.loads(ran("check", "--data", data, "--json").strip().splitlines()[-1])["findings"] == []

    back = tmp_path / "back"
    done = ran("restore", backups, back, "--keys", data / "secrets", "--erased", data / "erased", "--json")
    assert json.loads(done.strip().splitlines()[-1])["erased"] == [reference]
    assert not [path for folder in ("files", "originals") for path in (back / folder).rglob("*") if path.is_file()]
    assert (
        vonglau(
            "reports", "subject", "export", "--reference", reference, "--out", tmp_path / "gone", "--data", back
        ).returncode
        == 0
    )
    [told] = json.loads((tmp_path / "gone" / "reports.json").read_text())["reports"]
    assert (told["words"], told["contacts"], told["photos"]) == (None, None, [])

"""Evidence: what is kept of a photo, and who gets to see it."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from vonglau.centre.tests.conftest import Sign, actor, in_hands_of, incident, photo
from vonglau.core import audit
from vonglau.core.changes import Change
from vonglau.core.errors import BadInput, NotAllowed, NotFound
from vonglau.core.incidents import files
from vonglau.core.incidents.timeline import timeline
from vonglau.core.worlds import World

pytestmark = pytest.mark.django_db


def exif_photo() -> SimpleUploadedFile:
    """A phone's photo: held sideways, with a position and a maker's note in its EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    exif[0x010F] = "PhoneMaker-SECRET"
    exif.get_ifd(0x8825)[1] = "N"
    return photo("JPEG", (60, 40), exif=exif.tobytes(), comment=b"hidden words", icc_profile=b"profile words")


def stored(found: Any) -> bytes:
    with files.open_file(found) as file:
        return file.read()


def test_what_is_kept_has_no_metadata_and_stands_upright(city: World) -> None:
    made = files.attach(incident(), actor(), exif_photo())
    data = stored(made)
    with Image.open(io.BytesIO(data)) as kept:
        assert kept.format == "JPEG"
        assert kept.size == (40, 60) == (made.width, made.height)
        assert not kept.getexif()
    assert b"SECRET" not in data
    assert b"words" not in data


def test_it_lies_under_its_own_digest(city: World, settings: Any) -> None:
    made = files.attach(incident(), actor(), photo())
    path = Path(settings.MEDIA_ROOT) / made.sha256[:2] / made.sha256
    assert hashlib.sha256(path.read_bytes()).hexdigest() == made.sha256
    assert not list(path.parent.glob(".part-*"))


def test_the_same_photo_again_changes_nothing(city: World) -> None:
    found = incident()
    first, rows = files.attach(found, actor(), photo()), len(audit.rows(found.stream))
    assert files.attach(found, actor(), photo()) == first
    assert len(audit.rows(found.stream)) == rows


def test_the_audit_row_names_the_digest_and_the_stream_tells(city: World) -> None:
    found = incident()
    made = files.attach(found, actor(), photo(), caption="Trước cửa nhà ông An")
    _row, body = audit.rows(found.stream)[-1]
    assert (body["step"], body["sha256"], body["who"]) == ("evidence", made.sha256, "operator.tt")
    assert "ông An" not in json.dumps(body, ensure_ascii=False)
    assert Change.objects.order_by("-id").first().body["step"] == "evidence"
    entry = timeline(found)[0]
    assert (entry.photos, entry.why) == ((made,), "Trước cửa nhà ông An")
    assert not list(audit.verify_streams())


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_the_usual_kinds_become_jpeg(city: World, form: str, mode: str) -> None:
    if (form, mode) in {("JPEG", "RGBA"), ("JPEG", "P")}:
        mode = "CMYK"
    out = io.BytesIO()
    Image.new(mode, (20, 10)).save(out, form)
    made = files.attach(incident(), actor(), SimpleUploadedFile("x.exe", out.getvalue()))
    assert (made.media_type, made.width, made.height) == ("image/jpeg", 20, 10)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "unreadable"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "unreadable"),
        (b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;", "unreadable"),
        (b"\xff\xd8" + b"\x00" * (16 * 1024 * 1024), "large"),
    ],
)  # fmt: skip
def test_what_is_no_photo_is_refused_with_a_reason(city: World, data: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        files.attach(incident(), actor(), SimpleUploadedFile("a.jpg", data))
    assert refused.value.extra == {"pointer": "/photo", "reason": reason}


def test_a_bomb_is_refused_before_it_is_opened(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIXELS", 1000)
    with pytest.raises(BadInput) as refused:
        files.attach(incident(), actor(), photo(size=(40, 30)))
    assert refused.value.extra["reason"] == "pixels"


def test_a_truncated_upload_is_refused_whole(city: World) -> None:
    whole = photo("JPEG", (400, 300)).read()
    with pytest.raises(BadInput):
        files.attach(incident(), actor(), SimpleUploadedFile("a.jpg", whole[: len(whole) // 2]))


def test_big_photos_are_kept_smaller_with_a_small_copy(city: World) -> None:
    made = files.attach(incident(), actor(), photo("JPEG", (4000, 1000)))
    assert (made.width, made.height) == (files.EDGE, files.EDGE // 4)
    with files.open_file(made, thumb=True) as small, Image.open(small) as picture:
        assert picture.size == (files.THUMB_EDGE, files.THUMB_EDGE // 4)


def test_only_who_may_note_may_attach(city: World) -> None:
    found = in_hands_of("so-xay-dung")
    files.attach(found, actor("agency", "so-xay-dung"), photo())
    with pytest.raises(NotFound):
        files.attach(found, actor("agency", "phuong-hai-chau"), photo())
    with pytest.raises(NotAllowed):
        files.attach(found, actor("administrator"), photo())


def test_a_photo_is_served_to_who_may_see_its_incident(sign_in: Sign) -> None:
    found, other = in_hands_of("so-xay-dung"), incident()
    made = files.attach(found, actor(), photo())
    address = f"/desk/{found.ref}/photos/{made.pk}"
    answer = sign_in("agency", "so-xay-dung").get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith("inline")
    assert answer.content == stored(made)
    assert sign_in("operator").get(address + "/small").status_code == 200
    assert sign_in("agency", "phuong-hai-chau").get(address).status_code == 404
    assert sign_in("operator").get(f"/desk/{other.ref}/photos/{made.pk}").status_code == 404

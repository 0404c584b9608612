"""What strangers send as a photo: refused with a reason that says what to do, or written anew so that nothing of it is left."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from vonglau.core.errors import BadInput
from vonglau.core.incidents import files
from vonglau.core.incidents.files import LIMIT, read_picture
from vonglau.core.incidents.models import Evidence
from vonglau.core.tests import factories
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (makers.bomb(), "pixels"),
        (makers.png_header(1, 2_000_000_000), "pixels"),
        (makers.archive(), "unreadable"),
        (makers.SVG, "unreadable"),
        (makers.HTML, "unreadable"),
        (b"", "unreadable"),
        (b"\xff\xd8\xff", "unreadable"),
        (makers.jpeg()[:1500], "unreadable"),
        (makers.jpeg()[:-400], "unreadable"),
        (makers.png_header(200, 200, b"no deflate stream"), "unreadable"),
        (makers.png_header(0, 0), "unreadable"),
        (makers.HEIC, "heic"),
        (makers.moving("WEBP"), "moving"),
        (makers.moving("PNG"), "moving"),
        (makers.moving("GIF"), "unreadable"),
        (bytes(40 * 1024 * 1024), "large"),
        (makers.jpeg() + bytes(LIMIT), "large"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)}B",
)
def test_it_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as problem:
        read_picture(Sent(data))
    assert problem.value.extra["reason"] == reason
    assert problem.value.extra["pointer"] == "/photo"


@pytest.mark.parametrize("tail", [makers.HTML, makers.archive(), makers.SVG, b"MZ" + bytes(300)])
def test_what_hides_behind_a_picture_is_not_kept(tail: bytes) -> None:
    kept = read_picture(Sent(makers.jpeg() + tail))
    for data in (kept.jpeg, kept.thumb):
        assert tail[:40] not in data
        assert b"Secret" not in data
        with Image.open(io.BytesIO(data)) as opened:
            assert not opened.getexif()
            assert opened.format == "JPEG"


def test_a_page_that_begins_like_a_picture_is_none() -> None:
    with pytest.raises(BadInput):
        read_picture(Sent(b"GIF89a" + makers.HTML))


def test_the_name_decides_nothing_and_a_declared_size_neither() -> None:
    class Endless:
        def chunks(self) -> "Endless":
            return self

        def __iter__(self) -> "Endless":
            return self

        def __next__(self) -> bytes:
            return bytes(1_000_000)

    with pytest.raises(BadInput, match="larger"):
        read_picture(Endless())


@pytest.mark.django_db(transaction=True)
def test_decoding_keeps_no_other_writer_waiting(
    monkeypatch: pytest.MonkeyPatch, client: Client, settings: Any, tmp_path: Path
) -> None:
    """A picture of fifty million pixels takes seconds: not while the one transaction that may write is open."""
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()
    inside: list[bool] = []
    real = files.read_picture

    def watched(upload: files.Upload) -> files.Picture:
        inside.append(connection.in_atomic_block)
        return real(upload)

    monkeypatch.setattr(files, "read_picture", watched)
    given = {"key": "a" * 24, "category": "street_light", "lat": "16.0612", "lon": "108.2272"}
    photos = [SimpleUploadedFile(f"{n}.jpg", makers.jpeg(makers.scene(60 + n, 90))) for n in range(2)]
    answer = client.post("/field_reports/", {**given, "photos": photos}, headers={"accept": "application/json"})
    assert answer.status_code == 201, answer.content
    assert inside == [False, False]
    assert Evidence.objects.count() == 2

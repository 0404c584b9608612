"""The page of detectors: who stands still and why, in both languages; resumed and skipped by administrators alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.alert_models import DetectorSkip, DetectorStop
from vonglau.core.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stop(city: World) -> DetectorStop:
    return DetectorStop.objects.create(
        detector="traffic.anomaly",
        version=2,
        world="live",
        position=40,
        first=41,
        last=41,
        reason="raised",
        error="<b>ValueError",
        since=timezone.now(),
    )


def act(client: Client, **fields: Any) -> Any:
    where = {"detector": "traffic.anomaly", "world": "live", "position": "41", **fields}
    return client.post(reverse("centre:admin_detectors_act"), where)


def test_who_stands_still_is_shown_with_the_reason(stop: DetectorStop, sign_in: Callable[..., Client]) -> None:
    client = sign_in("administrator")
    page = client.get(reverse("centre:admin_detectors")).content.decode()
    assert "traffic.anomaly" in page
    assert "traffic.silence" in page
    assert "Quy tắc báo lỗi khi xử lý một sự kiện." in page
    assert "&lt;b&gt;ValueError" in page
    english = (
        sign_in("administrator", language="en", name="ann").get(reverse("centre:admin_detectors")).content.decode()
    )
    assert "Skip this event" in english


def test_it_goes_on_and_the_event_is_skipped(stop: DetectorStop, sign_in: Callable[..., Client]) -> None:
    client = sign_in("administrator")
    assert act(client, do="skip").status_code == 302
    assert DetectorSkip.objects.get().position == 41
    assert act(client, do="resume").status_code == 302
    stop.refresh_from_db()
    assert stop.retry_at is not None
    assert [body["step"] for _row, body in audit.rows("detector/traffic.anomaly")] == ["skip", "resume"]
    for fields in (
        {"do": "skip", "position": "7"},
        {"do": "skip", "position": "x"},
        {"do": "resume", "world": "elsewhere"},
    ):
        assert act(client, **fields).status_code == 302
    assert DetectorSkip.objects.count() == 1


def test_others_may_not(stop: DetectorStop, sign_in: Callable[..., Client]) -> None:
    for role in ("operator", "supervisor", "leader"):
        client = sign_in(role)
        assert client.get(reverse("centre:admin_detectors")).status_code in (302, 403)
        assert act(client, do="skip").status_code in (302, 403)
    assert not DetectorSkip.objects.exists()

"""Citizens' photos: covered for good, public only after a person decided, the original sealed and every look at it written down."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vonglau.core import audit, vault
from vonglau.core.errors import BadFile, BadInput, Locked, NotAllowed, NotFound
from vonglau.core.incidents import desk, files
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import Original, PhotoReview, Report
from vonglau.services.field_reports.photos import detecting, originals, reviews, taken
from vonglau.services.field_reports.photos.boxes import Box, cover, merged
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent

REPORTER = Actor("token:app", "reporter", world="live")
SENT = makers.jpeg(lat=16.06, lon=108.22, taken="2026:11:23 08:00:00")


@pytest.fixture
def report(db: None, settings: Any, tmp_path: Path) -> Report:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()

    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(SENT)]))

    submission = intake.Submission(world="live", category="street_light", source="open311", at=factories.MONDAY)
    return intake.receive(submission, REPORTER, attach)


def verified(report: Report) -> Report:
    desk.take("live", report.incident.ref, "verify", factories.OPERATOR, version=report.incident.version)
    return Report.objects.select_related("incident").get(pk=report.pk)


# ---------------------------------------------------------------------------------------------- what is public


def test_nothing_is_public_before_a_person_decided(report: Report) -> None:
    (review,) = PhotoReview.objects.all()
    assert review.state == "waiting"
    assert reviews.public(verified(report)) == []
    with pytest.raises(NotFound):
        reviews.open_public(review)


def test_what_is_masked_is_shown_without_what_was_covered(report: Report) -> None:
    review = PhotoReview.objects.get()
    box = Box(40, 30, 120, 90)
    decided = reviews.decide(review, factories.OPERATOR, "masked", [box, Box(900, 900, 10, 10)])
    assert decided.boxes == [[40, 30, 120, 90]]
    assert reviews.public(report) == []  # not yet verified
    (shown,) = reviews.public(verified(report))
    with reviews.open_public(shown) as file:
        after = np.asarray(Image.open(io.BytesIO(file.read())), dtype=int)
    before = np.asarray(reviews.picture(shown.evidence), dtype=int)
    inside = (slice(30, 120), slice(40, 160))
    assert after[inside].std() < before[inside].std() / 4
    outside = np.ones(before.shape[:2], dtype=bool)
    outside[22:128, 32:168] = False  # JPEG blocks of eight around
    assert np.abs(after - before)[outside].mean() < 6
    step = audit.rows(report.incident.stream)[-2][1]
    assert (step["step"], step["state"], step["masks"], step["public"]) == ("photo", "masked", 1, shown.public_sha256)


def test_a_mask_that_was_changed_takes_the_older_picture_with_it(
    report: Report, django_capture_on_commit_callbacks: Any
) -> None:
    review = PhotoReview.objects.get()
    first = reviews.decide(review, factories.OPERATOR, "masked", [Box(0, 0, 50, 50)]).public_sha256
    with django_capture_on_commit_callbacks(execute=True):
        reviews.decide(review, factories.SUPERVISOR, "masked", [Box(0, 0, 90, 90)])
    assert not files.path_of(first).exists()
    with django_capture_on_commit_callbacks(execute=True):
        passed = reviews.decide(review, factories.OPERATOR, "passed")
    assert passed.public_sha256 == passed.evidence.sha256
    with django_capture_on_commit_callbacks(execute=True):
        reviews.decide(review, factories.OPERATOR, "withheld")
    assert reviews.public(verified(report)) == []
    assert files.path_of(passed.evidence.sha256).exists()


@pytest.mark.parametrize("boxes", [[], [Box(-50, -50, 20, 20)], [Box(0, 0, 0, 0)], [Box(5, 5, 5, 5)] * 51])
def test_a_mask_that_covers_nothing_is_refused(report: Report, boxes: list[Box]) -> None:
    with pytest.raises(BadInput):
        reviews.decide(PhotoReview.objects.get(), factories.OPERATOR, "masked", boxes)
    assert PhotoReview.objects.get().state == "waiting"


@pytest.mark.parametrize(
    "actor", [REPORTER, factories.LEADER, Actor("x", "agency"), Actor("t", "operator", world="live")]
)
def test_others_do_not_decide(report: Report, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        reviews.decide(PhotoReview.objects.get(), actor, "passed")


def test_a_photo_that_came_another_way_waits_too_and_one_of_staff_does_not(report: Report) -> None:
    from vonglau.core.people.models import User

    User.objects.create(username=factories.SUPERVISOR.name, role="supervisor")
    files.attach(report.incident, REPORTER, Sent(makers.jpeg(makers.scene(90, 60))))
    files.attach(report.incident, factories.SUPERVISOR, Sent(makers.jpeg(makers.scene(60, 90))))
    assert reviews.enrol("live") == 1
    assert reviews.enrol("live") == 0
    assert reviews.queue("live", waiting=True).count() == 2


# ---------------------------------------------------------------------------------------------- the original


def test_the_original_lies_sealed_and_looking_at_it_is_written_down(report: Report, tmp_path: Path) -> None:
    original = Original.objects.get()
    lies = originals.path_of(original.name).read_bytes()
    for plain in (b"Secret", b"JFIF", SENT[:64]):
        assert plain not in lies
    assert originals.look(original.evidence, factories.OPERATOR) == SENT
    originals.look(original.evidence, factories.OPERATOR)
    looks = [body for _row, body in audit.rows(report.incident.stream) if body["step"] == "look"]
    assert [(body["who"], body["what"], body["sha256"]) for body in looks] == [
        (factories.OPERATOR.name, "original", original.evidence.sha256)
    ]
    with pytest.raises(NotAllowed):
        originals.look(original.evidence, factories.LEADER)


def test_its_key_is_renewed_with_the_vaults(report: Report) -> None:
    ring, fresh = vault.ring(), vault.Key.fresh()
    ring.put([fresh, *ring.newest_first()])
    for one in vault.everything():
        one.put(vault.reseal(one.text, one.context))
    ring.put([fresh])
    assert originals.unseal(Original.objects.get()) == SENT


def test_a_file_that_was_changed_or_swapped_does_not_open(report: Report) -> None:
    original = Original.objects.get()
    path = originals.path_of(original.name)
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(Locked):
        originals.unseal(original)
    originals.forget(original)
    assert not path.exists()
    with pytest.raises(NotFound):
        originals.look(Evidence.objects.get(), factories.OPERATOR)


# ---------------------------------------------------------------------------------------------- where it was taken


def test_where_it_was_taken_is_read_only_with_consent() -> None:
    sent = [Sent(makers.jpeg()), Sent(SENT)]
    assert taken.place_of(sent, agreed=False) is None
    found = taken.place_of(sent, agreed=True)
    assert found is not None
    assert (found.lat, found.lon) == (16.06, 108.22)
    assert found.at == datetime.fromisoformat("2026-11-23T08:00:00+07:00")


@pytest.mark.parametrize("place", [(0.0, 0.0), (91.0, 10.0), (10.0, 181.0)])
def test_a_position_that_cannot_be_right_is_none(place: tuple[float, float]) -> None:
    assert taken.read(makers.jpeg(lat=place[0], lon=place[1])) is None


@pytest.mark.parametrize("data", [b"", makers.SVG, makers.bomb(), makers.HEIC, makers.jpeg()[:30], SENT[:300]])
def test_no_photo_has_no_position_and_does_no_harm(data: bytes) -> None:
    taken.read(data)


def test_south_and_west_are_negative() -> None:
    found = taken.read(makers.jpeg(lat=-33.5, lon=-70.25))
    assert found is not None
    assert (found.lat, found.lon) == (-33.5, -70.25)


# ---------------------------------------------------------------------------------------------- boxes, detectors


BOXES = st.builds(Box, st.integers(-50, 350), st.integers(-50, 350), st.integers(0, 200), st.integers(0, 200))


@given(st.lists(BOXES, max_size=8))
def test_covering_leaves_no_pixel_of_what_is_covered_and_all_others(boxes: list[Box]) -> None:
    scene = makers.scene(120, 90)
    covered = cover(scene, boxes)
    before, after = np.asarray(scene), np.asarray(covered)
    touched = np.zeros((90, 120), dtype=bool)
    for box in boxes:
        if inside := box.within(120, 90):
            touched[inside.y : inside.y + inside.h, inside.x : inside.x + inside.w] = True
            if min(inside.w, inside.h) > 24:
                area = (slice(inside.y, inside.y + inside.h), slice(inside.x, inside.x + inside.w))
                assert (before[area] == after[area]).all(axis=2).mean() < 0.05
    assert (before[~touched] == after[~touched]).all()


@given(st.lists(BOXES, max_size=12))
def test_merging_loses_no_area_and_ends(boxes: list[Box]) -> None:
    found = merged(boxes)
    assert len(found) <= len(boxes)
    for box in boxes:
        assert any(
            o.x <= box.x and o.y <= box.y and box.x + box.w <= o.x + o.w and box.y + box.h <= o.y + o.h for o in found
        )


class Session:
    """An ONNX session that finds one face twice, and one that is not sure."""

    def get_inputs(self) -> list[Any]:
        return [type("Entry", (), {"name": "input", "shape": [1, 3, 24, 32]})()]

    def run(self, _outputs: None, given: dict[str, Any]) -> tuple[Any, Any]:
        assert given["input"].shape == (1, 3, 24, 32)
        scores = np.array([[[0.1, 0.9], [0.2, 0.8], [0.9, 0.1]]], dtype=np.float32)
        boxes = np.array([[[0.25, 0.25, 0.5, 0.5], [0.26, 0.26, 0.51, 0.51], [0, 0, 1, 1]]], dtype=np.float32)
        return scores, boxes


def test_a_detector_proposes_and_a_person_decides(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detecting, "installed", lambda: detecting.Onnx(Path("faces.onnx"), Session()))
    review = PhotoReview.objects.get()
    (found,) = reviews.boxes(review)
    assert found.shared(Box(80, 60, 80, 60)) > 0.5
    again = PhotoReview.objects.get()
    assert (again.state, again.detector) == ("waiting", "faces.onnx")
    assert reviews.boxes(again) == [found]


def test_without_a_model_nothing_is_proposed_and_a_wrong_one_is_named(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert reviews.boxes(PhotoReview.objects.get()) == []
    monkeypatch.setenv("VONGLAU_FIELD_REPORTS_PHOTO_MODEL", str(tmp_path / "none.onnx"))
    with pytest.raises(BadFile, match="PHOTO_MODEL"):
        reviews.boxes(PhotoReview.objects.get())

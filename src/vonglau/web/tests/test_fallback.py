"""A state that went back is made to agree with the log before anybody is let in, and what waits is marked."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from tests import engines

from vonglau.core import audit, changes, damages
from vonglau.core.errors import Unavailable
from vonglau.core.models import Change, Checkpoint, Notice, Session
from vonglau.core.notify import outbox
from vonglau.core.notify.outbox import Draft
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.engines import open_writer
from vonglau.web import fallback
from vonglau.web.roles import Plan, hold

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A log, a notice that waits, three exported checkpoints, of which the state has forgotten one with its row."""
    ensure_world("live", WorldKind.LIVE, "48", "Thật", "Live")
    open_writer(tmp_path).close()
    outbox.queue(
        [Draft(key="k", world="live", kind="assigned", channel="email", recipient="a@b", subject="s", body="b")]
    )
    for n in range(3):
        with audit.transaction.atomic():
            audit.record("incident/1", {"n": n})
        audit.checkpoint(export=tmp_path / fallback.CHECKPOINTS)
    forget_the_last()
    changes.announce("live", "world", "live")
    return tmp_path


def forget_the_last() -> None:
    """As an earlier commit had it."""
    audit.AuditRow.objects.filter(stream="incident/1", n=3).delete()
    head = audit.AuditRow.objects.get(stream="incident/1", n=2)
    audit.AuditHead.objects.filter(pk="incident/1").update(n=2, hash=head.hash)
    Checkpoint.objects.filter(n=3).delete()


def found(data: Path) -> None:
    damages.put(data, "state.db-wal", "frame 2 of 2 is damaged", settled=False)


def test_nothing_is_done_without_a_find(data: Path) -> None:
    assert not fallback.settle(Plan(data=data))
    assert Notice.objects.get().uncertain == 0
    assert [one.what for one in audit.verify_checkpoints(data / fallback.CHECKPOINTS)] != []


@pytest.mark.skipif(engines.POSTGRESQL, reason="the state is no file there")
def test_the_audit_is_whole_and_what_waits_is_marked(data: Path) -> None:
    found(data)
    now = timezone.now()
    Session.objects.create(
        session_key="x" * 32,
        session_data="",
        idle_seconds=900,
        created_at=now,
        seen_at=now,
        expire_date=now + timedelta(days=1),
    )
    before = Change.objects.order_by("-pk").values_list("pk", flat=True)[0]
    assert fallback.settle(Plan(data=data))
    assert list(audit.verify_streams()) == []
    assert list(audit.verify_checkpoints(data / fallback.CHECKPOINTS)) == []
    assert not Session.objects.exists()
    notice = Notice.objects.get()
    assert (notice.state, notice.uncertain, notice.error) == ("pending", 1, outbox.FORGOTTEN)
    ((_row, said),) = audit.rows(audit.INSTALLATION)
    assert said["step"] == "fell back"
    assert [one["n"] for one in said["checkpoints"]] == [3], "the audit names what it lost"
    assert Change.objects.order_by("-pk").values_list("pk", flat=True)[0] > before + 100_000, "pages reload"
    notes = {note.of: note for note in damages.notes(data)}
    assert notes.keys() == {"state.db-wal", "state", "checkpoints.jsonl"}
    assert '"n": 3' in (data / damages.FOLDER / notes["checkpoints.jsonl"].kept).read_text()
    assert all(note.settled for note in notes.values())
    assert not fallback.settle(Plan(data=data)), "once"


def test_a_folder_that_somebody_serves_is_left_alone(data: Path) -> None:
    found(data)
    plan = Plan(data=data)
    held = hold(plan)
    with pytest.raises(Unavailable):
        fallback.settle(plan)
    del held
    assert Notice.objects.get().uncertain == 0

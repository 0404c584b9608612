"""That every kind of tampering shows, and that the words can be erased while the chain stays whole."""

import json
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core import audit
from vonglau.core.audit_models import AuditHead, AuditRow, Checkpoint, Note

pytestmark = pytest.mark.django_db


def three(stream: str = "incident/live/SV-1") -> None:
    with transaction.atomic():
        for step in ("receive", "verify", "assign"):
            audit.record(stream, {"step": step, "who": "truc.ban"})


def broken() -> list[str]:
    return [finding.what for finding in audit.verify_streams()]


def test_a_whole_chain_is_clean() -> None:
    three()
    three("user/lan")
    assert broken() == []


@pytest.mark.django_db(transaction=True)
def test_a_row_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        audit.record("x", {})


def test_a_changed_text_shows() -> None:
    three()
    row = AuditRow.objects.get(n=2)
    AuditRow.objects.filter(pk=row.pk).update(body=bytes(row.body).replace(b"verify", b"refuse"))
    assert broken() == ["the row's text or its link was changed"]


def test_a_row_taken_from_the_middle_shows() -> None:
    three()
    AuditRow.objects.filter(n=2).delete()
    assert "row 2 is missing" in broken()


def test_a_row_taken_from_the_end_shows() -> None:
    three()
    AuditRow.objects.filter(n=3).delete()
    assert any("end of the chain" in what for what in broken())


@pytest.mark.django_db(transaction=True)
def test_a_stream_that_is_gone_shows_even_with_its_head_once_checkpointed(tmp_path: Path) -> None:
    three()
    assert audit.checkpoint(tmp_path / "checkpoints.jsonl") is not None
    AuditRow.objects.all().delete()
    assert "the whole stream is gone" in broken()
    AuditHead.objects.all().delete()
    assert broken() == []
    assert any("gone" in finding.what for finding in audit.verify_checkpoints())


@pytest.mark.django_db(transaction=True)
def test_checkpoints_chain_and_the_exported_file_guards_them(tmp_path: Path) -> None:
    export = tmp_path / "checkpoints.jsonl"
    three()
    first = audit.checkpoint(export)
    assert audit.checkpoint(export) is None, "nothing changed: no checkpoint"
    three("user/lan")
    second = audit.checkpoint(export)
    assert second.prev == first.hash
    assert list(audit.verify_checkpoints(export)) == []
    Checkpoint.objects.filter(n=2).delete()
    assert [finding.n for finding in audit.verify_checkpoints(export)] == [2]


def exported(path: Path) -> list[int]:
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_that_was_not_committed_is_not_exported(tmp_path: Path) -> None:
    """Its number is given again, with another hash: a line for each would be a finding for ever."""
    export = tmp_path / "checkpoints.jsonl"
    three()

    def killed() -> None:
        with transaction.atomic():
            audit.checkpoint(export)
            raise RuntimeError("killed before the commit")

    with pytest.raises(RuntimeError, match="killed"):
        killed()
    three("user/lan")
    audit.checkpoint(export)
    assert exported(export) == [1]
    assert list(audit.verify_checkpoints(export)) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("left", [b"", b'{"n": 2, "at": "2026-'])
def test_a_process_that_died_between_commit_and_export_leaves_no_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    export = tmp_path / "checkpoints.jsonl"
    three()
    audit.checkpoint(export)

    def dies(path: Path) -> None:
        with path.open("ab") as file:
            file.write(left)
        raise RuntimeError("killed after the commit")

    three("user/lan")
    with monkeypatch.context() as patch:
        patch.setattr(audit.audit_export, "bring_up", dies)
        with pytest.raises(RuntimeError, match="killed"):
            audit.checkpoint(export)
    assert list(audit.verify_checkpoints(export)) == [], "what is not there yet says nothing wrong"
    assert audit.checkpoint(export) is None, "nothing changed, and the export is whole again"
    assert exported(export) == [1, 2]
    three("user/mai")
    audit.checkpoint(export)
    assert exported(export) == [1, 2, 3]
    assert list(audit.verify_checkpoints(export)) == []


@pytest.mark.django_db(transaction=True)
def test_an_exported_line_that_cannot_be_read_shows(tmp_path: Path) -> None:
    export = tmp_path / "checkpoints.jsonl"
    export.write_text('{"n": "x"}\n[]\n')
    three()
    audit.checkpoint(export)
    assert [finding.what[:6] for finding in audit.verify_checkpoints(export)] == ["line 1", "line 2"]


def test_a_rewritten_chain_is_caught_by_its_checkpoint() -> None:
    three()
    audit.checkpoint()
    AuditRow.objects.all().delete()
    AuditHead.objects.all().delete()
    with transaction.atomic():
        for step in ("receive", "verify", "refuse"):
            audit.record("incident/live/SV-1", {"step": step, "who": "truc.ban"})
    assert broken() == []
    assert any("differs" in finding.what for finding in audit.verify_checkpoints())


def test_erasing_a_note_leaves_the_chain_whole() -> None:
    with transaction.atomic():
        audit.record("x", {"why": audit.note("x", "Ông Nguyễn Văn A, 0905 123 456")})
    Note.objects.all().delete()
    assert broken() == []
    assert "Nguyễn" not in bytes(AuditRow.objects.get().body).decode()


@given(st.lists(st.binary(max_size=20), max_size=40))
def test_merkle_depends_on_every_leaf_and_on_order(leaves: list[bytes]) -> None:
    root = audit.merkle(leaves)
    for index in range(len(leaves)):
        changed = [*leaves[:index], leaves[index] + b"!", *leaves[index + 1 :]]
        assert audit.merkle(changed) != root
    if len(set(leaves)) > 1:
        turned = leaves[::-1]
        assert (audit.merkle(turned) == root) == (turned == leaves)


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=8), st.integers(), st.none()), max_size=6))
def test_canonical_does_not_depend_on_the_order_of_keys(body: dict[str, object]) -> None:
    turned = dict(reversed(list(body.items())))
    assert audit.canonical(body) == audit.canonical(turned)
    assert json.loads(audit.canonical(body)) == body

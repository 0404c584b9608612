"""A rotation of keys over many contacts: in batches, going on where it was broken off, and never over what somebody else wrote."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from vonglau.core import lookup, rotating, vault
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import SEALED, Content

REPORTS = 5


@pytest.fixture
def contents(db: None, settings: Any, tmp_path: Path) -> list[int]:
    """Each with a telephone, an e-mail address and a name, sealed by a key that is not the newest any more."""
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()
    for n in range(REPORTS):
        personal = intake.Personal(
            description="Đèn tắt", contact_name=f"Người {n}", phone=f"090512345{n}", email=f"a{n}@example.vn"
        )
        told = intake.Submission(world="live", category="waste", personal=personal, source="web", at=factories.MONDAY)
        intake.receive(told, Actor("token:app", "reporter", world="live"))
    turn()
    return list(Content.objects.order_by("pk").values_list("pk", flat=True))


def turn() -> None:
    vault.ring().put([vault.Key.fresh(), *vault.ring().newest_first()])


def under_older() -> int:
    newest = vault.ring().newest_first()[0].id
    return sum(vault.key_of(one.text) != newest for one in vault.everything()) + sum(
        key != newest for key in lookup.keys_in_use()
    )


def test_the_questions_to_the_database_do_not_grow_with_the_rows(contents: list[int]) -> None:
    with CaptureQueriesContext(connection) as asked:
        rotating.everything()
    assert under_older() == 0
    written = [one["sql"] for one in asked if "UPDATE" in one["sql"] and Content._meta.db_table in one["sql"]]
    assert 0 < len(written) < REPORTS


def test_what_was_broken_off_is_gone_on_with(contents: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating, "AT_ONCE", 2)
    whole = under_older()

    def broken_off(table: str, done: int, _total: int) -> None:
        if table == Content._meta.label_lower and done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotating.everything(broken_off)
    left = under_older()
    assert 0 < left < whole
    done = rotating.everything()
    assert done.resealed + done.digests == left
    assert under_older() == 0
    assert [one.phone for one in Content.objects.order_by("pk")] == [f"090512345{n}" for n in range(REPORTS)]


def test_what_somebody_writes_meanwhile_stays(contents: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its texts and its digests: a citizen's new address is not undone, and is found."""
    write, first = rotating._write, []

    def raced(model: Any, wanted: Any) -> Any:
        if model is Content and wanted and len(first) < 2:  # once while texts are written, once while digests are
            first.append(1)
            row = Content.objects.get(pk=contents[0])
            row.email = f"new{len(first)}@example.vn"
            row.save()
        return write(model, wanted)

    monkeypatch.setattr(rotating, "_write", raced)
    rotating.everything()
    assert under_older() == 0
    found = Content.objects.get(lookup.where(Content, "email_digest", f"new{len(first)}@example.vn"))
    assert (found.pk, found.email, found.phone) == (contents[0], f"new{len(first)}@example.vn", "0905123450")


def test_a_damaged_text_holds_nobody_up(contents: list[int]) -> None:
    table, column = Content._meta.db_table, SEALED[0]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = substr({column}, 1, 40) WHERE id = %s", [contents[1]])
    done = rotating.everything()
    assert done.unreadable == 1
    assert Content.objects.get(pk=contents[2]).phone == "0905123452"
    newest = vault.ring().newest_first()[0].id
    assert sum(vault.key_of(one.text) != newest for one in vault.everything()) == 1

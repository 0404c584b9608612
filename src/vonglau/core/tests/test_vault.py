"""Sealed means: unreadable without the keys, unmovable between fields, and still open after the keys were changed."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, models
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core import keyfiles, vault
from vonglau.core.errors import Locked


@pytest.fixture
def secrets(settings: Any, tmp_path: Path, db: None) -> Path:
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    return tmp_path / "secrets"


@pytest.mark.django_db
@given(st.binary(max_size=2000), st.text(max_size=40))
def test_what_was_sealed_opens_in_its_own_place_alone(data: bytes, context: str) -> None:
    sealed = vault.seal(data, context)
    assert vault.open(sealed, context) == data
    assert vault.is_sealed(sealed)
    with pytest.raises(Locked):
        vault.open(sealed, context + "x")


def test_the_same_text_is_sealed_differently_each_time(secrets: Path) -> None:
    assert vault.seal(b"a") != vault.seal(b"a")


def test_every_changed_character_is_noticed(secrets: Path) -> None:
    sealed = vault.seal(b"seed", "mfa")
    for at in range(len(sealed) - 1):  # the last character holds bits that Base64 does not use
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(Locked):
            vault.open(changed, "mfa")
    for junk in ("", "vl1", "vl1..", "vl1.a.b", "plain", "vl1.é.…", "vl2.a.b"):
        with pytest.raises(Locked):
            vault.open(junk)


def test_a_new_key_seals_and_the_old_one_opens_in_a_running_process(secrets: Path) -> None:
    before = vault.seal(b"old")
    ring = vault.ring()
    fresh = vault.Key.fresh()
    ring.put([fresh, *ring.newest_first()])
    assert vault.key_of(vault.seal(b"new")) == fresh.id
    assert vault.open(before) == b"old"
    again = vault.reseal(before)
    assert vault.key_of(again) == fresh.id
    assert vault.reseal(again) == again
    ring.put([fresh])
    assert vault.open(again) == b"old"
    with pytest.raises(Locked, match=vault.key_of(before)):
        vault.open(before)


def test_the_keys_are_the_owners_alone_or_are_refused(secrets: Path) -> None:
    vault.seal(b"a")
    path = secrets / keyfiles.VAULT_KEYS
    assert path.stat().st_mode & 0o777 == 0o600
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert list(keyfiles.all_loose(secrets)) == []
    path.chmod(0o640)
    with pytest.raises(Locked, match="chmod 0600"):
        vault.Keyring(path).newest_first()
    assert len(list(keyfiles.all_loose(secrets))) == 1


@pytest.mark.parametrize("text", ["", "short", "not base64 €", "A" * 43 + "\n" + "B" * 12])
def test_a_damaged_ring_is_named(secrets: Path, text: str) -> None:
    path = secrets / keyfiles.VAULT_KEYS
    keyfiles.write(path, text)
    with pytest.raises(Locked, match=r"vault\.keys"):
        vault.seal(b"a")


def test_what_systemd_hands_over_is_used_and_what_it_lacks_is_named(monkeypatch: Any, tmp_path: Path) -> None:
    """Its access lists show as a group's right to read; nothing can be made there."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = tmp_path / keyfiles.DOOR_TOKEN
    path.write_text("t\n")
    path.chmod(0o440)
    assert keyfiles.read(path) == "t"
    path.chmod(0o444)
    with pytest.raises(Locked):
        keyfiles.read(path)
    with pytest.raises(Locked, match="missing"):
        keyfiles.read(tmp_path / "other")


def test_a_secret_of_an_earlier_release_moves(tmp_path: Path) -> None:
    old, new = tmp_path / "secret.key", tmp_path / "secrets" / "secret.key"
    old.write_text("kept\n")
    old.chmod(0o600)
    assert keyfiles.read_or_make(new, lambda: "fresh", formerly=old) == "kept"
    assert not old.exists()
    assert keyfiles.read_or_make(new, lambda: "fresh", formerly=old) == "kept"


def test_two_makers_agree_on_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "s" / "key"

    def slow() -> str:
        keyfiles.read_or_make(path, lambda: "first")
        return "second"

    assert keyfiles.read_or_make(path, slow) == "first"
    assert [one.name for one in path.parent.iterdir()] == ["key"]


@pytest.fixture
def box(db: None) -> Any:
    """A table with a sealed field."""

    class Box(models.Model):
        word = vault.SealedTextField(blank=True, null=True)

        class Meta:
            app_label = "core"

    with connection.schema_editor() as editor:
        editor.create_model(Box)
    yield Box
    with connection.schema_editor() as editor:
        editor.delete_model(Box)
    from django.apps import apps

    apps.all_models["core"].pop("box", None)
    apps.clear_cache()


@pytest.mark.django_db(transaction=True)
def test_a_sealed_field_is_plain_in_python_alone_and_rotates(box: Any, secrets: Path) -> None:
    kept, empty, none = (box.objects.create(word=word) for word in ("s3cret", "", None))
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM core_box ORDER BY id")
        stored = [row[0] for row in cursor.fetchall()]
    assert "s3cret" not in stored[0]
    assert stored[1:] == ["", None]
    assert [box.objects.get(pk=one.pk).word for one in (kept, empty, none)] == ["s3cret", "", None]
    assert box.objects.filter(word__isnull=True).count() == 1
    with pytest.raises(Exception, match="lookup"):
        box.objects.get(word="s3cret")

    ring = vault.ring()
    fresh = vault.Key.fresh()
    ring.put([fresh, *ring.newest_first()])
    for one in vault.everything():
        one.put(vault.reseal(one.text, one.context))
    ring.put([fresh])
    assert box.objects.get(pk=kept.pk).word == "s3cret"
    assert {vault.key_of(one.text) for one in vault.everything() if one.field == "core.box.word"} == {fresh.id}


@pytest.mark.django_db(transaction=True)
def test_no_key_is_made_where_the_old_one_is_missed(box: Any, secrets: Path) -> None:
    box.objects.create(word="s3cret")
    kept = (secrets / keyfiles.VAULT_KEYS).read_text()
    (secrets / keyfiles.VAULT_KEYS).unlink()
    for refused in (lambda: vault.seal(b"new"), lambda: box.objects.create(word="new"), box.objects.get):
        with pytest.raises(Locked, match=r"vault\.keys is missing, but core\.box\.word was sealed with the key"):
            refused()
    assert not (secrets / keyfiles.VAULT_KEYS).exists()
    keyfiles.write(secrets / keyfiles.VAULT_KEYS, kept)
    assert box.objects.get().word == "s3cret"


def test_the_folder_is_the_data_folders_own_unless_named(tmp_path: Path) -> None:
    assert keyfiles.folder(tmp_path) == tmp_path / "secrets"
    assert keyfiles.folder(tmp_path, str(tmp_path / "x")) == tmp_path / "x"
    assert os.sep in str(keyfiles.folder(tmp_path, "~/x"))


@pytest.mark.django_db(transaction=True)
def test_who_cannot_look_makes_no_key(box: Any, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box.objects.create(word="s3cret")
    (secrets / keyfiles.VAULT_KEYS).unlink()

    def away(*_: Any) -> Any:
        raise OperationalError("the database went away")

    monkeypatch.setattr(connection.introspection, "table_names", away)
    with pytest.raises(OperationalError):
        vault.seal(b"new")
    assert not (secrets / keyfiles.VAULT_KEYS).exists()

"""Contacts at rest: unreadable in the database and everywhere else, found by their exact value, open after a rotation."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from vonglau.core import lookup, rotating, vault
from vonglau.core.errors import Locked
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.contacts import email_of, phone_of
from vonglau.services.field_reports.models import SEALED, Content, Report

REPORTER = Actor("token:app", "reporter", world="live")
PLANTED = intake.Personal(
    description="Đèn tắt",
    contact_name="Trần Thị Bí Mật",
    email="Bi.Mat@example.vn",
    phone="+84 905.777.123",
    address="Kiệt 7 Bí Mật",
    device_id="device-777",
    account_id="account-777",
)


def everything() -> str:
    """Every column of every row of every table, as the database itself holds them."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                found += [
                    bytes(c).decode("utf-8", "replace") if isinstance(c, bytes | memoryview) else str(c) for c in row
                ]
    return "\n".join(found)


@pytest.fixture
def report(db: None, settings: Any, tmp_path: Path) -> Report:
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    factories.live()
    submission = intake.Submission(
        world="live", category="street_light", lon=108.2205, lat=16.0605, personal=PLANTED, source="open311",
        sent_by="token:app", external_id="k1", at=factories.MONDAY,
    )  # fmt: skip
    return intake.receive(submission, REPORTER)


def test_a_planted_contact_stands_nowhere_in_the_database(report: Report) -> None:
    text = everything()
    for secret in ("905.777", "905777123", "Bi.Mat", "bi.mat", "Bí Mật", "device-777", "account-777"):
        assert secret not in text
    kept = Content.objects.get(report=report)
    assert all(getattr(kept, name) == getattr(PLANTED, name) for name in SEALED)


def test_the_same_identity_again_is_recognised_although_its_contacts_are_sealed(report: Report) -> None:
    again = intake.Submission(
        world="live", category="street_light", lon=108.2205, lat=16.0605, personal=PLANTED, source="open311",
        sent_by="token:app", external_id="k1",
    )  # fmt: skip
    assert intake.receive(again, REPORTER).pk == report.pk


@pytest.mark.parametrize(
    ("name", "typed", "found"),
    [
        ("phone_digest", "0905777123", True),
        ("phone_digest", "0084 905 777 123", True),
        ("phone_digest", "0905777124", False),
        ("phone_digest", "", False),
        ("email_digest", " BI.MAT@EXAMPLE.VN ", True),
        ("email_digest", "mat@example.vn", False),
    ],
)
def test_a_contact_is_found_by_its_exact_value_alone(report: Report, name: str, typed: str, found: bool) -> None:
    exact = phone_of(typed) if name == "phone_digest" else email_of(typed)
    assert Content.objects.filter(lookup.where(Content, name, exact)).exists() is found


def test_after_a_rotation_all_of_it_opens_and_is_found_without_the_old_key(report: Report) -> None:
    ring = vault.ring()
    fresh, old = vault.Key.fresh(), ring.newest_first()
    ring.put([fresh, *old])
    assert Content.objects.filter(lookup.where(Content, "phone_digest", "0905777123")).exists()
    done = rotating.everything()
    assert (done.resealed, done.unreadable) == (7, 0), "six contacts, and the e-mail of the reporter as a voice"
    assert done.digests == 3, "telephone and e-mail, and the e-mail of the reporter as a voice"
    assert rotating.everything().digests == 0
    assert set(lookup.keys_in_use()) == {fresh.id}
    ring.put([fresh])
    found = Content.objects.get(lookup.where(Content, "email_digest", "bi.mat@example.vn"))
    assert found.phone == PLANTED.phone
    ring.put([vault.Key.fresh()])
    with pytest.raises(Locked):
        Content.objects.get(pk=found.pk)


@pytest.mark.parametrize(
    ("typed", "exact"),
    [
        ("+84 905 123 456", "0905123456"),
        ("84905123456", "0905123456"),
        ("(0236) 3.881.888", "02363881888"),
        ("０９０５１２３４５６", "0905123456"),
        ("không có", ""),
    ],
)
def test_numbers_are_compared_as_they_are_dialled(typed: str, exact: str) -> None:
    assert phone_of(typed) == exact

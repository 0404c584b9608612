"""The fast way in stores exactly what Django's own way stores."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from vonglau.core.audit_models import AuditRow
from vonglau.core.bulk import insert_many
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import Outcome, State
from vonglau.core.people.models import Agency
from vonglau.core.tests import factories


def incident(ref: str, **more: Any) -> Incident:
    return Incident(
        world="w",
        ref=ref,
        kind="k",
        service="s",
        title="Đèn 'tắt' %s",
        level="normal",
        received_at=factories.MONDAY,
        **more,
    )


def stored(model: Any, **which: Any) -> dict[str, Any]:
    [found] = model.objects.filter(**which).values()
    if "words" in found:
        found["words"] = found["words"].removeprefix(found["ref"])
    return {name: value for name, value in found.items() if name not in ("id", "ref", "code")}


@pytest.mark.django_db
def test_rows_are_stored_as_django_would() -> None:
    agency = factories.agency()
    fields = {
        "state": State.RESOLVED,
        "outcome": Outcome.PLANNED,
        "planned_for": date(2026, 12, 31),
        "agency": agency,
        "lon": 108.25,
        "near_border": True,
        "resolved_at": factories.MONDAY + timedelta(microseconds=1),
    }
    insert_many([incident("ours", **fields), incident("plain")])
    Incident.objects.bulk_create([incident("theirs", **fields), incident("bare")])
    assert stored(Incident, ref="ours") == stored(Incident, ref="theirs")
    assert stored(Incident, ref="plain") == stored(Incident, ref="bare")
    more = {
        "valid_from": date(2026, 1, 1),
        "name_vi": "A",
        "name_en": "A",
        "kind": "ward",
        "wards": ["20194"],
        "categories": [],
    }
    insert_many([Agency(code="ours", **more)])
    Agency.objects.create(code="theirs", **more)
    assert stored(Agency, code="ours") == stored(Agency, code="theirs")
    insert_many([AuditRow(stream="s", n=1, at=factories.MONDAY, body=b"\x00\xff{}", prev="0", hash="1")])
    assert bytes(AuditRow.objects.get().body) == b"\x00\xff{}"


@pytest.mark.django_db
def test_all_or_none() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many([incident("a"), incident("b"), incident("a")])
    assert not Incident.objects.exists()
    insert_many([])


@pytest.mark.django_db(transaction=True)
def test_it_belongs_in_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        insert_many([incident("a")])

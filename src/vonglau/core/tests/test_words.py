"""Text is found as people type it, whichever way its row was written."""

import pytest
from django.db import transaction

from vonglau.core.bulk import insert_many
from vonglau.core.incidents.models import Incident
from vonglau.core.tests.factories import incident, live
from vonglau.core.words import matching, plain

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world() -> None:
    live()


def found(typed: str) -> set[str]:
    return set(matching(Incident.objects.all(), typed).values_list("ref", flat=True))


def test_words_are_found_without_marks_capitals_or_order() -> None:
    made = incident(title="Ùn tắc ở Đường Nguyễn Văn Linh")
    assert found("un tac") == found("DUONG  un") == found("đường ùn") == {made.ref}
    assert found("un khac") == set()


def test_a_new_title_is_found_and_the_old_one_is_not() -> None:
    made = incident(title="Rác thải")
    made.title = "Nước tràn"
    made.save()
    assert found("nuoc") == {made.ref}
    assert found("rac") == set()


def test_rows_written_in_bulk_are_found_too() -> None:
    one = incident(title="Cây đổ")
    with transaction.atomic():
        two = Incident.objects.get(pk=one.pk)
        two.pk, two.ref = None, one.ref + "-2"
        insert_many([two])
    assert found("cay do") == {one.ref, two.ref}


def test_what_is_typed_is_no_pattern() -> None:
    incident(title="100 % điện")
    assert len(found("%")) == 1
    assert found("_") == set()


def test_plain_keeps_nothing_as_nothing() -> None:
    assert plain(None) is None
    assert plain("ĐƯỜNG Ủy ban") == "duong uy ban"

"""One pass over a table: every row has its new values, what was not touched stays, and the table is what a new one would be."""

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from vonglau.core import rewriting
from vonglau.core.rewriting import Rewrite, listening

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = [
    ("id", models.BigAutoField(primary_key=True)),
    ("name", models.CharField(max_length=20)),
    ("size", models.IntegerField(null=True)),
    ("above", models.ForeignKey("rewritten.Thing", models.CASCADE, null=True)),
]
CHANGES = [
    migrations.AlterField("thing", "name", models.TextField()),
    migrations.AddField("thing", "shout", models.CharField(max_length=30, default="", db_index=True)),
    migrations.AddField("thing", "notes", models.JSONField(default=dict)),
    migrations.AddField("thing", "kept", models.BooleanField(default=True)),
]


def prepare() -> rewriting.Change:
    return lambda name, size: (f"{name}:{size}", name.upper())


def shape() -> tuple[Any, ...]:
    """Columns and indexes as the database tells them."""
    with connection.cursor() as cursor:
        told = connection.introspection
        columns = [(c.name, told.get_field_type(c.type_code, c), c.null_ok) for c in told.get_table_description(cursor, "rewritten_thing")]  # fmt: skip
        indexes = [tuple(one["columns"]) for one in told.get_constraints(cursor, "rewritten_thing").values()]
    return sorted(columns), sorted(indexes)


@pytest.fixture
def before() -> Any:
    """A table of five rows, the last above the first; gone afterwards."""
    state = ProjectState()
    create = migrations.CreateModel("Thing", FIELDS)
    create.state_forwards("rewritten", state)
    with connection.schema_editor() as editor:
        create.database_forwards("rewritten", editor, ProjectState(), state)
    thing = state.apps.get_model("rewritten", "Thing")
    rows = [thing(name=f"n{n}", size=None if n == 3 else n) for n in range(5)]
    thing.objects.bulk_create(rows)
    thing.objects.filter(name="n0").update(above=thing.objects.get(name="n4"))
    yield state
    with connection.schema_editor() as editor:
        editor.delete_model(thing)


def run(operation: Any, state: Any) -> Any:
    after = state.clone()
    operation.state_forwards("rewritten", after)
    with connection.schema_editor() as editor:
        operation.database_forwards("rewritten", editor, state, after)
    return after


def test_every_row_is_made_new_once_and_says_how_far_it_is(before: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "AT_ONCE", 2)
    monkeypatch.setattr(rewriting, "TELL_EVERY", 4)
    told: list[str] = []
    with listening(told.append):
        after = run(Rewrite("thing", CHANGES, ["name", "size"], ["name", "shout"], prepare), before)
    thing = after.apps.get_model("rewritten", "Thing")
    rows = list(thing.objects.order_by("id").values_list("name", "shout", "size", "notes", "kept", "above__name"))
    assert rows == [
        ("n0:0", "N0", 0, {}, True, "n4:4"),
        ("n1:1", "N1", 1, {}, True, None),
        ("n2:2", "N2", 2, {}, True, None),
        ("n3:None", "N3", None, {}, True, None),
        ("n4:4", "N4", 4, {}, True, None),
    ]
    assert told == ["rewritten_thing: 4 of 5 rows"]
    assert thing.objects.create(name="more", shout="x").pk == 6


def test_the_table_is_the_one_that_django_would_have_made(before: Any) -> None:
    after = run(Rewrite("thing", CHANGES, ["name", "size"], ["name", "shout"], prepare), before)
    ours = shape()
    with connection.schema_editor() as editor:
        editor.delete_model(after.apps.get_model("rewritten", "Thing"))
        migrations.CreateModel("Thing", FIELDS).database_forwards("rewritten", editor, ProjectState(), before)
    for change in CHANGES:
        before = run(change, before)
    assert shape() == ours

"""Sealing everything anew under the newest key, while the installation serves: a million rows in batches, each a short transaction.

What is read and sealed is done outside of the transaction; inside it rows are written that nobody changed meanwhile, and no others. So a
batch holds SQLite's write lock for some milliseconds, and a run that was broken off goes on where it stopped.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection, models, transaction
from django.db.models.functions import Cast

from vonglau.core import lookup, vault
from vonglau.core.errors import Locked

AT_ONCE = 500
"""Rows of a batch."""
TRIES = 3
"""For a batch of which somebody else changed rows meanwhile."""

Progress = Callable[[str, int, int], None]
"""(table, rows looked at, rows in all)."""
Change = tuple[Any, dict[str, tuple[str, str]]]
"""Of a row: its key; by column what stands there, and what is to."""


@dataclass(slots=True)
class Done:
    """Secrets of a run."""

    resealed: int = 0
    unreadable: int = 0
    """Sealed by keys that are not here, or damaged: they stay as they are."""
    digests: int = 0


def everything(said: Progress = lambda table, done, total: None) -> Done:
    """Bring all sealed texts and all digests under the newest key of the ring. What is under it already is left alone."""
    done = Done()
    for model, fields in _by_model(vault.fields()):
        _model(model, fields, done, said)
    for table, source in vault.SOURCES.items():
        _source(source(), done)
        said(table, 1, 1)
    for model, digests in _by_model(lookup.fields()):
        done.digests += _digests(model, digests, said)
    return done


def _by_model(fields: Iterable[Any]) -> Iterable[tuple[Any, list[Any]]]:
    found = defaultdict(list)
    for field in fields:
        found[field.model].append(field)
    return found.items()


def _model(model: Any, fields: list[vault.SealedTextField], done: Done, said: Progress) -> None:
    """A row is read and written once, however many sealed texts it has."""
    names = [f"raw_{field.attname}" for field in fields]
    raw = {name: Cast(field.attname, models.TextField()) for name, field in zip(names, fields, strict=True)}
    rows = model._default_manager.annotate(**raw).order_by("pk").values_list("pk", *names)
    again = _Again(fields)

    def changes(found: Sequence[tuple[Any, ...]]) -> Iterator[Change]:
        again.unreadable = 0
        for pk, *texts in found:
            fresh = {
                str(field.column): (text, sealed)
                for field, text in zip(fields, texts, strict=True)
                if text and (sealed := again.sealed(field, text)) is not None
            }
            if fresh:
                yield pk, fresh

    for batch in _batches(model, rows, said):
        done.resealed += _settled(model, rows, batch, changes)
        done.unreadable += again.unreadable


class _Again:
    """Texts of one model under the newest key."""

    def __init__(self, fields: list[vault.SealedTextField]) -> None:
        self.newest = vault.ring().newest_first()[0].id
        self.seal = {field: vault.sealer(field.context) for field in fields}
        self.open = {field: vault.opener(field.context) for field in fields}
        self.unreadable = 0

    def sealed(self, field: vault.SealedTextField, text: str) -> str | None:
        """None: it stays as it is."""
        try:
            return None if vault.key_of(text) == self.newest else self.seal[field](self.open[field](text))
        except Locked:
            self.unreadable += 1
            return None


def _digests(model: Any, fields: list[lookup.DigestField], said: Progress) -> int:
    """Those of keys of the ring that are not the newest: of a lost key nobody can say whether it is right."""
    newest, *older = vault.ring().newest_first()
    starts = tuple(f"{lookup.VERSION}.{key.id}." for key in older)
    if not starts:
        return 0
    make = {field: lookup.digester(field.context, newest) for field in fields}
    wanted = models.Q()
    for field in fields:
        for start in starts:
            wanted |= models.Q(**{f"{field.attname}__startswith": start})
    keys = model._default_manager.filter(wanted).order_by("pk").values_list("pk", *(field.attname for field in fields))

    def changes(found: Sequence[tuple[Any, ...]]) -> Iterator[Change]:
        whole = _opened(model, [pk for pk, *_ in found])
        for pk, *texts in found:
            if (row := whole.get(pk)) is None:
                continue
            fresh: dict[str, tuple[str, str]] = {}
            for field, text in zip(fields, texts, strict=True):
                if text.startswith(starts):
                    plain = getattr(row, field.of)
                    fresh[str(field.column)] = (text, make[field](plain) if plain else "")
            if fresh:
                yield pk, fresh

    return sum(_settled(model, keys, batch, changes) for batch in _batches(model, keys, said))


def _opened(model: Any, pks: list[Any]) -> dict[Any, Any]:
    """Rows by key, without those of which a text does not open."""
    try:
        return dict(model._default_manager.in_bulk(pks))
    except Locked:
        found: dict[Any, Any] = {}
        for pk in pks:
            try:
                found |= model._default_manager.in_bulk([pk])
            except Locked:
                continue
        return found


def _batches(model: Any, rows: "models.QuerySet[Any, Any]", said: Progress) -> Iterator[Sequence[tuple[Any, ...]]]:
    """In the order of keys, each read anew: nothing is held open in between."""
    total, seen = rows.count(), 0
    found = list(rows[:AT_ONCE])
    while found:
        yield found
        seen += len(found)
        said(model._meta.label_lower, seen, max(seen, total))
        found = list(rows.filter(pk__gt=found[-1][0])[:AT_ONCE])


def _settled(
    model: Any,
    rows: "models.QuerySet[Any, Any]",
    batch: Sequence[tuple[Any, ...]],
    changes: Callable[[Sequence[tuple[Any, ...]]], Iterator[Change]],
) -> int:
    """Write a batch; read again and write what somebody else changed meanwhile. How many texts were written."""
    written, pks = 0, [pk for pk, *_ in batch]
    for _try in range(TRIES):
        wanted = list(changes(batch))
        done, whole = _write(model, wanted)
        written += done
        if whole:
            break
        batch = list(rows.filter(pk__in=pks))
    return written


def _write(model: Any, wanted: Sequence[Change]) -> tuple[int, bool]:
    """How many texts, and whether every row was as it had been read."""
    quoted, key = connection.ops.quote_name, model._meta.pk
    alike = defaultdict(list)
    for pk, columns in wanted:
        known = [key.get_db_prep_value(pk, connection), *(was for was, _ in columns.values())]
        alike[tuple(columns)].append([*(fresh for _, fresh in columns.values()), *known])
    written, whole = 0, True
    with transaction.atomic(), connection.cursor() as cursor:
        for names, values in alike.items():
            puts = ", ".join(f"{quoted(name)} = %s" for name in names)
            same = " AND ".join(f"{quoted(name)} = %s" for name in (str(key.column), *names))
            # Names come from our own models, never from input.
            cursor.executemany(f"UPDATE {quoted(model._meta.db_table)} SET {puts} WHERE {same}", values)  # noqa: S608
            written += cursor.rowcount * len(names)
            whole = whole and cursor.rowcount == len(values)
    return written, whole


def _source(found: Iterator[vault.Sealed], done: Done) -> None:
    """Texts inside of others' tables: these know how to put one back unless it was changed."""
    newest = vault.ring().newest_first()[0].id
    while some := list(islice(found, AT_ONCE)):
        fresh = []
        for one in some:
            try:
                if vault.key_of(one.text) != newest:
                    fresh.append((one, vault.reseal(one.text, one.context)))
            except Locked:
                done.unreadable += 1
        with transaction.atomic():
            for one, text in fresh:
                one.put(text)
        done.resealed += len(fresh)

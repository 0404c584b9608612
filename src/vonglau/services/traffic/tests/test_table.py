"""State at rest is the state: bytes and back, exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vonglau.services.traffic.rules.table import Column, Table

SCHEMA = (Column("a", "f8", fill=np.nan), Column("b", "i8", 3), Column("c", "f4", 2), Column("d", "i1"))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
any_float = st.floats(allow_nan=True, allow_infinity=True)


@given(
    keys=st.lists(words, unique=True, max_size=150),
    totals=st.dictionaries(words, st.integers(-(2**70), 2**70), max_size=3),
    seed=st.integers(0, 2**32 - 1),
    special=any_float,
)
def test_bytes_and_back(keys: list[str], totals: dict[str, int], seed: int, special: float) -> None:
    random = np.random.default_rng(seed)
    table = Table(SCHEMA, ("name",), capacity=2)
    rows = table.rows(keys)
    table.totals = totals
    for column in SCHEMA:
        cells = table[column.name]
        cells[rows] = (
            random.integers(0, 256, cells[rows].nbytes, dtype=np.uint8).view(column.type).reshape(cells[rows].shape)
        )
    table["a"][rows[:1]] = special
    table.text["name"] = [key[::-1] for key in keys]
    again = Table.load(table.dump(), SCHEMA, ("name",))
    assert (again.keys, again.text, again.totals) == (table.keys, table.text, table.totals)
    for column in SCHEMA:
        assert again[column.name][: len(keys)].tobytes() == table[column.name][: len(keys)].tobytes()
    assert again.dump() == table.dump()
    assert again.rows(keys).tolist() == rows.tolist()


@given(st.lists(st.lists(words, max_size=30), max_size=6))
def test_a_key_keeps_its_row_however_the_table_grows(batches: list[list[str]]) -> None:
    table = Table(SCHEMA, ("name",), capacity=1)
    known: dict[str, int] = {}
    for keys in batches:
        for key, row in zip(keys, table.rows(keys).tolist(), strict=True):
            assert known.setdefault(key, row) == row
            table["b"][row] = row
    assert sorted(known.values()) == list(range(len(table)))
    assert all((table["b"][row] == row).all() for row in known.values())
    assert len(table.text["name"]) == len(table)

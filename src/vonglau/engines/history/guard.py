"""Which SQL may be put to history: one SELECT over `events`, read by DuckDB's own parser, never by a pattern of ours."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from vonglau.core.errors import BadInput

if TYPE_CHECKING:
    import duckdb

VIEW = "events"
_MAKING_ROWS = frozenset({"range", "generate_series", "unnest", "repeat_row"})
"""Table functions that read nothing."""

_LONGEST = 100_000


def columns_asked(con: "duckdb.DuckDBPyConnection", sql: str) -> frozenset[str] | None:
    """The column names that a permitted statement mentions, in lower case; None when it takes all (`*`). Raises BadInput for any other."""
    tree = _parsed(con, sql)
    nodes = list(_nodes(tree))
    named = {VIEW} | {entry["key"].lower() for node in nodes for entry in _ctes(node)}
    for node in nodes:
        _permitted(node, named)
    tables = {VIEW} | {str(node.get("alias", "")).lower() for node in nodes if node.get("type") == "BASE_TABLE"}
    columns: set[str] = set()
    for node in nodes:
        if _takes_all(node, tables):
            return None
        for key in ("column_names", "using_columns"):
            columns.update(str(name).lower() for name in node.get(key) or ())
    return frozenset(columns)


def _permitted(node: dict[str, Any], named: set[str]) -> None:
    kind = node.get("type")
    if kind == "TABLE_FUNCTION":
        function = str((node.get("function") or {}).get("function_name", "")).lower()
        if function not in _MAKING_ROWS:
            raise BadInput(f"`{function[:60]}(…)` reads from elsewhere: ask of `{VIEW}` alone.")
    elif kind in ("BASE_TABLE", "SHOW_REF"):
        table = str(node.get("table_name", ""))
        if node.get("schema_name") or node.get("catalog_name") or (table.strip('"').lower() not in named and table):
            raise BadInput(f"There is no table {table[:60]!r} here: ask of `{VIEW}`, or of a name you gave with WITH.")


_WHOLE = ("SHOW_REF", "PIVOT", "POSITIONAL_REFERENCE")


def _takes_all(node: dict[str, Any], tables: set[str]) -> bool:
    """Whether it depends on which columns there are: `*`, `#1`, a whole row as one value, new names for all, NATURAL."""
    if node.get("class") == "STAR" or node.get("type") in _WHOLE or node.get("ref_type") == "NATURAL":
        return True
    if node.get("type") == "BASE_TABLE":
        return bool(node.get("column_name_alias"))
    names: list[str] = list(node.get("column_names", ())) if node.get("type") == "COLUMN_REF" else []
    return bool(names) and str(names[-1]).lower() in tables


def _parsed(con: "duckdb.DuckDBPyConnection", sql: str) -> Any:
    import duckdb

    if len(sql) > _LONGEST:
        raise BadInput(f"The question has more than {_LONGEST:,} characters.")
    try:
        statements = con.extract_statements(sql)
        kinds = [statement.type.name for statement in statements]
        if len(kinds) != 1:
            raise BadInput(
                f"Ask one question at a time: these are {len(kinds)} statements."
                if kinds
                else "Ask something: the SQL is empty."
            )
        if kinds != ["SELECT"]:
            raise BadInput(f"History is only read: use SELECT or WITH, not {kinds[0]}.")
        row = con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    except duckdb.Error as error:
        raise BadInput(f"The SQL cannot be read: {error}") from error
    tree = msgspec.json.decode(row[0] if row else "{}")
    if tree.get("error", True):
        raise BadInput("History is only read: use SELECT or WITH.")
    return tree


def _ctes(node: dict[str, Any]) -> list[dict[str, Any]]:
    within = node.get("cte_map")
    return list(within.get("map", ())) if isinstance(within, dict) else []


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree; a loop, because a hostile tree is deep."""
    left = [tree]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)

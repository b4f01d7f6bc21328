"""What a statement may hold: it is read as DuckDB's own syntax tree, and whatever is not known is refused.

This is the first of three fences. The second is the database, which has no files, settings or extensions to offer; the
third the process, which can open no file and no socket and holds only the caller's rows.
"""

from collections.abc import Iterator
from typing import Any

from lineshaft.history.sql.faults import invalid, refused
from lineshaft.history.sql.frames import VIEWS

TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "repeat", "generate_subscripts"})
_REFUSED_FUNCTIONS = frozenset({
    "current_setting", "getenv", "getvariable", "set_config", "query", "query_table", "nextval", "currval", "write_log",
    "parse_duckdb_log_message", "json_execute_serialized_sql", "json_serialize_sql", "txid_current", "pg_typeof_oid",
    "in_search_path", "version", "sleep_ms",
})  # fmt: skip


def views_named(tree: Any) -> set[str]:
    """The views that a statement reads.

    Args:
        tree: what DuckDB's `json_serialize_sql` says of it.

    Raises:
        InvalidInput: it is none. Forbidden: it is more than one query of the views.
    """
    if tree.get("error"):
        if tree.get("error_type") == "not implemented":
            raise refused("a statement that is no SELECT")
        raise invalid(str(tree.get("error_message", "")))
    statements = tree["statements"]
    if len(statements) != 1:
        raise refused(f"{len(statements)} statements")
    nodes = [*_nodes(statements[0])]
    own = {str(entry["key"]).lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", ())}
    found = set()
    for node in nodes:
        found |= _views_of(node, own)
    return found


def _views_of(node: dict[str, Any], own: set[str]) -> set[str]:
    kind = node.get("type")
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise refused(f"the table function {name}()")
    elif node.get("class") == "FUNCTION":
        name = str(node.get("function_name", "")).lower()
        if name in _REFUSED_FUNCTIONS or name.startswith(("duckdb_", "pragma_", "pg_", "read_", "arrow_scan", "has_")):
            raise refused(f"the function {name}()")
    elif kind == "SHOW_REF":
        if node.get("query") is None:
            raise refused("a list of what the database has")
    elif kind == "BASE_TABLE":
        name = str(node.get("table_name", "")).lower()
        plain = not node.get("schema_name") and not node.get("catalog_name")
        if plain and name in VIEWS:  # also where a WITH has the name: that one may be made of the view
            return {name}
        if not plain or name not in own:
            schema = ".".join(str(part) for part in (node.get("catalog_name"), node.get("schema_name"), name) if part)
            raise refused(f"the table {schema!r}")
    return set()


def _nodes(root: Any) -> Iterator[dict[str, Any]]:
    """Every object in the tree, without recursion: the tree is as deep as its author likes."""
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)

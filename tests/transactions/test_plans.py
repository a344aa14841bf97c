"""How PostgreSQL reads a long history: through indexes, and no more rows than are shown.

The planner is left as it is; the history is long enough that reading all of it would be its choice wherever no index
serves. What is asked is `benchmarks.history_reads`: every page, list and file people look at.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from transactions import list_totals

COUNT = 200_000
ROWS_MAX = 12_000  # a bounded sum reads 10 001; a file's day and a card's life are below that
LOG_TABLES = ("transactions_transaction", "transactions_transfer")

pytestmark = [
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans"),
]

Statement = tuple[str, Any]


@pytest.fixture
def reads(transactional_db: None) -> dict[str, Callable[[], object]]:
    from benchmarks import history_load, history_reads

    return history_reads.reads(history_load.load(COUNT))


def statements_of(read: Callable[[], object]) -> list[Statement]:
    """What a read asks of the log."""
    found: list[Statement] = []

    def noted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")) and any(table in sql for table in LOG_TABLES):
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noted):
        read()
    return found


def plan_of(statement: Statement) -> Iterator[dict[str, Any]]:
    """The nodes of the plan as it was carried out."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement[0]}", statement[1])
        (told,) = cursor.fetchone()
    waiting = [(json.loads(told) if isinstance(told, str) else told)[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        yield node


def faults_of(name: str, statement: Statement) -> Iterator[str]:
    """What would grow with the history."""
    for node in plan_of(statement):
        if node.get("Relation Name") not in LOG_TABLES:
            continue
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if "Seq Scan" in node["Node Type"]:
            yield f"{name}: reads all of {node['Relation Name']}: {statement[0][:300]}"
        elif read > ROWS_MAX:
            yield f"{name}: {node['Node Type']} on {node.get('Index Name')} reads {read} rows: {statement[0][:300]}"


def test_no_read_walks_through_the_history(reads: dict[str, Callable[[], object]]) -> None:
    asked = {name: statements_of(read) for name, read in reads.items()}
    assert sum(map(len, asked.values())) > len(reads)
    faults = [
        fault for name, statements in asked.items() for statement in statements for fault in faults_of(name, statement)
    ]
    assert not faults, "\n".join(faults)
    assert list_totals.ROWS_COUNTED_MAX < ROWS_MAX < COUNT

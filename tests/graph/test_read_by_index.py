"""Few rows of many are found, and not looked for: what PostgreSQL means to read of a table that has grown."""

from __future__ import annotations

import asyncpg
import pytest

from convoy_graphql.compiler.documents import Bound
from convoy_graphql.graph.execution import Operation, prepare
from graph.conftest import Home, Plant

OTHERS = """
with other as (
    insert into projects (workspace_id, name) select $1, 'Other ' || n from generate_series(1, 100) as n returning id
)
insert into {table} (project_id, name, {kind}, content)
select other.id, 'Theirs ' || n, 'CODE', '{{}}' from other cross join generate_series(1, 30) as n
"""


@pytest.mark.parametrize(
    ("table", "kind", "field"),
    [("patterns", "pattern_type", "effectivePatterns"), ("best_practices", "category", "effectiveBestPractices")],
)
async def test_knowledge_of_other_projects_is_not_read(
    plant: Plant, home: Home, writer: asyncpg.Connection, *, table: str, kind: str, field: str
) -> None:
    await writer.execute(OTHERS.format(table=table, kind=kind), await plant("workspaces", name="'Elsewhere'"))
    await plant(table, name="'Everywhere'", content="'{}'", **{kind: "'CODE'"})
    await writer.execute(f"analyze {table}")
    task = await plant("tasks", title="'Drive'", milestone_id=f"'{home.milestone}'")
    asked = Operation(f"query ($id: ID!) {{ task(id: $id) {{ {field} {{ nodes {{ name }} }} }} }}", {"id": task})
    bound = prepare(asked).compiled.bind(asked.variables)
    assert isinstance(bound, Bound)

    answered = await writer.fetchval(bound.sql, *bound.parameters)
    plan = [line for (line,) in await writer.fetch(f"explain {bound.sql}", *bound.parameters)]

    assert f'{{"task":{{"{field}":{{"nodes":[{{"name":"Everywhere"}}]}}}}}}' == answered.decode()
    assert 1 == sum(f"Bitmap Index Scan on {table}_scope_idx" in line for line in plan), plan
    assert 0 == sum(f"Seq Scan on {table}" in line for line in plan), plan

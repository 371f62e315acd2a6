"""The playground's examples with ids of rows that exist, so that each of them answers at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from convoy_graphql.demo.well_known import LARGE, STORY
from convoy_graphql.errors import ConvoyError
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Operation, prepare, run
from convoy_graphql.pg.database import Database
from convoy_graphql.server.playground import Example, examples

#: The demo data's own examples where it is loaded, else some task with a dependency, else any.
_SAMPLES = """
query Samples($known: [ID!]!) {
  nodes(ids: $known) { ... on Task { id workspaceId } }
  taskDependencies(first: 1) { nodes { task { id workspaceId } } }
  tasks(first: 1) { nodes { id workspaceId } }
  workspaces(first: 1) { nodes { id } }
}
"""

#: Which row an example's `$id` stands for.
_WORKSPACE_EXAMPLES = frozenset({"Tree", "Live"})


async def example_tabs(database: Database) -> Sequence[Example]:
    """The examples in order; without variables while the database cannot be asked."""
    known = [example.task_id for example in (STORY, LARGE) if example.task_id]
    try:
        async with database.reader() as reader:
            result = await run(prepare(Operation(_SAMPLES, {"known": known})), OperationContext(reader.fetch))
    except ConvoyError:
        return examples()
    if result.errors or result.data is None:
        return examples()
    return [replace(example, variables=_variables(example, result.data)) for example in examples()]


def _variables(example: Example, samples: Mapping[str, Any]) -> Mapping[str, object]:
    if "$id:" not in example.query:
        return {}
    tasks = [task for task in samples["nodes"] if task]
    tasks += [link["task"] for link in samples["taskDependencies"]["nodes"]] + samples["tasks"]["nodes"]
    if example.name in _WORKSPACE_EXAMPLES:
        ids = [task["workspaceId"] for task in tasks] + [row["id"] for row in samples["workspaces"]["nodes"]]
    else:
        ids = [task["id"] for task in tasks]
    return {"id": ids[0]} if ids else {}

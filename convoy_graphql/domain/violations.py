"""What the database's own constraints mean to a client, whose input passed every check that came before them.

They speak where two writers meet: a row that was there when it was looked for is gone, or the other way round.
"""

from __future__ import annotations

import json
import re
from typing import Final

from sqlalchemy import Table

from convoy_graphql.domain.problems import (
    AlreadyExists,
    DependencyCycle,
    InvalidInput,
    LastOwner,
    NotFound,
    ParentCycle,
    Problem,
    WorkspaceMismatch,
)
from convoy_graphql.model.entities import ENTITIES
from convoy_graphql.model.names import camel
from convoy_graphql.model.tables import metadata
from convoy_graphql.pg.write import Violated

#: How PostgreSQL names the value that a key lacks or has twice.
_KEY: Final = re.compile(r"Key \((?P<columns>[^)]*)\)=\((?P<values>[^)]*)\)")
_TYPE_OF: Final = {entity.stored.name: entity.name for entity in ENTITIES}


def problem_of(violated: Violated) -> Problem | None:
    """The problem, with a path of one name; None for a constraint that no input can break, which is a fault of ours."""
    match violated.sqlstate:
        case "CV001":
            return WorkspaceMismatch((camel(violated.column),))
        case "CV002":
            return DependencyCycle((), tuple(json.loads(violated.detail)))
        case "CV003":
            return ParentCycle(("parentTaskId",), tuple(json.loads(violated.detail)))
        case "CV004":
            return LastOwner(())
        case "23503":
            return _not_found(violated)
        case "23505":
            return _already_exists(violated)
        case "23514" if violated.table in {"patterns", "best_practices"}:
            return InvalidInput(("projectId",), "It has one scope at most: a workspace, or a project.")
    return None


def _not_found(violated: Violated) -> Problem | None:
    """Of a key with the workspace in it, the other column is the reference."""
    key = _KEY.search(violated.detail)
    if key is None:
        return None
    columns, values = key["columns"].split(", "), key["values"].split(", ")
    for column, value in zip(columns, values, strict=True):
        if (target := _referred(violated.table, column)) is not None and (
            column != "workspace_id" or len(columns) == 1
        ):
            return NotFound((camel(column),), _TYPE_OF[target.name], value)
    return None


def _referred(table: str, column: str) -> Table | None:
    keys = metadata.tables[table].c[column].foreign_keys
    return next((key.column.table for key in keys if key.column.name == "id"), None)


def _already_exists(violated: Violated) -> Problem | None:
    key = _KEY.search(violated.detail)
    if key is None or key["columns"] != "id" or violated.table not in _TYPE_OF:
        return None
    return AlreadyExists(("id",), _TYPE_OF[violated.table], key["values"])

"""Golden cases: an operation in `<topic>/<case>.graphql` and the answer to it in the `.json` beside it, over the small demo graph.

The head of a case is made of comments: what it is about in a sentence, then

    # variables: {"id": "<task/convoy/lateral-batches>"}
    # expect: statements.loaders=9
    # expect: data.task.subtasks.nodes.length=2

An id is written as the path that it was made from, in both files. A value may be taken from another case's answer:
`"<= paging/first: data.tasks.pageInfo.endCursor>"`. `UPDATE_GOLDEN=1` writes the answers anew, never the claims: these are
checked first, and it is refused where `CI` is set.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest
from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    visit,
)

from client import GraphClient
from convoy_graphql.demo import rows
from convoy_graphql.demo.ids import NAMESPACE
from convoy_graphql.demo.sizes import graphs

FOLDER = Path(__file__).parent
SCHEMA = FOLDER.parents[1] / "schema.graphql"

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAMED_ID = re.compile(r"<([a-z]+/[^<>]+)>")
BORROWED = re.compile(r"<= (\S+): ([^>]+)>")
STEP = re.compile(r"[^.\[\]]+")

#: What is never the same twice: a cursor of the feed holds the snapshot of its read. tests/feed/test_activity_feed.py asks
#: for all of it.
UNREPEATABLE = {"ActivityFeed", "ActivityAdded", "TaskChangeFeed", "TaskChanged", "Discontinuity"}
#: What tells of the database's statistics, and of the server's settings: see tests/server/test_cost_of.py.
UNREPEATABLE |= {"Cost", "FieldCost", "ShorterLists"}


@cache
def names_of_ids() -> dict[str, str]:
    """The path that each id of the demo data was made from."""
    paths: dict[str, str] = {}

    def remember(*path: str) -> str:
        made = str(uuid5(NAMESPACE, "/".join(path)))
        paths[made] = "/".join(path)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "identify", remember)
        list(graphs("small"))
    return paths


def with_names(text: str) -> str:
    """Ids of the demo data become `<task/convoy/lateral-batches>`."""
    return UUID.sub(lambda found: f"<{names_of_ids()[found[0]]}>" if found[0] in names_of_ids() else found[0], text)


def with_ids(text: str) -> str:
    return NAMED_ID.sub(lambda found: str(uuid5(NAMESPACE, found[1])), text)


def at(value: Any, path: str) -> Any:
    """What stands at `data.tasks.nodes[0].id`; `length` at the end of a list is its length."""
    for step in STEP.findall(path):
        match value:
            case list() if step == "length":
                value = len(value)
            case list():
                value = value[int(step)]
            case _:
                value = value[step]
    return value


@dataclass(frozen=True)
class Case:
    """One operation with its claims."""

    name: str

    @cached_property
    def text(self) -> str:
        return (FOLDER / f"{self.name}.graphql").read_text()

    @property
    def answer_file(self) -> Path:
        return FOLDER / f"{self.name}.json"

    @property
    def query(self) -> str:
        return with_ids(self.text)

    def _heads(self, key: str) -> list[str]:
        return re.findall(rf"^# {key}: (.*)$", self.text, re.MULTILINE)

    @property
    def variables(self) -> dict[str, Any]:
        heads = self._heads("variables") or ["{}"]
        return json.loads(with_ids(BORROWED.sub(_borrow, heads[0])))

    @property
    def claims(self) -> dict[str, Any]:
        return {path: _value(value) for path, _, value in (head.partition("=") for head in self._heads("expect"))}

    def cost(self, engine: str) -> int:
        """How many statements the case may take: as claimed for the loaders, and one compiled where they need any."""
        loaders: int = self.claims["statements.loaders"]
        return loaders if engine == "loaders" else min(loaders, 1)

    def broken_claims(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What was found in place of what is claimed of the answer."""
        claims = {path: claimed for path, claimed in self.claims.items() if not path.startswith("statements.")}
        return {path: at(answer, path) for path, claimed in claims.items() if at(answer, path) != claimed}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _borrow(reference: re.Match[str]) -> str:
    return at(json.loads(Case(reference[1]).answer_file.read_text()), reference[2])


CASES = [Case(str(path.relative_to(FOLDER).with_suffix(""))) for path in sorted(FOLDER.rglob("*.graphql"))]


def is_update() -> bool:
    """Whether answers are to be written anew.

    Raises:
        pytest.UsageError: where `CI` is set, nobody would look at what was written.
    """
    if not os.environ.get("UPDATE_GOLDEN"):
        return False
    if os.environ.get("CI"):
        raise pytest.UsageError("UPDATE_GOLDEN is refused where CI is set: answers are looked at before they are kept.")
    return True


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_golden(case: Case, demo: GraphClient) -> None:
    asked = await demo.ask(case.query, case.variables)
    answer: dict[str, Any] = {"errors": asked.errors} if asked.errors else {}
    answer["data"] = asked.data
    written = with_names(json.dumps(answer, indent=2, ensure_ascii=False)) + "\n"

    assert {} == case.broken_claims(json.loads(written))
    assert case.cost(demo.engine) == len(asked.statements)
    if is_update():
        case.answer_file.write_text(written)
    assert case.answer_file.read_text() == written


def test_every_answer_has_its_case() -> None:
    assert {case.answer_file for case in CASES} == set(FOLDER.rglob("*.json"))


def test_every_case_says_what_it_costs() -> None:
    assert [] == [case.name for case in CASES if "statements.loaders" not in case.claims]


def test_answers_are_not_written_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPDATE_GOLDEN", "1")
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.UsageError, match="refused where CI is set"):
        is_update()


class SelectedFields(Visitor):
    """Gathers `Type.field` of every field that a document selects."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._types.get_parent_type()
        if parent is not None:
            self.found.add(f"{parent.name}.{node.name.value}")


def read_types(schema: GraphQLSchema) -> set[GraphQLObjectType]:
    """The types that a query can lead to. What mutations alone show is tested where something is changed."""
    found: set[GraphQLObjectType] = set()
    ahead = [schema.query_type]
    while ahead:
        here = ahead.pop()
        if isinstance(here, GraphQLObjectType) and here not in found:
            found.add(here)
            ahead += [get_named_type(field.type) for field in here.fields.values()]
    return found


def test_every_field_that_can_be_read_is_in_a_case() -> None:
    schema = build_schema(SCHEMA.read_text())
    selected: set[str] = set()
    for case in CASES:
        try:
            document = parse(case.query)
        except GraphQLSyntaxError:
            continue  # the case of a text that is no document
        fields = SelectedFields(types := TypeInfo(schema))
        visit(document, TypeInfoVisitor(types, fields))
        selected |= fields.found
    offered = {
        f"{graphql_type.name}.{name}"
        for graphql_type in read_types(schema)
        for name, field in graphql_type.fields.items()
        if not UNREPEATABLE & {graphql_type.name, get_named_type(field.type).name}
    }

    assert [] == sorted(offered - selected)

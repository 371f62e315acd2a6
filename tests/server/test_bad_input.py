"""Bad input is told which argument it is and what is accepted, as GraphQL over HTTP wants it told: never a 500.

What graphql-core finds in the operation itself is GRAPHQL_VALIDATION_FAILED with status 400, what it finds in the variables
BAD_USER_INPUT with status 400; what a resolver refuses is BAD_USER_INPUT beside the rest of the answer, with status 200.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from client import running_server
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from conftest import Ask

UNKNOWN = "00000000-0000-4000-8000-000000000000"
NO_ID = "is not an id. An id is a UUID such as 3f2b8c1e-5a7d-4e21-9c0b-6d8f1a2b3c4d."
NO_DATETIME = "is no DateTime. Send ISO 8601 with an offset, such as 2026-01-31T09:30:00Z, in the years 1 to 9999."
NUL = "holds a NUL character (U+0000), which PostgreSQL cannot store. Leave it out."
BEYOND_64_BITS = "holds an integer beyond 64 bits. Send it as a string."
TOGETHER = "was given together with last. Page forward with first and after, or backward with last and before."

SINGULAR = [
    "activity",
    "bestPractice",
    "milestone",
    "node",
    "pattern",
    "project",
    "task",
    "taskDependency",
    "workflow",
    "workspace",
]


def tasks(argument: str) -> str:
    return f"{{tasks({argument}) {{totalCount}}}}"


def patterns(argument: str) -> str:
    return f"{{patterns({argument}) {{totalCount}}}}"


def with_variable(kind: str, argument: str, *, of: str = "tasks") -> str:
    return f"query ($v: {kind}) {{{of}({argument}) {{totalCount}}}}"


def nested(levels: int, innermost: Any, key: str | None = None) -> Any:
    for _ in range(levels):
        innermost = [innermost] if key is None else {key: innermost}
    return innermost


# -- ids


@pytest.mark.parametrize("root", SINGULAR)
async def test_an_unknown_id_is_null_without_an_error(ask: Ask, root: str) -> None:
    response = await ask(f'{{{root}(id: "{UNKNOWN}") {{id}}}}')

    assert (200, {"data": {root: None}}) == (response.status_code, response.json())


async def test_unknown_ids_are_null_in_their_places(ask: Ask) -> None:
    known = (await ask("{tasks(first: 1) {nodes {id}}}")).json()["data"]["tasks"]["nodes"][0]

    response = await ask("query ($ids: [ID!]!) {nodes(ids: $ids) {id}}", {"ids": [UNKNOWN, known["id"], UNKNOWN]})

    assert {"data": {"nodes": [None, known, None]}} == response.json()


async def test_an_id_is_found_in_either_case(ask: Ask) -> None:
    known = (await ask("{tasks(first: 1) {nodes {id}}}")).json()["data"]["tasks"]["nodes"][0]

    assert {"data": {"task": known}} == (await ask(f'{{task(id: "{known["id"].upper()}") {{id}}}}')).json()


@pytest.mark.parametrize("root", SINGULAR)
@pytest.mark.parametrize("malformed", ["x", "", "5", UNKNOWN[:-1], f"{{{UNKNOWN}}}", UNKNOWN.replace("-", ""), "\0"])
async def test_a_malformed_id_is_refused_and_its_field_null(ask: Ask, root: str, malformed: str) -> None:
    response = await ask(f"query ($id: ID!) {{{root}(id: $id) {{id}} __typename}}", {"id": malformed})

    assert {root: None, "__typename": "Query"} == response.json()["data"]
    assert [(f"id {NO_ID}", [root], {"code": "BAD_USER_INPUT", "argument": "id"})] == [
        (error["message"], error["path"], error["extensions"]) for error in response.json()["errors"]
    ]
    assert 200 == response.status_code


# -- values that the arguments' readers refuse: the path of each is told


@pytest.mark.parametrize(
    ("argument", "accepted", "query", "variables"),
    [
        ("ids[1]", NO_ID, f'{{nodes(ids: ["{UNKNOWN}", "x"]) {{id}}}}', {}),
        (
            "ids",
            "has 101 ids; at most 100 are taken at once.",
            "query ($v: [ID!]!) {nodes(ids: $v) {id}}",
            {"v": [UNKNOWN] * 101},
        ),
        ("filter.milestoneId.eq", NO_ID, tasks('filter: {milestoneId: {eq: "x"}}'), {}),
        (
            "filter.and[1].id.notIn[1]",
            NO_ID,
            tasks(f'filter: {{and: [{{}}, {{id: {{notIn: ["{UNKNOWN}", ""]}}}}]}}'),
            {},
        ),
        ("filter.milestone.project.id.ne", NO_ID, tasks('filter: {milestone: {project: {id: {ne: "x"}}}}'), {}),
        ("filter.subtasks.none.id.eq", NO_ID, tasks('filter: {subtasks: {none: {id: {eq: "x"}}}}'), {}),
        (
            "filter.id.in",
            "has 1,001 values; at most 1,000 are taken at once.",
            with_variable("[ID!]", "filter: {id: {in: $v}}"),
            {"v": [UNKNOWN] * 1_001},
        ),
        (
            "filter.content.hasAnyKeys",
            "has 1,001 values; at most 1,000 are taken at once.",
            with_variable("[String!]", "filter: {content: {hasAnyKeys: $v}}", of="patterns"),
            {"v": ["x"] * 1_001},
        ),
        ("first", "is -1; a page takes 0 to 500 rows.", tasks("first: -1"), {}),
        ("first", "is 501; a page takes 0 to 500 rows.", tasks("first: 501"), {}),
        ("last", "is -2147483648; a page takes 0 to 500 rows.", tasks("last: -2147483648"), {}),
        ("last", "is 2147483647; a page takes 0 to 500 rows.", tasks("last: 2147483647"), {}),
        ("first", TOGETHER, tasks("first: 1, last: 1"), {}),
        ("first", TOGETHER, tasks("first: 0, last: 0"), {}),
        (
            "orderBy",
            "has 16 terms; Task has 15 fields in all.",
            with_variable("[TaskOrder!]", "orderBy: $v"),
            {"v": [{"field": "TITLE"}] * 16},
        ),
        ("filter.title.eq", NUL, tasks('filter: {title: {eq: "a\\u0000"}}'), {}),
        ("filter.title.iContains", NUL, with_variable("String", "filter: {title: {iContains: $v}}"), {"v": "a\0"}),
        ("filter.title.in[1]", NUL, with_variable("[String!]", "filter: {title: {in: $v}}"), {"v": ["a", "\0"]}),
        (
            "filter.content.eq",
            NUL,
            with_variable("JSON", "filter: {content: {eq: $v}}", of="patterns"),
            {"v": {"a": ["\0"]}},
        ),
        (
            "filter.content.contains",
            NUL,
            with_variable("JSON", "filter: {content: {contains: $v}}", of="patterns"),
            {"v": {"a\0": 1}},
        ),
        ("filter.content.hasKey", NUL, patterns('filter: {content: {hasKey: "\\u0000"}}'), {}),
        (
            "filter.content.path.keys[1]",
            NUL,
            patterns('filter: {content: {path: {keys: ["a", "\\u0000"], eq: 1}}}'),
            {},
        ),
        ("filter.content.eq", BEYOND_64_BITS, patterns("filter: {content: {eq: {a: [9223372036854775808]}}}"), {}),
        ("filter.content.eq", BEYOND_64_BITS, patterns("filter: {content: {eq: -9223372036854775809}}"), {}),
        (
            "filter.content.eq",
            "holds a number that JSON cannot write.",
            patterns("filter: {content: {eq: 1e400}}"),
            {},
        ),
        (
            "filter." + "not." * 11 + "not",
            "is nested more than 12 levels deep.",
            with_variable("TaskFilter", "filter: $v"),
            {"v": nested(12, {"title": {"eq": "x"}}, "not")},
        ),
        (
            "filter.content.path.eq",
            "is nested more than 64 levels deep.",
            with_variable("JSON", 'filter: {content: {path: {keys: ["a"], eq: $v}}}', of="patterns"),
            {"v": nested(65, 1)},
        ),
    ],
)
async def test_a_refused_value_is_named_by_its_path_with_what_is_accepted(
    ask: Ask, argument: str, accepted: str, query: str, variables: dict[str, Any]
) -> None:
    response = await ask(query, variables)

    assert None is response.json()["data"]
    assert [(f"{argument} {accepted}", {"code": "BAD_USER_INPUT", "argument": argument})] == [
        (error["message"], error["extensions"]) for error in response.json()["errors"]
    ]
    assert 200 == response.status_code


@pytest.mark.parametrize(
    ("argument", "name", "query"),
    [
        ("filter.title", "title", tasks("filter: {title: null}")),
        ("filter.title.eq", "eq", tasks("filter: {title: {eq: null}}")),
        ("filter.title.in", "in", tasks("filter: {title: {in: null}}")),
        ("filter.title.isNull", "isNull", tasks("filter: {title: {isNull: null}}")),
        ("filter.isReady.ne", "ne", tasks("filter: {isReady: {ne: null}}")),
        ("filter.and", "and", tasks("filter: {and: null}")),
        ("filter.or[0].or", "or", tasks("filter: {or: [{or: null}]}")),
        ("filter.not", "not", tasks("filter: {not: null}")),
        ("filter.milestone", "milestone", tasks("filter: {milestone: null}")),
        ("filter.subtasks", "subtasks", tasks("filter: {subtasks: null}")),
        ("filter.content.hasKey", "hasKey", patterns("filter: {content: {hasKey: null}}")),
        ("filter.content.hasAnyKeys", "hasAnyKeys", patterns("filter: {content: {hasAnyKeys: null}}")),
        ("filter.content.path.lt", "lt", patterns('filter: {content: {path: {keys: ["a"], lt: null}}}')),
    ],
)
async def test_a_null_where_a_value_belongs_says_how_to_ask_for_nulls(
    ask: Ask, argument: str, name: str, query: str
) -> None:
    (error,) = (await ask(query)).json()["errors"]

    assert f"{argument} is null. Leave {name} out, or use isNull to ask for nulls." == error["message"]
    assert {"code": "BAD_USER_INPUT", "argument": argument} == error["extensions"]


@pytest.mark.parametrize(
    ("argument", "accepted", "query"),
    [
        ("filter.subtasks.some", "is null. Leave some out.", tasks("filter: {subtasks: {some: null}}")),
        ("filter.content.path", "is null. Leave path out.", patterns("filter: {content: {path: null}}")),
    ],
)
async def test_a_null_where_nothing_could_stand_for_one(ask: Ask, argument: str, accepted: str, query: str) -> None:
    (error,) = (await ask(query)).json()["errors"]

    assert (f"{argument} {accepted}", argument) == (error["message"], error["extensions"]["argument"])


# -- values that graphql-core refuses, in the operation and in variables


@pytest.mark.parametrize(
    ("literal", "accepted"),
    [
        ("first: 2147483648", "Int cannot represent non 32-bit signed integer value: 2147483648"),
        ("first: 1.5", "Int cannot represent non-integer value: 1.5"),
        ('first: "1"', 'Int cannot represent non-integer value: "1"'),
        ("filter: {title: {eq: 5}}", "String cannot represent a non string value: 5"),
        ("filter: {zzz: 1}", "Expected value of type 'TaskFilter' not to include unknown field 'zzz', found: { zzz: 1 }."),
        ("orderBy: [{field: NOPE}]", "Value 'NOPE' does not exist in 'TaskOrderField' enum."),
        ("orderBy: [{direction: ASC}]", "Expected value of type 'TaskOrder' to include required field 'field', found: { direction: ASC }."),
        (
            'filter: {createdAt: {gt: "2026-02-30T00:00:00Z"}}',
            f"Expected value of type 'DateTime', but encountered error '{NO_DATETIME}'; found: \"2026-02-30T00:00:00Z\".",
        ),
    ],
)  # fmt: skip
async def test_a_literal_of_the_wrong_type_fails_validation_where_it_stands(
    ask: Ask, literal: str, accepted: str
) -> None:
    response = await ask(tasks(literal))

    assert [(accepted, {"code": "GRAPHQL_VALIDATION_FAILED"})] == [
        (error["message"], error["extensions"]) for error in response.json()["errors"]
    ]
    assert (400, 1) == (response.status_code, response.json()["errors"][0]["locations"][0]["line"])


async def test_an_integer_of_thousands_of_digits_gets_none_of_pythons_words(ask: Ask) -> None:
    (error,) = (await ask(tasks("first: " + "9" * 5_000))).json()["errors"]

    assert "Int cannot represent non 32-bit signed integer value: it has thousands of digits." == error["message"]


@pytest.mark.parametrize("escape", [r"\uD800", r"\uDC00", r"\u{D800}", r"\uD800\u0041"])
async def test_half_of_a_surrogate_pair_in_a_document_is_a_syntax_error(ask: Ask, escape: str) -> None:
    response = await ask(tasks(f'filter: {{title: {{eq: "{escape}"}}}}'))

    (error,) = response.json()["errors"]
    assert (400, {"code": "GRAPHQL_PARSE_FAILED"}) == (response.status_code, error["extensions"])
    assert error["message"].startswith("Syntax Error: Invalid Unicode escape sequence: '\\u")


@pytest.mark.parametrize(
    ("kind", "argument", "value", "accepted"),
    [
        ("Int", "first: $v", 2**31, "Int cannot represent non 32-bit signed integer value: 2147483648"),
        ("Int", "first: $v", True, "Int cannot represent non-integer value: True"),
        ("Int", "first: $v", "1", "Int cannot represent non-integer value: '1'"),
        ("ID", "filter: {id: {eq: $v}}", 1.5, "ID cannot represent value: 1.5"),
        ("String", "filter: {title: {eq: $v}}", 5, "String cannot represent a non string value: 5"),
        ("DateTime", "filter: {createdAt: {gt: $v}}", 5, f"Expected value of type 'DateTime', but encountered error '{NO_DATETIME}'; found: 5."),
        ("TaskOrderField!", "orderBy: [{field: $v}]", "NOPE", "Value 'NOPE' does not exist in 'TaskOrderField' enum."),
        ("[String!]", "filter: {title: {in: $v}}", ["a", None], "Expected value of non-null type 'String!' not to be None."),
        ("TaskFilter", "filter: $v", "x", "Expected value of type 'TaskFilter' to be an object, found: 'x'."),
    ],
)  # fmt: skip
async def test_a_variable_of_the_wrong_type_is_named(
    ask: Ask, kind: str, argument: str, value: Any, accepted: str
) -> None:
    response = await ask(with_variable(kind, argument), {"v": value})

    (error,) = response.json()["errors"]
    place = " at [1]" if isinstance(value, list) else ""
    assert (f"Variable '$v' has invalid value{place}: {accepted}", {"code": "BAD_USER_INPUT"}) == (
        error["message"],
        error["extensions"],
    )
    assert 400 == response.status_code


@pytest.mark.parametrize(
    "malformed",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00.1234567Z",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00+00:60",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "20260101T000000Z",
        "now",
        "infinity",
        "",
    ],
)
async def test_a_malformed_instant_is_refused_with_an_example(ask: Ask, malformed: str) -> None:
    response = await ask(with_variable("[DateTime!]", "filter: {createdAt: {in: $v}}"), {"v": [malformed]})

    (error,) = response.json()["errors"]
    assert (
        f"Variable '$v' has invalid value at [0]: Expected value of type 'DateTime', but encountered error '{NO_DATETIME}'; found: '{malformed}'."
        == error["message"]
    )
    assert (400, {"code": "BAD_USER_INPUT"}) == (response.status_code, error["extensions"])


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**40, [{"a": 10**20}]], ids=str)
async def test_an_integer_beyond_64_bits_in_a_variable_is_refused_and_not_rounded(
    http: httpx.AsyncClient, value: Any
) -> None:
    # Written by hand: the encoder of these tests refuses it, too.
    written = str(value).replace("'", '"')
    query = with_variable("JSON", "filter: {content: {eq: $v}}", of="patterns")
    body = f'{{"query": "{query}", "variables": {{"v": {written}}}}}'

    response = await http.post("/graphql", content=body, headers={"content-type": "application/json"})

    (error,) = response.json()["errors"]
    assert f"filter.content.eq {BEYOND_64_BITS}" == error["message"]


@pytest.mark.parametrize("levels", [400, 1_000])
async def test_variables_nested_beyond_any_reader_are_refused(http: httpx.AsyncClient, levels: int) -> None:
    query = orjson.dumps(with_variable("TaskFilter", "filter: $v")).decode()
    value = '{"not":' * levels + "{}" + "}" * levels

    response = await http.post(
        "/graphql",
        content=f'{{"query": {query}, "variables": {{"v": {value}}}}}',
        headers={"content-type": "application/json"},
    )

    message = "Variable values are nested too deeply."
    assert [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}] == response.json()["errors"]


async def test_an_answer_nested_beyond_what_can_be_written_is_refused(
    demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    """By a server that lets a document have as many levels."""
    round_trips = 64
    query = (
        "{workspaces(first: 1) {nodes"
        + "{projects(first: 1) {nodes {workspace" * round_trips
        + "{id}"
        + "}}}" * round_trips
        + "}}"
    )

    async with running_server(Settings(database_url=demo_database, max_depth=1_000)) as http:
        response = await asking_of(http)(query)

    message = "The answer is nested too deeply. Ask for fewer levels at once."
    assert {"errors": [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}]} == response.json()
    assert 400 == response.status_code


# -- the last values that are taken


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($v: [ID!]!) {nodes(ids: $v) {id}}", {"v": [UNKNOWN] * 100}),
        (with_variable("[ID!]", "filter: {id: {in: $v}}"), {"v": [UNKNOWN] * 1_000}),
        (tasks("first: 500"), {}),
        (tasks("first: null, last: null, after: null, before: null, filter: null, orderBy: null"), {}),
        (tasks("orderBy: []"), {}),
        (with_variable("[TaskOrder!]", "orderBy: $v"), {"v": [{"field": "TITLE"}] * 14}),
        (with_variable("TaskFilter", "filter: $v"), {"v": nested(11, {"title": {"eq": "x"}}, "not")}),
        (with_variable("JSON", "filter: {content: {eq: $v}}", of="patterns"), {"v": nested(64, 1)}),
        (with_variable("JSON", "filter: {content: {eq: $v}}", of="patterns"), {"v": [2**63 - 1, -(2**63), 1e300]}),
        (with_variable("JSON", "filter: {content: {eq: $v}}", of="patterns"), {"v": None}),
        (tasks('filter: {title: {eq: "\\uD83D\\uDE00"}}'), {}),
        (tasks("filter: {title: {in: []}, subtasks: {}, and: [], milestone: {}}"), {}),
    ],
)
async def test_the_limits_themselves_are_taken(ask: Ask, query: str, variables: dict[str, Any]) -> None:
    response = await ask(query, variables)

    assert (200, ["data"]) == (response.status_code, list(response.json()))

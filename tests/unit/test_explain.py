"""What an operator is told of a query: the statement that runs, and PostgreSQL's plan for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from click.testing import CliRunner, Result

from convoy_graphql.cli import main
from convoy_graphql.compiler.cost import Cost
from convoy_graphql.compiler.selection import Plan
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.pg.statement import Statement
from convoy_graphql.server import explain as explaining
from convoy_graphql.server.explain import broken, explain, read_question
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from client import GraphClient

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

ENGINES = ("compiled",)

NAMES = "query Names { workspaces(first: 7) { nodes { name } } }"
TASK = """
query Task($id: ID!, $first: Int = 2) {
  task(id: $id) {
    title
    dependencies(first: $first, filter: {status: {in: ["DONE", "it's"]}}) { totalCount edges { cursor node { title } } }
  }
}
"""
VARIABLES = json.dumps({"id": STORY.task_id})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two queries, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("queries.graphql").write_text(NAMES + TASK)
    return "queries.graphql"


def run(*arguments: str, given: str | None = None, **environment: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], input=given, env=environment)


def refusal(*arguments: str, given: str | None = None, **environment: str) -> str:
    """The one line that is said in place of an answer."""
    refused = run(*arguments, given=given, **environment)
    assert (1, "") == (refused.exit_code, refused.stdout)
    line = refused.stderr.removeprefix("Error: ").removesuffix("\n")
    assert line == " ".join(refused.stderr.split()).removeprefix("Error: ")
    return line


def sections(told: str) -> dict[str, list[str]]:
    """The lines below each title."""
    return {(lines := part.splitlines())[0]: lines[1:] for part in told.rstrip("\n").split("\n\n")}


# -- what it tells


def test_the_executor_the_statement_its_parameters_and_its_plan(file: str, demo_database: str) -> None:
    told = run(file, "--operation", "Names", DATABASE_URL=demo_database)

    assert (0, "") == (told.exit_code, told.stderr)
    shown = sections(told.stdout)
    plan = shown.pop("Plan")
    assert {"Executor: compiled, one statement": [], "SQL": shown["SQL"], "Parameters": ["$1 = 7"]} == shown
    lines = [line.strip() for line in shown["SQL"]]
    innermost = lines.index("FROM workspaces AS workspaces_1")
    assert [
        "SELECT workspaces_1.name AS name",
        "FROM workspaces AS workspaces_1",
        "ORDER BY workspaces_1.created_at ASC, workspaces_1.id ASC",
    ] == lines[innermost - 1 : innermost + 2]
    assert plan[0].startswith("Result  (cost=")
    assert 1 == sum("Seq Scan on workspaces workspaces_1  (cost=" in line for line in plan)
    assert 0 == sum("actual" in line for line in plan)


def test_analyze_runs_the_statement_and_tells_what_it_took(file: str, demo_database: str) -> None:
    told = run(file, "--operation", "Names", "--analyze", DATABASE_URL=demo_database)

    assert (0, "") == (told.exit_code, told.stderr)
    plan = sections(told.stdout)["Plan"]
    [scan] = [line for line in plan if "Seq Scan on workspaces workspaces_1" in line]
    assert "rows=3.00 loops=1)" in scan or "rows=3 loops=1)" in scan
    assert 1 <= sum("Buffers: shared " in line for line in plan)
    assert ["Planning Time", "Execution Time"] == [line.partition(":")[0] for line in plan if "Time: " in line]


async def test_the_statement_is_the_one_that_runs(file: str, demo: GraphClient) -> None:
    found = await read_question(Settings(), file, VARIABLES, "Task")
    shown = sections(await explain(demo.database.dsn, Settings(), found, analyze=False))
    answer = await demo.ask(TASK, id=STORY.task_id)

    assert 2 == answer.data["task"]["dependencies"]["totalCount"]
    assert "".join(answer.statements[0].split()) == "".join("".join(shown["SQL"]).split())
    # As text it runs too, and its answer is the one that is served.
    parameters = [json.loads(line.partition(" = ")[2]) for line in shown["Parameters"]]
    assert [f"${number}" for number in range(1, len(parameters) + 1)] == [
        line.split()[0] for line in shown["Parameters"]
    ]
    assert answer.data == json.loads(await demo.database.fetch_value("\n".join(shown["SQL"]), parameters))


async def test_analyze_can_change_nothing(demo: GraphClient) -> None:
    connection = await asyncpg.connect(demo.database.dsn)
    await connection.execute("create sequence convoy_test_explain")
    cost = Cost(Plan((), ()), (), Statement("", ()))
    found = explaining.Bound("select nextval('convoy_test_explain')", (), was_planned=False, cost=cost)

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await explain(demo.database.dsn, Settings(), found, analyze=True)

    assert not await connection.fetchval("select is_called from convoy_test_explain")
    await connection.execute("drop sequence convoy_test_explain")
    await connection.close()


def test_a_query_that_is_not_compiled_says_why(demo_database: str) -> None:
    told = run("-", given="{ __schema { queryType { name } } }", DATABASE_URL=demo_database)

    assert (0, "") == (told.exit_code, told.stderr)
    assert "Executor: loaders, one statement per edge, arguments and level\nReason: introspection\n" == told.stdout


def test_a_server_that_does_not_compile_says_so(file: str, demo_database: str) -> None:
    told = run(file, "--operation", "Names", DATABASE_URL=demo_database, CONVOY_EXECUTOR="loaders")

    assert ["Reason: the compiler is switched off"] == told.stdout.splitlines()[1:]


def test_standard_input_is_read(demo_database: str) -> None:
    told = run("-", given=NAMES, DATABASE_URL=demo_database)

    assert ["$1 = 7"] == sections(told.stdout)["Parameters"]


# -- what it refuses, before any database is asked


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.graphql"], "nothing.graphql cannot be read: No such file or directory"),
        (["."], ". cannot be read: Is a directory"),
        (["bytes.graphql"], "bytes.graphql is not text in UTF-8"),
        (
            ["queries.graphql"],
            "queries.graphql: The document holds several operations. Say which in operationName: Names, Task.",
        ),
        (
            ["queries.graphql", "--operation", "Nobody"],
            "queries.graphql: The document holds no operation named 'Nobody'. It holds: Names, Task.",
        ),
        (
            ["queries.graphql", "--operation", "Task"],
            "queries.graphql:2:12: Variable '$id' has invalid value: Expected a value of non-null type 'ID!' to be provided.",
        ),
        (
            ["queries.graphql", "--operation", "Task", "--variables", '{"id": "7"}'],
            "queries.graphql:3:3: id is not an id. An id is a UUID such as 3f2b8c1e-5a7d-4e21-9c0b-6d8f1a2b3c4d.",
        ),
        (
            ["queries.graphql", "--operation", "Task", "--variables", "{id: 7}"],
            "--variables is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            ["queries.graphql", "--variables", "[1]"],
            '--variables has to be a JSON object: {"id": "..."}',
        ),
        (
            ["queries.graphql", "--variables", f'{{"id": {"7" * 5000}}}'],
            "--variables holds a number or a nesting that is too long to be read",
        ),
    ],
)
@pytest.mark.usefixtures("file")
def test_what_cannot_be_explained_is_one_line(arguments: list[str], said: str) -> None:
    Path("bytes.graphql").write_bytes(b"{ \xff }")

    assert said == refusal(*arguments)
    assert not Path(".convoy").exists()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "standard input:1:1: Syntax Error: Unexpected <EOF>."),
        ("{\n  workspaces {", "standard input:2:15: Syntax Error: Expected Name, found <EOF>."),
        (
            "{ workspaces { nodes { nam } } tusks }",
            "standard input:1:24: Cannot query field 'nam' on type 'Workspace'. Did you mean 'name'? (and 1 more)",
        ),
        ("{ tasks(first: 501) { totalCount } }", "standard input:1:3: first is 501; a page takes 0 to 500 rows."),
    ],
)
def test_a_document_that_would_be_refused_is_refused_alike(document: str, said: str) -> None:
    assert said == refusal("-", given=document)


def test_a_mutation_is_refused() -> None:
    assert "standard input holds a mutation: only queries can be explained" == refusal(
        "-", given="mutation { __typename }"
    )


# -- what PostgreSQL refuses


def test_a_database_that_is_not_migrated_is_told(file: str, empty_database: str) -> None:
    assert "The database is not migrated to this version. The operator should run: convoy-graphql migrate" == refusal(
        file, "--operation", "Names", DATABASE_URL=empty_database
    )


def test_a_database_that_is_down_is_told_without_its_password(file: str) -> None:
    said = refusal(file, "--operation", "Names", DATABASE_URL="postgresql://me:secret@127.0.0.1:9/name")

    assert said.startswith("the database postgresql://me:***@127.0.0.1:9/name cannot be used: ")
    assert "secret" not in said


# -- how SQL is laid out


def test_text_in_quotes_stays_as_it_is() -> None:
    quoted = r"""SELECT 'a  (SELECT  FROM it''s', E'\'  WHERE', '\', ' (SELECT', "or(  )""der  BY" """

    assert f"{quoted.strip()}\nFROM t" == broken(f"{quoted} \nFROM t")


def test_only_sub_selects_are_set_in() -> None:
    sql = "SELECT count(*) OVER (PARTITION BY a ORDER BY b), extract(year FROM c), (SELECT 1 WHERE (a OR b)) FROM (\n SELECT x) AS t CROSS JOIN u LEFT OUTER JOIN v ON true GROUP BY a"

    assert """\
SELECT count(*) OVER (PARTITION BY a ORDER BY b), extract(year FROM c), (
  SELECT 1
  WHERE (a OR b)
)
FROM (
  SELECT x
) AS t
CROSS JOIN u
LEFT OUTER JOIN v ON true
GROUP BY a""" == broken(sql)

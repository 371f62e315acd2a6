"""Documents that others' generators make up, against the server: schemathesis over HTTP, and hypothesis-graphql through both executors.

EXAMPLES says how many for each field of Query and Mutation: 3 unless told otherwise, which finds what is coarse.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sysconfig
from collections import Counter
from pathlib import Path
from typing import cast

import asyncpg
import graphql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis_graphql import queries

from convoy_graphql.graph.execution import Operation
from convoy_graphql.graph.schema import executable_schema, sdl
from convoy_graphql.pg.database import Database
from convoy_graphql.server.executors import COMPILED, LOADERS
from convoy_graphql.settings import Settings
from feed.serving import Process
from parity.comparison import first_difference, told
from signing import SECRET, signed
from suites.fuzz import scalars

EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
HERE = Path(__file__).parent
SCHEMA = executable_schema()

#: What it looks for: a status of 500 and more, an error that is the server's (INTERNAL_SERVER_ERROR, or with no code that it
#: knows and a path), an answer that is no GraphQL, and a null where the schema has none.
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"


async def ids_of(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    tables = (
        "workspaces",
        "projects",
        "milestones",
        "tasks",
        "patterns",
        "best_practices",
        "workflows",
        "activity_feed",
    )
    rows = [await connection.fetch(f"select id::text from {table} order by id limit 8") for table in tables]
    await connection.close()
    return [row["id"] for found in rows for row in found]


@pytest.mark.parametrize(
    ("role", "examples", "fields"),
    [
        ("service_role", EXAMPLES, ("Query", "Mutation")),
        ("authenticated", 1, ("Query", "Mutation")),
        # Changes are all refused, with a code that it takes for a fault.
        (None, 1, ("Query",)),
    ],
)
async def test_schemathesis_finds_no_fault(
    demo_database: str, tmp_path: Path, *, role: str | None, examples: int, fields: tuple[str, ...]
) -> None:
    command = [
        Path(sysconfig.get_path("scripts")) / "schemathesis", "run", "--no-color", "--checks", CHECKS,
        "--max-examples", str(examples), "--request-timeout", "20",
    ]  # fmt: skip
    command += ["--include-name-regex", rf"^({'|'.join(fields)})\."]
    if role:
        # Mutations change the graph on the way: it is the module's own.
        command += ["--header", f"Authorization: Bearer {signed(role=role)}"]
    environment = {
        "SCHEMATHESIS_HOOKS": str(HERE / "fuzz" / "scalars.py"),
        "CONVOY_FUZZ_IDS": ",".join(await ids_of(demo_database)),
    }
    # Deterministic examples are kept in no database, and it takes no word about one beside them.
    command += ["--generation-deterministic"] if "CI" in os.environ else ["--generation-database", "none"]
    async with Process(demo_database, {"CONVOY_JWT_SECRET": SECRET}) as server:
        await server.is_up()
        ran = await asyncio.to_thread(
            subprocess.run,
            [*command, f"http://127.0.0.1:{server.port}/graphql"],
            env=os.environ | environment,
            # It keeps what it found where it is run.
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        logged = server.said

    assert 0 == ran.returncode, ran.stdout
    asked = sum(len(cast("graphql.GraphQLObjectType", SCHEMA.type_map[name]).fields) for name in fields)
    assert f"Tested: {asked}" in ran.stdout
    # One of its probes is no HTTP: that is a warning.
    assert [] == [line for line in logged.splitlines() if "ERROR" in line or "Traceback" in line]


def test_documents_of_hypothesis_graphql_are_answered_alike_by_both_executors(
    demo_database: str,
) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(demo_database, Settings())
        ids = runner.run(ids_of(demo_database))
        came: Counter[str] = Counter()

        async def compare(text: str) -> None:
            expected = await told(database, LOADERS, Operation(text))
            actual = await told(database, COMPILED, Operation(text))
            assert "INTERNAL_SERVER_ERROR" not in expected.json, text
            # Of errors that lead to one null, who comes first is told: the loaders may answer differently the second time.
            left, right = (each.data_tokens if expected.has_errors else each.tokens for each in (expected, actual))
            assert left == right, f"{text}\n{first_difference(left, right)}"
            came["refused" if expected.has_errors else "answered"] += 1
            came[COMPILED] += not actual.trace.get("declined", "refused")

        documents = queries(
            sdl(),
            custom_scalars={"ID": scalars.ids(ids), "DateTime": scalars.times(), "JSON": scalars.json_values()},
            print_ast=lambda document: graphql.print_ast(scalars.with_first_pages(document)),
        )

        @settings(
            max_examples=20 * EXAMPLES,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        )
        @given(text=documents)
        def check(text: str) -> None:
            runner.run(compare(text))

        try:
            check()
        finally:
            runner.run(database.close())
    # Else nothing was looked at.
    assert came["answered"] > EXAMPLES, came

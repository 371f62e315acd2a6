"""What people build clients with takes our schema: Relay's compiler and its store, and GraphQL Codegen with TypeScript at its strictest.

Both write a manifest of the documents that they found. These are committed, so that one who trusts documents can see what they look
like: `UPDATE_GOLDEN=1` writes them anew.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import asyncpg
import pytest

from client import running_server
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.settings import Settings
from npm import installed, run_script

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schema.graphql"

MANIFESTS = (HERE / "codegen" / "persisted-documents.json", HERE / "relay" / "persisted-queries.json")


@pytest.fixture(scope="session")
def packages() -> Path:
    return installed(HERE) / "node_modules"


def copied(project: str, to: Path, packages: Path) -> Path:
    """A project of these, with the schema and the packages beside it."""
    folder = to / project
    shutil.copytree(HERE / project, folder)
    shutil.copy(SCHEMA, folder)
    (folder / "node_modules").symlink_to(packages, target_is_directory=True)
    return folder


def check_manifest(made: Path, committed: Path) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        assert not os.environ.get("CI"), "Manifests are written by hand, and looked at, not in CI."
        committed.write_text(json.dumps(json.loads(made.read_text()), indent=2) + "\n")
    assert json.loads(committed.read_text()) == json.loads(made.read_text())


@pytest.fixture
async def relay(tmp_path: Path, packages: Path) -> Path:
    """Relay's project, compiled."""
    folder = copied("relay", tmp_path, packages)
    (folder / "__generated__").mkdir()
    (folder / "persisted-queries.json").write_text("{}")
    compiled = await run_script(packages / "relay-compiler" / "cli.js", "relay.config.json", cwd=folder)
    assert "Compilation completed." in compiled.stdout, compiled.stdout + compiled.stderr
    return folder


@pytest.fixture
async def codegen(tmp_path: Path, packages: Path) -> Path:
    """The TypeScript project, with its types generated."""
    folder = copied("codegen", tmp_path, packages)
    program = packages / "@graphql-codegen" / "cli" / "cjs" / "bin.js"
    generated = await run_script(program, "--config", "codegen.json", cwd=folder)
    assert 0 == generated.returncode, generated.stdout + generated.stderr
    return folder


async def test_relay_s_compiler_takes_the_schema(relay: Path) -> None:
    operations = {file.name.removesuffix(".graphql.js") for file in (relay / "__generated__").iterdir()}
    # Relay writes these itself: for them it needs `node(id)`, the interface and connections as it knows them.
    assert operations >= {"TaskCardRefetchQuery", "BoardProjectsPaginationQuery", "TaskSubtasksHistoryQuery"}
    check_manifest(relay / "persisted-queries.json", MANIFESTS[1])


async def test_relay_s_store_keeps_what_the_server_answers(relay: Path, demo_database: str) -> None:
    connection = await asyncpg.connect(demo_database)
    task, milestone = await connection.fetchrow(
        "select id::text, milestone_id::text from tasks where id in (select parent_task_id from tasks)"
        " and 2 = (select count(*) from tasks as sub where sub.parent_task_id = tasks.id) order by id limit 1"
    )
    subtasks = await connection.fetch("select title from tasks where parent_task_id = $1 order by created_at, id", task)
    titles = [row["title"] for row in subtasks]
    await connection.close()
    manifest = str(relay / "persisted-queries.json")
    trusting = Settings(database_url=demo_database, trusted_documents=manifest, trusted_documents_only=True)
    async with running_server(trusting) as http:
        url = str(http.base_url.join("/graphql"))
        ran = await run_script(relay / "page.cjs", url, STORY.workspace_id, task, milestone, cwd=relay)

    # Relay says so whenever a row that was to be appended is null, as in the answer that refuses it.
    assert (0, "Warning: MutationHandlers: Expected target node to exist.\n") == (ran.returncode, ran.stderr)
    assert [
        {"projects": 2},
        {"projects": 3, "more": False},
        {"subtasks": titles},
        {"appended": "Appended by Relay"},
        {"after a refusal it is still a": "Task"},
        {"after a conflict it is still": "Appended by Relay"},
        {"renamed": "Renamed"},
        {"subtasks": titles},
    ] == [json.loads(line) for line in ran.stdout.splitlines()]


async def test_typescript_knows_what_every_operation_takes_and_gives(codegen: Path, packages: Path) -> None:
    check_manifest(codegen / "generated" / "persisted-documents.json", MANIFESTS[0])
    # The program holds what has to compile, and marks what must not.
    compiled = await run_script(packages / "typescript" / "bin" / "tsc", "-p", "tsconfig.json", cwd=codegen)
    assert (0, "") == (compiled.returncode, compiled.stdout)


async def test_a_server_answers_the_documents_of_the_manifests_and_no_others(demo_database: str) -> None:
    manifests = ",".join(map(str, MANIFESTS))
    trusting = Settings(database_url=demo_database, trusted_documents=manifests, trusted_documents_only=True)
    given = {"id": STORY.workspace_id, "workspace": STORY.workspace_id, "task": STORY.task_id, "first": 2}
    asked = {
        identifier: text
        for manifest in MANIFESTS
        for identifier, text in json.loads(manifest.read_text()).items()
        if "query " in text
    }
    async with running_server(trusting) as http:
        for identifier, text in asked.items():
            answer = await http.post("/graphql", json={"documentId": identifier, "variables": given})
            assert (200, None) == (answer.status_code, answer.json().get("errors")), text
        refused = await http.post("/graphql", json={"query": "{ __typename }"})
    assert 11 == len(asked)
    assert "PERSISTED_QUERY_REQUIRED" == refused.json()["errors"][0]["extensions"]["code"]

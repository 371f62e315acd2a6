"""`convoy-graphql doctor` at the command line: lines to read, an object for programs, and an exit code for both."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from convoy_graphql.cli import main
from convoy_graphql.pg.doctor.checks import CHECKS

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SECRET = "of the tests, and of nobody else: 32 bytes at least"  # noqa: S105


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments], env=environment)


def test_lines_tell_each_check_and_what_to_do_and_end_in_the_counts(database: str) -> None:
    told = run("--workers", "2", DATABASE_URL=database)
    lines = told.stdout.splitlines()

    assert (0, "") == (told.exit_code, told.stderr)
    assert f"The database {database}" == lines[0]
    assert {"warning  authentication      No authentication is configured: everybody who reaches the server may do everything."} <= {*lines}  # fmt: skip
    assert any(line.startswith("ok       connections         The server may open 22 connections (2 * (10 + 1))") for line in lines)  # fmt: skip
    assert lines[2].strip().startswith("→ Set CONVOY_JWT_SECRET")
    assert f"{len(CHECKS) + 4} ok, 1 to look at, 0 to put right." == lines[-1]


def test_a_fault_exits_with_1_for_a_program_too(empty_database: str) -> None:
    told = run("--json", DATABASE_URL=empty_database)
    found = json.loads(told.stdout)
    checks = {check["name"]: check for check in found["checks"]}

    assert (1, "fault") == (told.exit_code, found["verdict"])
    assert {"authentication", "key set", "documents", "buckets", "connection", *CHECKS} == checks.keys()
    assert ("fault", "Run convoy-graphql migrate, or supabase db push.") == (
        checks["migrations"]["verdict"],
        checks["migrations"]["advice"],
    )
    assert None is checks["version"]["advice"]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_nothing_secret_is_told(arguments: list[str], unused_tcp_port: int) -> None:
    told = run(
        *arguments,
        DATABASE_URL=f"postgresql://me:hidden@127.0.0.1:{unused_tcp_port}/name",
        LISTEN_DATABASE_URL="postgresql://me:hidden@127.0.0.1/name",
        CONVOY_JWT_SECRET=SECRET,
        CONVOY_JWKS_URL=f"http://me:hidden@127.0.0.1:{unused_tcp_port}/keys?key=hidden",
    )

    assert 1 == told.exit_code
    assert f"postgresql://me:***@127.0.0.1:{unused_tcp_port}/name" in told.output
    assert f"The key set at http://127.0.0.1:{unused_tcp_port}/keys cannot be fetched" in told.output
    assert "hidden" not in told.output
    assert SECRET not in told.output


@pytest.mark.parametrize(
    ("environment", "check", "found"),
    [
        ({"CONVOY_JWT_SECRET": "short"}, "authentication", "CONVOY_JWT_SECRET"),
        ({"CONVOY_JWKS_URL": "http://keys.example/keys"}, "authentication", "no https:// address"),
        ({"CONVOY_JWKS_URL": "http://keys.example/keys"}, "key set", "no https:// address"),
        ({"CONVOY_JWKS_FILE": "/nowhere/keys"}, "authentication", "/nowhere/keys"),
    ],
)
def test_authentication_that_cannot_be_used_is_a_fault(
    database: str, environment: dict[str, str], check: str, found: str
) -> None:
    told = run("--json", DATABASE_URL=database, **environment)
    [result] = [each for each in json.loads(told.stdout)["checks"] if each["name"] == check]

    assert (1, "fault") == (told.exit_code, result["verdict"])
    assert found in result["found"]

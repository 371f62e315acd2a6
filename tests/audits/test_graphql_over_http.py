"""GraphQL over HTTP as the project graphql-http checks it: all its audits of a server, run against ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client import ENGINES, running_server
from convoy_graphql.settings import Settings
from npm import installed, run_script

HERE = Path(__file__).parent

AUDITS = (
    "SHOULD accept application/graphql-response+json and match the content-type",
    "MUST accept application/json and match the content-type",
    "SHOULD accept */* and use application/json for the content-type",
    "SHOULD assume application/json content-type when accept is missing",
    "MUST use utf-8 encoding when responding",
    "MUST accept utf-8 encoded request",
    "MUST assume utf-8 in request if encoding is unspecified",
    "MUST accept POST requests",
    "MAY accept application/x-www-form-urlencoded formatted GET requests",
    "MAY NOT allow executing mutations on GET requests",
    "SHOULD respond with 4xx status code if content-type is not supplied on POST requests",
    "MUST accept application/json POST requests",
    "MAY use 400 status code when request body is missing on POST",
    "MAY use 400 status code on missing {query} parameter",
    "MAY use 400 status code on object {query} parameter",
    "MAY use 400 status code on number {query} parameter",
    "MAY use 400 status code on boolean {query} parameter",
    "MAY use 400 status code on array {query} parameter",
    "SHOULD allow string {query} parameter when accepting application/graphql-response+json",
    "MUST allow string {query} parameter when accepting application/json",
    "MAY use 400 status code on object {operationName} parameter",
    "MAY use 400 status code on number {operationName} parameter",
    "MAY use 400 status code on boolean {operationName} parameter",
    "MAY use 400 status code on array {operationName} parameter",
    "SHOULD allow string {operationName} parameter when accepting application/graphql-response+json",
    "MUST allow string {operationName} parameter when accepting application/json",
    "SHOULD allow null {variables} parameter when accepting application/graphql-response+json",
    "MUST allow null {variables} parameter when accepting application/json",
    "SHOULD allow null {operationName} parameter when accepting application/graphql-response+json",
    "MUST allow null {operationName} parameter when accepting application/json",
    "SHOULD allow null {extensions} parameter when accepting application/graphql-response+json",
    "MUST allow null {extensions} parameter when accepting application/json",
    "MAY use 400 status code on string {variables} parameter",
    "MAY use 400 status code on number {variables} parameter",
    "MAY use 400 status code on boolean {variables} parameter",
    "MAY use 400 status code on array {variables} parameter",
    "SHOULD allow map {variables} parameter when accepting application/graphql-response+json",
    "MUST allow map {variables} parameter when accepting application/json",
    "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json",
    "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json",
    "MAY use 400 status code on string {extensions} parameter",
    "MAY use 400 status code on number {extensions} parameter",
    "MAY use 400 status code on boolean {extensions} parameter",
    "MAY use 400 status code on array {extensions} parameter",
    "SHOULD allow map {extensions} parameter when accepting application/graphql-response+json",
    "MUST allow map {extensions} parameter when accepting application/json",
    "MAY use 2xx, 4xx, or 5xx status codes on JSON parsing failure when accepting application/json",
    "SHOULD use 400 status code on JSON parsing failure when accepting application/json",
    "SHOULD use 400 status code on JSON parsing failure when accepting application/graphql-response+json",
    "MAY use 4xx or 5xx status codes if parameters are invalid",
    "MAY use 400 status code if parameters are invalid",
    "SHOULD use 200 status code on document parsing failure when accepting application/json",
    "SHOULD use 200 status code on document validation failure when accepting application/json",
    "SHOULD use a status code of 200 on variable coercion failure when accepting application/json",
    "SHOULD use 4xx or 5xx status codes on document parsing failure when accepting application/graphql-response+json",
    "SHOULD use 400 status code on document parsing failure when accepting application/graphql-response+json",
    "SHOULD not contain the data entry on document parsing failure when accepting application/graphql-response+json",
    "SHOULD use 4xx or 5xx status codes on document validation failure when accepting application/graphql-response+json",
    "SHOULD use 400 status code on document validation failure when accepting application/graphql-response+json",
    "SHOULD not contain the data entry on document validation failure when accepting application/graphql-response+json",
    "SHOULD use a status code of 400 on variable coercion failure when accepting application/graphql-response+json",
)


@pytest.fixture(scope="session")
def audits() -> Path:
    return installed(HERE, "audits.mjs") / "audits.mjs"


@pytest.mark.parametrize("executor", ENGINES)
async def test_every_audit_is_passed(audits: Path, demo_database: str, executor: str) -> None:
    async with running_server(Settings(database_url=demo_database, executor=executor)) as http:
        ran = await run_script(audits, f"{http.base_url}/graphql")

    assert (0, "") == (ran.returncode, ran.stderr)
    assert [[name, "ok"] for name in AUDITS] == json.loads(ran.stdout)

"""Documents of manifests: named by id over every transport, in each form; and, where the operator says so, no others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import running_server
from convoy_graphql.graph.limits import DEFAULT_LIMITS
from convoy_graphql.server.documents.manifest import check_manifests, read_manifests
from convoy_graphql.settings import Settings
from transports.sockets import opened, socket

#: Where the clients of the field are tried, and what their tools wrote.
SUITES = Path(__file__).parents[1] / "suites"

TASKS = "query Tasks($n: Int = 1) { tasks(first: $n) { nodes { __typename } } }"
COUNT = "query Count { workspaces { totalCount } }"
CHANGE = "mutation Change { __typename }"
FOLLOW = "subscription Follow { activityAdded { __typename } }"

TASKS_ID = "tasks-1"
COUNT_ID = md5(COUNT.encode(), usedforsecurity=False).hexdigest()
CHANGE_ID = sha256(CHANGE.encode()).hexdigest()
COUNTED = {"data": {"workspaces": {"totalCount": 3}}}

APOLLO: dict[str, Any] = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": TASKS_ID, "name": "Tasks", "type": "query", "body": TASKS}],
}
RELAY = {COUNT_ID: COUNT, "follow": FOLLOW}
CODEGEN = {CHANGE_ID: CHANGE}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("manifests")
    names = []
    for number, written in enumerate([APOLLO, RELAY, CODEGEN]):
        names.append(folder / f"{number}.json")
        names[-1].write_text(json.dumps(written))
    return ", ".join(str(name) for name in names)


@pytest.fixture(scope="module")
async def also(demo_database: str, manifests: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server that knows the documents, and takes others."""
    async with running_server(Settings(database_url=demo_database, trusted_documents=manifests)) as http:
        yield http


@pytest.fixture(scope="module")
async def only(demo_database: str, manifests: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server that takes no others."""
    settings = Settings(database_url=demo_database, trusted_documents=manifests, trusted_documents_only=True)
    async with running_server(settings) as http:
        yield http


def apollo(identifier: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": identifier}}}


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


async def codes(http: httpx.AsyncClient, **body: Any) -> list[str]:
    response = await http.post("/graphql", json=body)
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


# -- what is answered


@pytest.mark.parametrize(
    "named",
    [
        pytest.param({"documentId": COUNT_ID}, id="documentId, as in the manifest"),
        pytest.param({"documentId": "sha256:" + hashed(COUNT)}, id="documentId, by hash"),
        pytest.param(apollo(COUNT_ID), id="Apollo's, as in the manifest"),
        pytest.param(apollo(hashed(COUNT)), id="Apollo's, by hash"),
        pytest.param({"doc_id": COUNT_ID}, id="Relay's doc_id"),
        pytest.param({"id": COUNT_ID, "query": None}, id="Relay's id"),
        pytest.param({"documentId": COUNT_ID, "query": COUNT}, id="with its text"),
        pytest.param({"query": COUNT}, id="its text"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_document_is_named_in_each_form(
    also: httpx.AsyncClient, only: httpx.AsyncClient, method: str, named: dict[str, Any]
) -> None:
    for http in (also, only):
        if method == "POST":
            response = await http.post("/graphql", json=named)
        else:
            params = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in named.items()}
            response = await http.get("/graphql", params={name: value for name, value in params.items() if value})
        assert (200, COUNTED) == (response.status_code, response.json())


async def test_variables_and_the_operation_s_name_come_beside_the_id(only: httpx.AsyncClient) -> None:
    body = {"documentId": TASKS_ID, "variables": {"n": 2}, "operationName": "Tasks"}
    assert 2 == len((await only.post("/graphql", json=body)).json()["data"]["tasks"]["nodes"])
    assert ["OPERATION_RESOLUTION_FAILURE"] == await codes(only, **body | {"operationName": "Nope"})
    assert ["BAD_USER_INPUT"] == await codes(only, **body | {"variables": {"n": "two"}})


async def test_a_socket_answers_documents_by_id_and_stays_open_for_unknown_ones(only: httpx.AsyncClient) -> None:
    async with socket(only) as client:
        await client.say(type="subscribe", id="one", payload={"documentId": COUNT_ID})
        assert {"id": "one", "type": "next", "payload": COUNTED} == await client.hear()
        assert {"id": "one", "type": "complete"} == await client.hear()
        for payload, code in [
            ({"documentId": "nope"}, "PERSISTED_QUERY_NOT_FOUND"),
            ({"query": "{ __typename }"}, "PERSISTED_QUERY_REQUIRED"),
        ]:
            await client.say(type="subscribe", id="two", payload=payload)
            answer = await client.hear()
            assert ("error", [code]) == (answer["type"], [each["extensions"]["code"] for each in answer["payload"]])
        await client.say(type="subscribe", id="three", payload=apollo(hashed(FOLLOW)))
        assert {"activityAdded": {"__typename": "Ready"}} == (await client.hear())["payload"]["data"]


async def test_a_stream_answers_documents_by_id(only: httpx.AsyncClient) -> None:
    events = {"accept": "text/event-stream"}
    answer = await only.post("/graphql", json={"documentId": COUNT_ID}, headers=events)
    unknown = await only.post("/graphql", json={"documentId": "nope"}, headers=events)

    assert f"data: {json.dumps(COUNTED, separators=(',', ':'))}\n" in answer.text
    assert '"code":"PERSISTED_QUERY_NOT_FOUND"' in unknown.text


async def test_a_change_by_id_is_posted_and_not_got(only: httpx.AsyncClient) -> None:
    assert 405 == (await only.get("/graphql", params={"documentId": CHANGE_ID})).status_code
    posted = await only.post("/graphql", json={"documentId": CHANGE_ID})
    assert {"data": {"__typename": "Mutation"}} == posted.json()


async def test_what_codegen_and_relay_wrote_is_known_document_by_document(demo_database: str) -> None:
    files = [SUITES / "codegen" / "persisted-documents.json", SUITES / "relay" / "persisted-queries.json"]
    written = [json.loads(file.read_text()) for file in files]
    named = ",".join(str(file) for file in files)
    check_manifests(read_manifests(Settings(trusted_documents=named)), DEFAULT_LIMITS)
    settings = Settings(database_url=demo_database, trusted_documents=named, trusted_documents_only=True)
    async with running_server(settings) as http:
        answers = {
            identifier: (await http.post("/graphql", json={"documentId": identifier})).json()
            for manifest in written
            for identifier, text in manifest.items()
            if "subscription " not in text
        }

    assert len(answers) > 4
    # Each was found and looked at: what is wrong with a few is that their variables are missing.
    found = {error["extensions"]["code"] for answer in answers.values() for error in answer.get("errors", [])}
    assert {"BAD_USER_INPUT"} == found


# -- what is not


@pytest.mark.parametrize(
    "query", ["{ __typename }", COUNT + " ", "{ __schema { queryType { name } } }", "{", "{ nope }"]
)
async def test_no_other_text_is_looked_at_where_documents_are_listed(only: httpx.AsyncClient, query: str) -> None:
    assert ["PERSISTED_QUERY_REQUIRED"] == await codes(only, query=query)
    assert ["PERSISTED_QUERY_REQUIRED"] == await codes(only, query=query, documentId="nope")
    assert ["PERSISTED_QUERY_REQUIRED"] == await codes(only, query=query, **apollo(hashed(query)))


async def test_another_text_is_answered_where_they_are_not_all(also: httpx.AsyncClient) -> None:
    assert [] == await codes(also, query="{ __typename }")
    assert [] == await codes(also, query="{ __typename }", documentId="of a newer client")


async def test_a_text_under_another_s_id_is_refused(also: httpx.AsyncClient, only: httpx.AsyncClient) -> None:
    for http in (also, only):
        assert ["PERSISTED_QUERY_MISMATCH"] == await codes(http, query=TASKS, documentId=COUNT_ID)
        assert ["PERSISTED_QUERY_MISMATCH"] == await codes(http, query=COUNT, **apollo(hashed(TASKS)))


async def test_an_unknown_id_is_told_in_one_error_with_the_status_that_its_client_reads(
    only: httpx.AsyncClient,
) -> None:
    for accept, status in [("application/json", 200), ("application/graphql-response+json", 400)]:
        response = await only.post("/graphql", json={"documentId": "nope"}, headers={"accept": accept})
        error = {
            "message": "No document is known under this id.",
            "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
        }
        assert (status, {"errors": [error]}) == (response.status_code, response.json())


async def test_who_would_send_a_text_with_its_hash_each_time_is_told_that_none_is_kept(also: httpx.AsyncClient) -> None:
    assert ["PERSISTED_QUERY_NOT_SUPPORTED"] == await codes(also, **apollo(hashed("{ __typename }")))
    assert ["PERSISTED_QUERY_NOT_FOUND"] == await codes(also, documentId="nope")


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": 5},
        {"documentId": ["a"]},
        {"id": {"a": 1}},
        {"documentId": ""},
        {"extensions": {"persistedQuery": 5}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "ab"}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}},
        {"documentId": COUNT_ID, "variables": []},
    ],
)
async def test_what_is_no_id_is_a_bad_request(only: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await only.post("/graphql", json=body)

    assert (400, ["BAD_REQUEST"]) == (
        response.status_code,
        [error["extensions"]["code"] for error in response.json()["errors"]],
    )
    async with opened(only) as client:
        await client.initialise()
        await client.say(type="subscribe", id="one", payload=body)
        assert 4400 == (await client.closed())[0]

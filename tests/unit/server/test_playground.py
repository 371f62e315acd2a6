"""The playground's page refers to nothing but its own files, and those are served once and kept."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import httpx
import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate
from starlette.applications import Starlette
from starlette.routing import Route

from convoy_graphql.server.playground import HERE, Example, examples, playground_page, playground_routes

STATIC = {path.name.removesuffix(".gz") for path in (HERE / "static").iterdir()}
HOSTILE = Example("First", 'query First { a(b: "</script><script>alert(1)</script>") }', {"id": "</script>"})


@pytest.fixture
async def client():
    async def page(_request):
        return playground_page("/graphql", [*examples(), HOSTILE])

    app = Starlette(routes=[Route("/graphql", page), *playground_routes()])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        yield client


def references(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]*)"', page)


def configuration(page: str) -> dict:
    (found,) = re.findall(
        r'<script type="application/json" id="playground-configuration">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(found)


async def test_every_reference_of_the_page_is_relative_and_is_served(client):
    found = references((await client.get("/graphql")).text)

    assert {"favicon.svg", "playground.css", "playground.js"} == {re.split(r"[/?]", name)[2] for name in found}
    for reference in found:
        assert re.fullmatch(r"playground/static/[\w.]+\?v=[0-9a-f]{16}", reference)
        assert (await client.get(f"/{reference}")).status_code == 200


def test_references_climb_to_the_root_from_a_deeper_endpoint():
    page = playground_page("/api/v1/graphql", []).body.decode()

    assert all(reference.startswith("../../playground/static/") for reference in references(page))
    assert "graphql" == configuration(page)["endpoint"]


async def test_what_the_built_files_load_is_served_in_the_version_they_name(client):
    loads = {
        "playground.js": r'"(worker\.js\?v=[0-9a-f]{16})"',
        "playground.css": r"url\((?:\./)?(codicon\.ttf\?v=[0-9a-f]{16})\)",
    }
    for name, pattern in loads.items():
        (reference,) = re.findall(pattern, (await client.get(f"/playground/static/{name}")).text)
        response = await client.get(f"/playground/static/{reference}")
        assert "public, max-age=31536000, immutable" == response.headers["cache-control"], (
            f"{name} names {reference}: run make playground"
        )


async def test_the_style_sheet_loads_nothing_from_another_origin(client):
    style = (await client.get("/playground/static/playground.css")).text

    assert [] == re.findall(r"@import|url\(\s*[\"']?(?:https?:)?//", style)


async def test_the_page_runs_under_a_policy_that_allows_no_inline_script_and_no_other_origin(client):
    response = await client.get("/graphql")
    policy = dict(directive.split(" ", 1) for directive in response.headers["content-security-policy"].split("; "))

    assert ("'none'", "'self'") == (policy["default-src"], policy["script-src"])
    assert not re.search(r"https?:|\*|unsafe-eval|blob:", response.headers["content-security-policy"])
    scripts = re.findall(r"<script([^>]*)>", response.text)
    assert all('type="application/json"' in script or "src=" in script for script in scripts)
    assert not re.search(r"\son\w+=|javascript:", re.sub(r"<script.*?</script>", "", response.text, flags=re.DOTALL))
    assert ("no-cache", "Accept", "no-referrer") == tuple(
        response.headers[name] for name in ("cache-control", "vary", "referrer-policy")
    )


async def test_an_example_reaches_the_page_unchanged_whatever_it_holds(client):
    sent = configuration((await client.get("/graphql")).text)["examples"][-1]

    assert (HOSTILE.name, HOSTILE.query) == (sent["name"], sent["query"])
    assert HOSTILE.variables == json.loads(sent["variables"])


async def test_the_page_says_what_it_is_to_readers_without_script(client):
    page = (await client.get("/graphql")).text

    assert '<html lang="en">' in page
    assert "<title>Convoy GraphQL</title>" in page
    assert "<code>/graphql</code>" in re.search(r"<noscript>(.*)</noscript>", page)[1]


@pytest.mark.parametrize("name", sorted(STATIC))
async def test_a_file_asked_for_by_its_version_may_be_kept_for_ever(client, name):
    plain = await client.get(f"/playground/static/{name}")
    version = plain.headers["etag"].strip('"')

    assert "no-cache" == plain.headers["cache-control"]
    assert (
        "public, max-age=31536000, immutable"
        == (await client.get(f"/playground/static/{name}?v={version}")).headers["cache-control"]
    )
    assert "no-cache" == (await client.get(f"/playground/static/{name}?v={'0' * 16}")).headers["cache-control"]
    assert (
        304
        == (
            await client.get(f"/playground/static/{name}", headers={"if-none-match": f'W/"x", "{version}"'})
        ).status_code
    )
    assert "nosniff" == plain.headers["x-content-type-options"]


async def test_a_compressed_file_reads_the_same_to_a_client_that_takes_no_gzip(client):
    gzipped = await client.get("/playground/static/worker.js", headers={"accept-encoding": "gzip"})
    plain = await client.get("/playground/static/worker.js", headers={"accept-encoding": "identity"})

    assert ("gzip", None) == (gzipped.headers.get("content-encoding"), plain.headers.get("content-encoding"))
    assert "text/javascript; charset=utf-8" == gzipped.headers["content-type"]
    assert gzip.decompress((HERE / "static" / "worker.js.gz").read_bytes()) == gzipped.content == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "playground.js.gz",
        "",
        "..%2f..%2fplayground.py",
        "%2e%2e%2fbuild%2fbuild.sh",
        "..%5cbuild",
        "%00",
        "worker.js%00",
        "build/build.sh",
    ],
)
async def test_a_name_that_is_no_static_file_is_not_found(client, path):
    assert 404 == (await client.get(f"/playground/static/{path}")).status_code


def test_the_licences_of_what_is_bundled_are_beside_it():
    licences = (HERE / "static" / "THIRD_PARTY_LICENSES.txt").read_text(encoding="utf-8")

    assert all(
        f"\n{name} " in licences
        for name in ("graphiql", "graphql", "graphql-ws", "monaco-editor", "react", "react-dom")
    )


def test_the_committed_files_stay_small():
    sizes = sum(path.stat().st_size for path in (HERE / "static").iterdir())

    assert sizes < 2_000_000, f"playground/static holds {sizes} bytes: see build.mjs for what was left out, and why"


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_one_named_operation_under_a_comment_that_says_what_it_shows(example):
    (operation,) = parse(example.query).definitions

    assert isinstance(operation, OperationDefinitionNode)
    assert example.name == operation.name.value
    assert example.query.startswith("# ")


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_valid_against_the_committed_schema(example):
    schema = build_schema((Path(__file__).parents[3] / "schema.graphql").read_text(encoding="utf-8"))

    assert [] == validate(schema, parse(example.query))


def test_the_examples_come_in_the_order_of_their_files():
    assert ["Tree", "Context", "Open", "Wild", "Pages", "Node", "Live", "Comment", "Cost"] == [
        example.name for example in examples()
    ]


@pytest.mark.parametrize(
    "folder", [HERE / "build", Path(__file__).parents[2] / "browser"], ids=lambda folder: folder.name
)
def test_a_lock_file_pins_contents_and_names_no_download_host(folder):
    packages = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    assert [] == [name for name, package in packages.items() if "resolved" in package]
    assert [] == [name for name, package in packages.items() if name and "integrity" not in package]

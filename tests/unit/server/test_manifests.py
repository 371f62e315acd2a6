"""Manifests of trusted documents: the forms that are read, and what stops the start."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from convoy_graphql.cli import main
from convoy_graphql.errors import SetupError
from convoy_graphql.graph.limits import DEFAULT_LIMITS
from convoy_graphql.pg.doctor.finding import Verdict
from convoy_graphql.server.doctor import documents
from convoy_graphql.server.documents.documents import Documents
from convoy_graphql.server.documents.manifest import check_manifests, identifier_of, read_manifests
from convoy_graphql.settings import Settings

NAME, ID = "{ viewer { userId } }", "{ __typename }"


def written(folder: Path, **files: Any) -> Settings:
    """Settings that name these manifests; text is written as it is."""
    names = []
    for name, content in files.items():
        names.append(folder / f"{name}.json")
        names[-1].write_text(content if isinstance(content, str) else json.dumps(content))
    return Settings(trusted_documents=",".join(map(str, names)))


def refusal(settings: Settings) -> str:
    with pytest.raises(SetupError) as refused:
        check_manifests(read_manifests(settings), DEFAULT_LIMITS)
    return str(refused.value)


def test_each_document_is_known_by_its_own_id_and_by_its_hash(tmp_path: Path) -> None:
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "b", "body": ID}]}

    found = read_manifests(written(tmp_path, one={"a": NAME}, two=apollo, empty={}))

    assert {"a": NAME, "b": ID, identifier_of(NAME): NAME, identifier_of(ID): ID} == {
        name: each.text for name, each in found.items()
    }
    assert 2 == check_manifests(found, DEFAULT_LIMITS)
    # As the appendix to GraphQL over HTTP has it.
    example = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"
    assert "sha256:7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e" == identifier_of(example)


def test_the_same_document_may_stand_in_two_manifests(tmp_path: Path) -> None:
    assert 1 == check_manifests(
        read_manifests(written(tmp_path, one={"a": ID}, two={"a": ID, "b": ID})), DEFAULT_LIMITS
    )


def test_one_id_for_two_documents_is_refused(tmp_path: Path) -> None:
    told = refusal(written(tmp_path, one={"a": ID}, two={"a": NAME}))

    assert re.fullmatch(
        r"CONVOY_TRUSTED_DOCUMENTS: \S+two.json has another document under the id a than \S+one.json", told
    )


@pytest.mark.parametrize(
    "content", ["[]", "null", '{"a": 5}', '{"": "{ __typename }"}', '{"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}', '{"format": "apollo-persisted-query-manifest", "operations": [5]}']
)  # fmt: skip
def test_what_is_no_manifest_is_refused_with_what_is(tmp_path: Path, content: str) -> None:
    assert "one.json is no manifest: use an object of texts by id, as GraphQL Codegen and Relay write it" in refusal(
        written(tmp_path, one=content)
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "nowhere.json cannot be read: No such file" in refusal(Settings(trusted_documents="/nowhere.json"))
    assert "one.json is not JSON: " in refusal(written(tmp_path, one="{"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: Syntax Error"),
        ("{\n  __typename\n  nope\n}", "line 3: Cannot query field 'nope' on type 'Query'."),
        ("{ a b }", "(and 1 more)"),
        ("{ " + "__typename " * 2_001 + "}", "The document has more than 2,000 tokens"),
    ],
)
def test_a_document_that_would_not_be_answered_stops_the_start(tmp_path: Path, text: str, told: str) -> None:
    settings = written(tmp_path, one={"good": ID, "broken": text})

    refused = refusal(settings)
    served = CliRunner().invoke(main, ["serve"], env={"CONVOY_TRUSTED_DOCUMENTS": settings.trusted_documents})

    assert "one.json: broken: " in refused
    assert told in refused
    assert (1, f"Error: {refused}\n") == (served.exit_code, served.stderr)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(trusted_documents_only=True), "CONVOY_TRUSTED_DOCUMENTS names no manifest"),
        (Settings(trusted_documents="a", trusted_documents_only=True, automatic_documents=True), "set one of them"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: Settings, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        Documents.of(settings)


async def test_doctor_looks_at_them(tmp_path: Path) -> None:
    sound, broken = written(tmp_path, one={"a": ID, "b": NAME}), written(tmp_path, two={"a": "{ nope }"})

    assert "Clients may send any document." == (await documents(Settings())).found
    assert "2 trusted documents are valid." == (await documents(sound)).found
    found = await documents(broken)
    assert Verdict.FAULT is found.verdict
    assert "two.json: a: line 1: Cannot query field 'nope'" in found.found

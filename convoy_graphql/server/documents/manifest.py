"""Manifests: the files in which the clients' own tools write down every document that they send.

Three forms are read. GraphQL Codegen's client preset (`persisted-documents.json`) and Relay's compiler (`persistConfig.file`) write
an object of texts by id; Apollo's generate-persisted-query-manifest writes `{"format", "version", "operations": [{"id", "body"}]}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
from graphql import GraphQLError

from convoy_graphql.errors import SetupError
from convoy_graphql.graph.execution import Document, RequestError, read_document
from convoy_graphql.graph.limits import Limits
from convoy_graphql.settings import Settings, variable_of_name

#: Goes before the hash of a text where that is its id.
SHA256: Final = "sha256:"


@dataclass(slots=True)
class TrustedDocument:
    """A document of a manifest. `document` is what was made of it, once it was asked for."""

    file: str
    identifier: str
    text: str
    document: Document | None = None


def identifier_of(text: str) -> str:
    """The id that any document has: its hash, as the appendix on persisted documents to GraphQL over HTTP writes it."""
    return SHA256 + sha256(text.encode()).hexdigest()


def read_manifests(settings: Settings) -> Mapping[str, TrustedDocument]:
    """The documents of all manifests, by their own ids and by those that every document has.

    Raises:
        SetupError: a file cannot be read, is no manifest, or gives a document an id that another one has.
    """
    found: dict[str, TrustedDocument] = {}
    for file in (each.strip() for each in (settings.trusted_documents or "").split(",")):
        for identifier, text in _entries(file) if file else ():
            entry = TrustedDocument(file, identifier, text)
            for name in (identifier, identifier_of(text)):
                known = found.setdefault(name, entry)
                if known.text != text:
                    raise SetupError(
                        f"{_VARIABLE}: {file} has another document under the id {identifier} than {known.file}"
                    )
    return found


def check_manifests(documents: Mapping[str, TrustedDocument], limits: Limits) -> int:
    """Looks at each document as if it had been asked for. Returns how many there are.

    Raises:
        SetupError: the first one that would not be answered, and why.
    """
    distinct = {each.text: each for each in documents.values()}
    for text, each in distinct.items():
        try:
            read_document(text, limits)
        except RequestError as error:
            raise SetupError(f"{_VARIABLE}: {each.file}: {each.identifier}: {_first(error.errors)}") from None
    return len(distinct)


_VARIABLE: Final = variable_of_name("trusted_documents")


def _entries(file: str) -> Iterator[tuple[str, str]]:
    try:
        written: Any = orjson.loads(Path(file).read_bytes())
    except OSError as error:
        raise SetupError(f"{_VARIABLE}: {file} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise SetupError(f"{_VARIABLE}: {file} is not JSON: {error}") from None
    match written:
        case {"format": "apollo-persisted-query-manifest", "operations": [*operations]}:
            pairs = [_pair(each) for each in operations]
        case {**texts}:
            pairs = list(texts.items())
        case _:
            pairs = [("", None)]
    for identifier, text in pairs:
        if not (identifier and isinstance(identifier, str) and isinstance(text, str)):
            raise SetupError(
                f'{_VARIABLE}: {file} is no manifest: use an object of texts by id, as GraphQL Codegen and Relay write it, or Apollo\'s {{"format": "apollo-persisted-query-manifest", "operations": [{{"id": "...", "body": "..."}}]}}'
            )
        yield identifier, text


def _pair(operation: Any) -> tuple[Any, Any]:
    return (operation.get("id"), operation.get("body")) if isinstance(operation, dict) else ("", None)


def _first(errors: Sequence[GraphQLError]) -> str:
    where = "".join(f"line {location.line}: " for location in (errors[0].locations or ())[:1])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where}{' '.join(errors[0].message.split())}{more}"

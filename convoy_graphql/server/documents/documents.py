"""From what a client asks for, a text or the id of one, to the operation that is answered; and which texts are answered at all.

https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from graphql import GraphQLError

from convoy_graphql import observe
from convoy_graphql.errors import SetupError
from convoy_graphql.graph.execution import Operation, Prepared, RequestError, prepare, read_document
from convoy_graphql.graph.limits import Limits
from convoy_graphql.server.documents.automatic import AutomaticDocuments
from convoy_graphql.server.documents.manifest import SHA256, TrustedDocument, identifier_of, read_manifests
from convoy_graphql.settings import Settings

#: Characters of trusted documents that are kept parsed until the process stops: some 180 MB. What comes later shares the cache
#: of those that clients send.
MAX_PARSED: Final = 2_000_000

#: What each code says.
_TOLD: Final = {
    "PERSISTED_QUERY_NOT_SUPPORTED": "Persisted queries are not supported. Send the query itself.",
    "PERSISTED_QUERY_NOT_FOUND": "No document is known under this id.",
    "PERSISTED_QUERY_MISMATCH": "The query is not the document that has this id. Send either, or a query with its own SHA-256.",
    "PERSISTED_QUERY_REQUIRED": "Only documents that the operator of this server has listed are answered, and this is none of them.",
}

# Looked up once: `labels` takes a lock, several times in the time of a look at a known document.
_COUNTED: Final = {
    **{outcome: observe.documents.labels(outcome) for outcome in ("trusted", "automatic", "kept")},
    **{code: observe.documents.labels(code.removeprefix("PERSISTED_QUERY_").lower()) for code in _TOLD},
}


class Documents:
    """What one process knows of documents. `trusted` are those of the manifests, by id."""

    def __init__(self, settings: Settings, trusted: Mapping[str, TrustedDocument]) -> None:
        self._limits = Limits.of(settings)
        self.trusted = trusted
        self._by_text = {each.text: each for each in trusted.values()}
        self._is_closed = settings.trusted_documents_only
        self._automatic = (
            AutomaticDocuments(settings.max_automatic_documents, settings.max_automatic_bytes)
            if settings.automatic_documents
            else None
        )
        self._parsed = 0

    @classmethod
    def of(cls, settings: Settings) -> Documents:
        """
        Raises:
            SetupError: a manifest cannot be used, or the settings contradict each other.
        """
        if settings.trusted_documents_only and not settings.trusted_documents:
            raise SetupError("CONVOY_TRUSTED_DOCUMENTS_ONLY is set, and CONVOY_TRUSTED_DOCUMENTS names no manifest")
        if settings.trusted_documents_only and settings.automatic_documents:
            raise SetupError(
                "CONVOY_AUTOMATIC_DOCUMENTS takes any document, and CONVOY_TRUSTED_DOCUMENTS_ONLY none: set one of them"
            )
        return cls(settings, read_manifests(settings))

    def prepare(self, operation: Operation) -> Prepared:
        """The operation, found in its document, which is read and valid.

        Raises:
            RequestError: there is no such document, it is not answered here, or `prepare` refuses it.
        """
        if operation.document_id is None and not self._is_closed:
            return prepare(operation, self._limits)
        if operation.document_id is None:
            return self._prepare_trusted(operation, self._by_text.get(operation.query))
        if not self.trusted and self._automatic is None:
            if not operation.query:
                raise _refused("PERSISTED_QUERY_NOT_SUPPORTED")
            return prepare(operation, self._limits)
        if operation.query:
            return self._prepare_sent(operation, operation.document_id)
        return self._prepare_named(operation, operation.document_id)

    def _prepare_named(self, operation: Operation, identifier: str) -> Prepared:
        trusted = self.trusted.get(identifier)
        if trusted is not None:
            return self._prepare_trusted(operation, trusted)
        text = None if self._automatic is None else self._automatic.get(identifier)
        if text is not None:
            _COUNTED["automatic"].inc()
            return prepare(Operation(text, operation.variables, operation.name), self._limits)
        if self._automatic is None and not self._is_closed and identifier.startswith(SHA256):
            # What asks for a hash sends the text next, with the hash: for ever, unless it is told that none is kept.
            raise _refused("PERSISTED_QUERY_NOT_SUPPORTED")
        raise _refused("PERSISTED_QUERY_NOT_FOUND")

    def _prepare_sent(self, operation: Operation, identifier: str) -> Prepared:
        """Of a text that came with an id."""
        trusted = self.trusted.get(identifier)
        is_hash = identifier.startswith(SHA256)
        if operation.query != trusted.text if trusted else is_hash and identifier_of(operation.query) != identifier:
            raise _refused("PERSISTED_QUERY_MISMATCH")
        if trusted is not None or self._is_closed:
            return self._prepare_trusted(operation, trusted or self._by_text.get(operation.query))
        prepared = prepare(operation, self._limits)
        if is_hash and self._automatic is not None:
            _COUNTED["kept"].inc()
            self._automatic.keep(identifier, operation.query)
        return prepared

    def _prepare_trusted(self, operation: Operation, trusted: TrustedDocument | None) -> Prepared:
        if trusted is None:
            raise _refused("PERSISTED_QUERY_REQUIRED")
        _COUNTED["trusted"].inc()
        if trusted.document is None and self._parsed + len(trusted.text) <= MAX_PARSED:
            trusted.document = read_document(trusted.text, self._limits)
            self._parsed += len(trusted.text)
        return prepare(Operation(trusted.text, operation.variables, operation.name), self._limits, trusted.document)


def _refused(code: str) -> RequestError:
    _COUNTED[code].inc()
    return RequestError(code, [GraphQLError(_TOLD[code])])

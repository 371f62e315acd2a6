"""From a subscription operation to the payloads that a transport sends, shared among those who ask for the same."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache, partial

import orjson
from graphql import SKIP, ArgumentNode, FieldNode, VariableNode, Visitor, VisitorAction, visit
from graphql.utilities import strip_ignored_characters

from convoy_graphql import observe
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.errors import Busy, ConvoyError, DatabaseUnavailable, QueryTimedOut
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.hub import Hub, Subscription
from convoy_graphql.feed.stream import Happened, Message, Rights, Stream, Topic
from convoy_graphql.feed.visible import visible_workspaces
from convoy_graphql.graph import streams
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.events import MOST_EVENTS
from convoy_graphql.graph.execution import MAX_DOCUMENT_LENGTH, MAX_DOCUMENTS, Prepared
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.server.answers import encode, result_answer
from convoy_graphql.server.budget import Budget
from convoy_graphql.server.executors import LOADERS
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.server")

#: Arguments that say where a subscriber begins, which is their own affair, and not what each event is answered with.
_WHERE_TO_BEGIN = frozenset({"after", "includeInitial"})


class Subscriptions:
    """Opens subscriptions on the hub of this process."""

    def __init__(self, hub: Hub, database: Database, settings: Settings, budget: Budget | None = None) -> None:
        """`budget`: events that would take more than a query may are left to the loaders, which stop in time."""
        self._hub = hub
        self._database = database
        self._settings = settings
        self._budget = budget

    async def follow(self, prepared: Prepared, viewer: Viewer | None = None, after: str | None = None) -> Subscription:
        """The subscription that an operation of `viewer` asks for; `after` takes the place of the cursor in its arguments.

        Raises:
            RequestError: a variable or an argument has a value that is not taken.
        """
        stream = streams.Stream(prepared)
        rights = None if viewer is None else viewer.rights
        seeing = None if viewer is None or viewer.is_service else Rights(viewer.subject, partial(self._look, viewer))

        async def answer(messages: Sequence[Message]) -> Sequence[bytes | None]:
            # Before a connection is had: an estimate needs one, too.
            statements = await self._statements(stream, messages, viewer)
            async with self._database.reader(viewer) as reader:
                bodies = None if statements is None else await _by_statements(stream, messages, statements, reader)
                if bodies is None:
                    bodies = await self._by_loaders(stream, messages, reader)
                # Asked again: who has left a workspace since is not told that something happened there.
                still = None if seeing is None else await visible_workspaces(reader.fetch)
            return [
                None if _is_hidden(message, still) else body for message, body in zip(messages, bodies, strict=True)
            ]

        def follow(of: Stream, wanted: FeedFilter, cursor: str | None, initial: int) -> Subscription:
            topic = Topic((key_of(prepared), rights), of, wanted, answer, seeing)
            return self._hub.follow(topic, after=cursor if after is None else after, initial=initial)

        return stream.open(follow)

    async def _statements(
        self, stream: streams.Stream, messages: Sequence[Message], viewer: Viewer | None
    ) -> list[Bound | None] | None:
        """What answers the messages, aligned to them: None for one that takes no statement, and where the loaders answer all."""
        events = [message for message in messages if isinstance(message, Happened)]
        if self._settings.executor == LOADERS or not 0 < len(events) <= MOST_EVENTS:
            return None
        statements: list[Bound | None] = []
        for message in messages:
            bound = stream.compiled.bound(message) if isinstance(message, Happened) else None
            if isinstance(bound, Unsupported):
                observe.declined.labels(bound.reason).inc()
                return None
            if bound is not None and self._budget is not None:
                try:
                    estimate = await self._budget.estimate(bound, viewer)
                except QueryTimedOut:
                    return None
                if estimate.refused is not None:
                    return None
            statements.append(bound)
        return statements

    async def _by_loaders(
        self, stream: streams.Stream, messages: Sequence[Message], reader: Reader
    ) -> list[bytes | None]:
        context = OperationContext(reader.fetch, viewer=reader.viewer, most_rows=self._settings.max_loaded_rows)
        most = self._settings.max_errors
        results = await stream.answer(messages, context)
        return [None if result is None else encode(result_answer(result, most)) for result in results]

    async def _look(self, viewer: Viewer) -> frozenset[str]:
        async with self._database.reader(viewer) as reader:
            return await visible_workspaces(reader.fetch)


async def _by_statements(
    stream: streams.Stream, messages: Sequence[Message], statements: Sequence[Bound | None], reader: Reader
) -> list[bytes | None] | None:
    """What the statements give; None where PostgreSQL refuses one, which the loaders meet again, and tell or mask.

    Raises:
        Busy, DatabaseUnavailable: the messages may be answered in a moment.
    """
    bodies: list[bytes | None] = []
    try:
        for message, bound in zip(messages, statements, strict=True):
            if not isinstance(message, Happened):
                # No rows stand in it.
                (result,) = await stream.answer([message], OperationContext(reader.fetch))
                bodies.append(None if result is None else encode(result_answer(result, 1)))
                continue
            rows = [] if bound is None else await reader.fetch(bound.sql, bound.parameters)
            data = stream.compiled.data(message, rows[0][0] if rows else None)
            bodies.append(None if data is None else b'{"data":%b}' % data)
    except (Busy, DatabaseUnavailable):
        raise
    except Exception as error:  # whatever it is, the loaders say it better
        if not isinstance(error, ConvoyError):
            logger.warning("a compiled event failed; the loaders answer", exc_info=error)
        return None
    return bodies


def _is_hidden(message: Message, visible: frozenset[str] | None) -> bool:
    return visible is not None and isinstance(message, Happened) and message.workspace_id not in visible


def key_of(prepared: Prepared) -> Hashable:
    """What is the same for those who can share each answer: the document, the operation in it, and what its variables say.

    Those that only tell where to begin say nothing: who comes back with a cursor shares with who stayed. Nor do the white space, the
    commas and the comments of a document: an error of a field then bears the line and the column that it has in the first one's.
    """
    operation = prepared.operation
    told = {name: value for name, value in operation.variables.items() if name not in _only_to_begin(prepared)}
    text = operation.query if len(operation.query) > MAX_DOCUMENT_LENGTH else _without_layout(operation.query)
    return text, operation.name, orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


#: 0.2 ms for a document of some lines, which thousands may ask for at once.
_without_layout = lru_cache(MAX_DOCUMENTS)(strip_ignored_characters)


def _only_to_begin(prepared: Prepared) -> AbstractSet[str]:
    """The variables that stand nowhere but in the root field's arguments of where to begin."""
    beginning: set[int] = set()
    for field in prepared.node.selection_set.selections:
        if isinstance(field, FieldNode):
            beginning.update(id(each) for each in field.arguments or () if each.name.value in _WHERE_TO_BEGIN)
    found = _Variables(beginning)
    visit(prepared.document, found)
    return found.beginning - found.other


class _Variables(Visitor):
    """Gathers the names of variables inside the arguments given by id, and elsewhere."""

    def __init__(self, arguments: AbstractSet[int]) -> None:
        super().__init__()
        self._arguments = arguments
        self._depth = 0
        self.beginning: set[str] = set()
        self.other: set[str] = set()

    def enter_variable_definition(self, *_: object) -> VisitorAction:
        return SKIP

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self._depth += id(node) in self._arguments

    def leave_argument(self, node: ArgumentNode, *_: object) -> None:
        self._depth -= id(node) in self._arguments

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        (self.beginning if self._depth else self.other).add(node.name.value)

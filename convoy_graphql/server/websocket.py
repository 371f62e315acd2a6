"""`/graphql` by WebSocket: queries, mutations and subscriptions over the sub-protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from convoy_graphql import observe
from convoy_graphql.errors import AuthenticationUnavailable, Unauthenticated
from convoy_graphql.graph.execution import Operation, RequestError
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.server.answers import error_list, masked, told
from convoy_graphql.server.auth.authentication import Authentication
from convoy_graphql.server.connections import CONNECTION, Stalled, WebSocketConnection
from convoy_graphql.server.documents.documents import Documents
from convoy_graphql.server.executors import Executors
from convoy_graphql.server.http import ClientGone
from convoy_graphql.server.negotiation import RefusedRequest, decode_json, operation_of
from convoy_graphql.server.origins import Origins
from convoy_graphql.server.rates import FOLLOWING
from convoy_graphql.server.requests import Requests, asked_by, begin, found, identifier
from convoy_graphql.server.subscriptions import Subscriptions
from convoy_graphql.settings import Settings
from convoy_graphql.traces import traces

SUBPROTOCOL: Final = "graphql-transport-ws"

#: What a close frame holds beside its code (RFC 6455, 5.5).
MAX_REASON_BYTES: Final = 123

#: An operation's id goes before each of its messages.
MAX_ID_LENGTH: Final = 256


class CloseCode(IntEnum):
    """Why a socket is closed. After those marked so, a client of the field opens another one by itself."""

    SERVER_RESTARTS = 1012  # comes again; `WebSocketConnection.shutdown` sends it, too
    TRY_AGAIN_LATER = 1013  # comes again
    SERVER_FAILED = 4500
    BAD_MESSAGE = 4400
    NOT_INITIALISED = 4401
    FORBIDDEN = 4403  # comes again: with a fresh token, if it asks for one each time
    WRONG_SUBPROTOCOL = 4406
    INIT_TOO_LATE = 4408  # comes again
    ID_IN_USE = 4409
    INIT_TWICE = 4429
    STALLED = 4499  # comes again


#: Codes that metrics count, each by itself. A client may close with any of thousands.
_TOLD_APART: Final = frozenset({*CloseCode, 1000, 1001, 1005, 1006})


class Close(Exception):
    """The socket has to be closed, and why."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        # Of a character that does not fit as a whole nothing is sent.
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


class WebSocketView:
    """An ASGI application for the endpoint's WebSockets."""

    def __init__(
        self,
        executors: Executors,
        subscriptions: Subscriptions,
        settings: Settings,
        documents: Documents,
        authentication: Authentication | None = None,
    ) -> None:
        self.executors = executors
        self.subscriptions = subscriptions
        self.settings = settings
        self.documents = documents
        self.origins = Origins(settings.allowed_origins, is_open=authentication is None)
        self.authentication = authentication
        self.requests = Requests(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if not self.origins.may_connect(dict(scope["headers"])):
            observe.socket_closes.labels("403").inc()
            await send({"type": "websocket.close"})
            return
        offered: list[str] = scope["subprotocols"]
        if SUBPROTOCOL not in offered:
            # Accepted, so that the client can read why it is not served: a browser shows no code of a refused handshake.
            await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
            close = Close(CloseCode.WRONG_SUBPROTOCOL, f"Use the sub-protocol {SUBPROTOCOL}.")
            await send({"type": "websocket.close", "code": close.code, "reason": close.reason})
            observe.socket_closes.labels(str(close.code.value)).inc()
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        connection: WebSocketConnection = scope["extensions"][CONNECTION]
        headers = dict(scope["headers"])
        request = begin(identifier(headers))
        socket = _Socket(connection, receive, self, request.id, scope)
        with observe.sockets.track_inprogress():
            code = await socket.serve()
        self.requests.end_socket(request, code, socket.operations)
        observe.socket_closes.labels(str(code) if code in _TOLD_APART else "other").inc()


class _Socket:
    """One client's socket, from its acceptance to its end."""

    def __init__(
        self,
        connection: WebSocketConnection,
        receive: Receive,
        view: WebSocketView,
        socket_id: str,
        scope: Scope,
    ) -> None:
        self._connection = connection
        self._id = socket_id
        self._headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._client = scope.get("client")
        #: How many operations were begun.
        self.operations = 0
        self._receive = receive
        self._view = view
        self._settings = view.settings
        self._viewer: Viewer | None = None
        self._is_initialised = False
        # Until it is initialised, and then until its token ends.
        self._time = asyncio.timeout(view.settings.socket_init_timeout_s)
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._code = 0

    async def serve(self) -> int:
        """Answers messages until the socket is closed. Returns the code that it was closed with."""
        try:
            async with self._time:
                while True:
                    await self._handle(await self._next_message())
        except TimeoutError:
            if self._is_initialised:
                self._close(Close(CloseCode.FORBIDDEN, "Forbidden: TOKEN_EXPIRED"))
            else:
                self._close(Close(CloseCode.INIT_TOO_LATE, "connection_init has to come first, and soon."))
        except Close as close:
            self._close(close)
        except (ClientGone, *_CLOSED):
            self._code = self._code or 1006
        except Exception as error:  # noqa: BLE001  # the last place where it can be kept from the client
            masked(error)
            self._close(Close(CloseCode.SERVER_FAILED, "Something went wrong in the server."))
        finally:
            running = list(self._operations.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return self._code

    def _close(self, close: Close) -> None:
        self._code = close.code.value
        self._connection.let_go(close.code, close.reason)

    # Messages that come

    async def _next_message(self) -> Any:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._code = self._code or message.get("code") or 1005
            raise ClientGone
        text = message.get("text")
        if text is None:
            raise Close(CloseCode.BAD_MESSAGE, "Send messages as text in UTF-8.")
        encoded = text.encode()
        if len(encoded) > self._settings.max_socket_message_bytes:
            most = self._settings.max_socket_message_bytes
            raise Close(CloseCode.BAD_MESSAGE, f"A message may have {most:,} bytes. Send large changes with POST.")
        try:
            return decode_json(encoded, "The message")
        except RefusedRequest as refused:
            raise Close(CloseCode.BAD_MESSAGE, refused.message) from None

    async def _handle(self, message: Any) -> None:
        match message:
            case {"type": "subscribe", "id": str(operation_id), "payload": payload}:
                await self._subscribe(operation_id, payload)
            case {"type": "complete", "id": str(operation_id)}:
                if task := self._operations.pop(operation_id, None):
                    task.cancel()
            case {"type": "connection_init", **rest} if _is_payload(rest):
                await self._initialise(message.get("payload"))
            case {"type": "ping", **rest} if _is_payload(rest):
                answer = {"type": "pong"}
                await self._send(orjson.dumps(answer if rest.get("payload") is None else answer | rest))
            case {"type": "pong", **rest} if _is_payload(rest):
                pass
            case {"type": "subscribe" | "complete" | "connection_init" | "ping" | "pong" as kind}:
                raise Close(CloseCode.BAD_MESSAGE, f"This is not what a message of type {kind} holds.")
            case {"type": _}:
                raise Close(CloseCode.BAD_MESSAGE, "This type of message is not known.")
            case _:
                raise Close(CloseCode.BAD_MESSAGE, 'A message is a JSON object with a "type".')

    async def _initialise(self, payload: Mapping[str, Any] | None) -> None:
        if self._is_initialised:
            raise Close(CloseCode.INIT_TWICE, "Too many initialisation requests")
        lasts_s = None
        if self._view.authentication is not None:
            try:
                caller = await self._view.authentication.caller_of(payload)
            except Unauthenticated as error:
                raise Close(CloseCode.FORBIDDEN, f"Forbidden: {error.reason}") from None
            except AuthenticationUnavailable as error:
                raise Close(CloseCode.TRY_AGAIN_LATER, error.message) from None
            self._viewer, lasts_s = caller.viewer, caller.lasts_s
        self._is_initialised = True
        self._time.reschedule(None if lasts_s is None else asyncio.get_running_loop().time() + lasts_s)
        await self._send(b'{"type":"connection_ack"}')

    async def _subscribe(self, operation_id: str, payload: Any) -> None:
        if not self._is_initialised:
            raise Close(CloseCode.NOT_INITIALISED, "Unauthorized")
        if not 0 < len(operation_id) <= MAX_ID_LENGTH:
            raise Close(CloseCode.BAD_MESSAGE, f"An operation's id has 1 to {MAX_ID_LENGTH} characters.")
        if operation_id in self._operations:
            raise Close(CloseCode.ID_IN_USE, f"Subscriber for {operation_id} already exists")
        try:
            operation = operation_of(payload)
        except RefusedRequest as refused:
            raise Close(CloseCode.BAD_MESSAGE, refused.message) from None
        if len(self._operations) >= self._settings.max_socket_operations:
            most = self._settings.max_socket_operations
            refusal = GraphQLError(
                f"{most} operations run on this socket already. Complete one of them first, or open another socket.",
                extensions={"code": "TOO_MANY_OPERATIONS"},
            )
            await self._send(_Messages(operation_id).error(error_list([refusal], 1)))
            return
        self._operations[operation_id] = asyncio.create_task(self._run(operation_id, operation))

    # Operations

    async def _run(self, operation_id: str, operation: Operation) -> None:
        """Answers one operation, and ends it with a message; unless the socket is closed, which its reader is told."""
        message = _Messages(operation_id)
        self.operations += 1
        request = begin(f"{self._id}.{self.operations}", self._headers)
        if self._viewer is not None:
            asked_by(self._viewer)
        outcome = "gone"
        try:
            try:
                await self._answer(operation, message)
                last, outcome = message.complete, "complete"
            except RequestError as error:
                last, outcome = message.error(error_list(error.errors, self._settings.max_errors)), "error"
            except _CLOSED:
                raise
            except Exception as error:  # noqa: BLE001  # the last place where it can be kept from the client
                last, outcome = message.error([told(error)]), "error"
            self._end(operation_id)
            await self._send(last)
        except _CLOSED:
            self._end(operation_id)
        finally:
            self._view.requests.end_operation(request, self._id, operation_id, outcome)

    async def _answer(self, operation: Operation, message: _Messages) -> None:
        prepared = traces.part("read document", self._view.documents.prepare, operation)
        found(prepared.compiled)
        account = self._view.executors.account(self._viewer, self._client)
        if not prepared.is_subscription:
            await self._send(message.next(await self._view.executors.answer(prepared, self._viewer, account=account)))
            return
        account.spend(FOLLOWING)
        async with await self._view.subscriptions.follow(prepared, self._viewer) as subscription:
            async for payload in subscription:
                await self._send(message.next(payload.body))
        # The process stops: the stream has not ended, and goes on with another one.
        self._close(Close(CloseCode.SERVER_RESTARTS, ""))

    def _end(self, operation_id: str) -> None:
        # Unless the client has completed it, and begun another one under the same id meanwhile.
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]

    async def _send(self, text: bytes) -> None:
        try:
            await self._connection.send_text(text, self._settings.send_stall_limit_s)
        except Stalled:
            self._close(Close(CloseCode.STALLED, "Nothing was read. Connect again, and resume after your last cursor."))
            raise


#: What sending raises where nobody is there any more.
_CLOSED: Final = (OSError, Stalled)


class _Messages:
    """The messages of one operation. What stands around a payload is made once."""

    def __init__(self, operation_id: str) -> None:
        self._begin = b'{"id":' + orjson.dumps(operation_id) + b',"type":'
        self._before_next = self._begin + b'"next","payload":'

    def next(self, payload: bytes) -> bytes:
        return b"%b%b}" % (self._before_next, payload)

    def error(self, errors: list[dict[str, Any]]) -> bytes:
        return self._begin + b'"error","payload":' + orjson.dumps(errors) + b"}"

    @property
    def complete(self) -> bytes:
        return self._begin + b'"complete"}'


def _is_payload(rest: Mapping[Any, Any]) -> bool:
    return isinstance(rest.get("payload"), Mapping | None)

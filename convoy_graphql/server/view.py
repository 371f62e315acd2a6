"""The endpoint `/graphql`: operations by POST and GET, and the playground for browsers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from graphql import GraphQLError
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from convoy_graphql.errors import AuthenticationUnavailable, BadUserInput, RateLimited, Unauthenticated
from convoy_graphql.graph.execution import RequestError
from convoy_graphql.pg.lsn import lsn_text, read_lsn
from convoy_graphql.server import requests
from convoy_graphql.server.answers import encode, error_list, masked, told
from convoy_graphql.server.auth.authentication import Authentication, refusal_of
from convoy_graphql.server.documents.documents import Documents
from convoy_graphql.server.executors import Executors
from convoy_graphql.server.http import ClientGone, HttpRequest, HttpResponse
from convoy_graphql.server.negotiation import (
    EVENT_STREAM_TYPE,
    GRAPHQL_TYPE,
    HTML_TYPE,
    JSON_TYPE,
    RefusedRequest,
    answered_in,
    read_operation,
    too_large,
)
from convoy_graphql.server.origins import Origins
from convoy_graphql.server.playground import Example, examples, playground_page
from convoy_graphql.server.rates import FOLLOWING
from convoy_graphql.server.sse import LAST_EVENT_ID, EventStream
from convoy_graphql.server.subscriptions import Subscriptions
from convoy_graphql.server.tabs import example_tabs
from convoy_graphql.settings import Settings
from convoy_graphql.traces import traces

ENDPOINT = "/graphql"

#: Asks for `extensions.convoy`: which executor answered, with how many statements, in which time; and for `extensions.cost`.
TRACE_HEADER = b"x-convoy-trace"


#: What was written when a change was answered; sent back, what an answer has to show. Only where there are replicas.
POSITION_HEADER = b"x-convoy-lsn"


class GraphQLView:
    """An ASGI application that answers every method: it says itself which it takes, as a GraphQL client reads it."""

    def __init__(
        self,
        executors: Executors,
        subscriptions: Subscriptions,
        settings: Settings,
        documents: Documents,
        authentication: Authentication | None = None,
    ) -> None:
        self._database = executors.database
        self._executors = executors
        self._authentication = authentication
        self._settings = settings
        self._documents = documents
        self._requests = requests.Requests(settings)
        self._origins = Origins(settings.allowed_origins, is_open=authentication is None)
        self._subscriptions = subscriptions
        #: What a GET may be answered with that is no answer to an operation.
        self._pages = (HTML_TYPE,) if settings.playground else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest(scope, receive)
        origin = request.header(b"origin")
        is_of_elsewhere = bool(origin) and self._origins.lists(origin)
        if is_of_elsewhere:
            send = _readable(send, self._origins.headers_for(origin, is_preflight=request.method == "OPTIONS"))
        asked = requests.begin(requests.identifier(request.headers), request.headers)
        status = 0
        try:
            response = await self.respond(request)
            if isinstance(response, HttpResponse):
                status = response.status
                identifier = requests.HEADER, asked.id.encode()
                if is_of_elsewhere or not request.answer(response, identifier):
                    await response.send(send, identifier)
            else:
                identified = requests.Identified(send, asked)
                try:
                    await response(scope, receive, identified)
                finally:
                    status = identified.status
        finally:
            self._requests.end_http(asked, request.method, ENDPOINT, status)

    async def respond(self, request: HttpRequest) -> HttpResponse | EventStream | Response:
        """The response to a request, whatever went wrong with it."""
        if not self._origins.knows(request.host):
            return refusal(_refused_host(), JSON_TYPE)
        media_type = answered_in(request.header(b"accept"), self._pages if request.method == "GET" else ())
        if media_type == HTML_TYPE:
            return playground_page(ENDPOINT, await self._examples())
        if media_type is None:
            return refusal(
                RefusedRequest(406, "NOT_ACCEPTABLE", f"Accept {GRAPHQL_TYPE}, {JSON_TYPE} or {EVENT_STREAM_TYPE}."),
                JSON_TYPE,
            )
        try:
            return await self._execute(request, media_type)
        except asyncio.CancelledError:
            if not request.has_stopped():
                raise
            return _gone(media_type)
        except ClientGone:
            return _gone(media_type)
        except RefusedRequest as refused:
            return refusal(refused, _refusing(media_type))
        except (Unauthenticated, AuthenticationUnavailable, RateLimited) as error:
            status, headers = _limited(error) if isinstance(error, RateLimited) else refusal_of(error)
            return respond({"errors": [told(error)]}, _refusing(media_type), status, headers)
        except RequestError as error:
            if media_type == EVENT_STREAM_TYPE:
                # A browser's EventSource does not show what an error status comes with.
                answer = {"errors": error_list(error.errors, self._settings.max_errors)}
                return EventStream((encode(answer),), self._settings)
            # A client of the older media type reads errors from the body alone, and may not read the body of a 400.
            status = 400 if media_type == GRAPHQL_TYPE else 200
            return respond({"errors": error_list(error.errors, self._settings.max_errors)}, media_type, status)
        except Exception as error:  # noqa: BLE001  # the last place where it can be kept from the client
            return respond({"errors": [masked(error)]}, _refusing(media_type), 500)
        finally:
            request.stop_no_more()

    async def _examples(self) -> Sequence[Example]:
        # With ids of rows that exist, where everybody may see all rows.
        if self._authentication is not None:
            return examples()
        return await example_tabs(self._database)

    async def _execute(self, request: HttpRequest, media_type: str) -> HttpResponse | EventStream | Response:
        if request.method != "POST" and self._is_preflight(request):
            return Response(status_code=204)
        viewer = lasts_s = None
        if self._authentication is not None:
            caller = await self._authentication.caller(request.header(b"authorization"))
            viewer, lasts_s = caller.viewer, caller.lasts_s
            requests.asked_by(viewer)
        operation = await read_operation(request, self._settings.max_body_bytes)
        prepared = traces.part("read document", self._documents.prepare, operation)
        requests.found(prepared.compiled)
        if request.body_bytes > self._settings.max_query_body_bytes and not prepared.is_mutation:
            raise too_large(self._settings.max_query_body_bytes, "of a query or a subscription")
        if request.method == "GET" and prepared.is_mutation:
            raise RefusedRequest(
                405, "METHOD_NOT_ALLOWED", "Only queries can be sent with GET. Send mutations with POST.", allow="POST"
            )
        account = self._executors.account(viewer, request.client)
        if prepared.is_subscription:
            if media_type != EVENT_STREAM_TYPE:
                raise RefusedRequest(
                    406,
                    "NOT_ACCEPTABLE",
                    f"A subscription has many answers. Accept {EVENT_STREAM_TYPE}, or send it over a WebSocket.",
                )
            last_event_id = request.header(LAST_EVENT_ID) or None
            account.spend(FOLLOWING)
            subscription = await self._subscriptions.follow(prepared, viewer, last_event_id)
            return EventStream(subscription, self._settings, lasts_s)
        traced = TRACE_HEADER in request.headers and request.headers[TRACE_HEADER].lower() in {b"1", b"true"}
        seen = _position(request.header(POSITION_HEADER)) if request.headers.get(POSITION_HEADER) else None
        request.stop_when_gone()
        answer = await self._executors.answer(prepared, viewer, traced=traced, seen=seen, account=account)
        if media_type == EVENT_STREAM_TYPE:
            return EventStream((answer,), self._settings)
        written = await self._database.written() if prepared.is_mutation else None
        if written is None:
            return HttpResponse(answer, media_type)
        return HttpResponse(answer, media_type, headers={POSITION_HEADER.decode(): lsn_text(written)})

    def _is_preflight(self, request: HttpRequest) -> bool:
        """Whether a browser asks if a page of another origin may send what it wants to.

        Raises:
            RefusedRequest: it may not; or it may not ask by GET, which needs no such question.
        """
        origin = request.header(b"origin")
        is_preflight = request.method == "OPTIONS" and bool(request.header(b"access-control-request-method"))
        if is_preflight and not self._origins.lists(origin):
            raise _refused_origin()
        if request.method == "GET" and not self._origins.may_get(origin, request.header(b"sec-fetch-site")):
            raise _refused_origin()
        return is_preflight


def _position(told: str) -> int:
    """What a client has seen, as a change of theirs was answered with it."""
    try:
        return read_lsn(told)
    except BadUserInput as error:
        raise RefusedRequest(400, "BAD_REQUEST", error.message) from None


def _limited(error: RateLimited) -> tuple[int, dict[str, str]]:
    return 429, {"retry-after": str(error.retry_after_s)}


def _refused_origin() -> RefusedRequest:
    return RefusedRequest(
        403,
        "FORBIDDEN",
        "Pages of this origin may not ask this server. The operator can list it in CONVOY_ALLOWED_ORIGINS.",
    )


def _refused_host() -> RefusedRequest:
    return RefusedRequest(
        403,
        "FORBIDDEN",
        "This server has no authentication, and answers to this machine's own names only. "
        "The operator can list another one in CONVOY_ALLOWED_ORIGINS, as https://name.",
    )


def _readable(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    """`send`, with headers that let a page of another origin read what is sent."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return sending


def _gone(media_type: str) -> HttpResponse:
    """Nobody reads it, and nothing went wrong here."""
    return refusal(RefusedRequest(400, "BAD_REQUEST", "The client went away."), _refusing(media_type))


def _refusing(media_type: str) -> str:
    """The media type of what is no answer to an operation: an event stream has answers alone."""
    return JSON_TYPE if media_type == EVENT_STREAM_TYPE else media_type


def refusal(refused: RefusedRequest, media_type: str) -> HttpResponse:
    """The answer to a request that holds no operation."""
    error = GraphQLError(refused.message, extensions={"code": refused.code})
    return respond({"errors": error_list([error], 1)}, media_type, refused.status, refused.headers)


def respond(answer: object, media_type: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(encode(answer), media_type, status, headers or {})

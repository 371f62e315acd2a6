"""Operations asked as somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tenants import user

from client import Answer, GraphClient
from convoy_graphql.pg.viewer import Viewer


@dataclass(frozen=True)
class Asking:
    """Asks over one database, each time as whom it is told."""

    client: GraphClient

    async def ask(self, viewer: Viewer | UUID | None, query: str, **variables: Any) -> Answer:
        """The answer, whatever it is. A UUID is a user who is signed in."""
        self.client.viewer = user(viewer) if isinstance(viewer, UUID) else viewer
        plain = {name: str(value) if isinstance(value, UUID) else value for name, value in variables.items()}
        return await self.client.ask(query, plain)

    async def change(self, viewer: Viewer | UUID | None, mutation: str, shows: str = "", **values: Any) -> Change:
        """What a mutation comes to, with `code field message needs` of each error."""
        kind = mutation[0].upper() + mutation[1:]
        plain = {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}
        answer = await self.ask(
            viewer,
            f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {shows}"
            " errors { __typename code field message ... on NotPermittedError { needs } } } }",
            input=plain,
        )
        return Change(answer, (answer.data or {}).get(mutation))


@dataclass(frozen=True)
class Change:
    """The answer to a mutation, and its payload where there is one."""

    answer: Answer
    payload: Any

    @property
    def codes(self) -> list[str]:
        """What went wrong: in the payload, or beside it."""
        return [error["code"] for error in self.payload["errors"]] if self.payload else self.answer.codes

    @property
    def error(self) -> Any:
        assert self.payload, self.answer.errors
        assert 1 == len(self.payload["errors"]), self.payload
        return self.payload["errors"][0]

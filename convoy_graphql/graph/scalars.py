"""The scalars that GraphQL does not have.

Instants and JSON come to the resolvers as the text that PostgreSQL's JSON gives them, and leave as they came.
"""

from __future__ import annotations

from typing import NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.values import read_datetime

DateTime = NewType("DateTime", str)
JSON = NewType("JSON", object)


def _parse_datetime(value: object) -> str:
    try:
        return read_datetime("DateTime", value)
    except BadUserInput as error:
        # graphql-core puts before it which value, and where in the operation or its variables it stands.
        raise ValueError(error.accepted) from None


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant in ISO 8601, answered in UTC with as many digits of the second as it has: `2026-01-31T09:30:00.25+00:00`."
            " As an argument it takes any offset, `Z` included, and the years 1 to 9999."
            " A year beyond 9999, a year `BC` or `infinity`, which PostgreSQL can hold, is answered as PostgreSQL writes it."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        parse_value=_parse_datetime,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description=(
            "Any JSON value, answered with every digit and key that is stored."
            ' As an argument it takes a literal (`{language: "python"}`) or a variable; integers of 64 bits at most, 64 levels deep at most.'
        ),
        specified_by_url="https://ecma-international.org/publications-and-standards/standards/ecma-404/",
        # A fragment goes into the response unread: parsing would round long numbers and fail at deep nesting.
        serialize=orjson.Fragment,
    ),
}

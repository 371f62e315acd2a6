"""One rule for turning the database's names into the API's."""

from __future__ import annotations


def camel(snake: str) -> str:
    """`created_at` as the API writes it: `createdAt`."""
    first, *rest = snake.split("_")
    return first + "".join(word.capitalize() for word in rest)


def constant(snake: str) -> str:
    """`created_at` as a member of an enum: `CREATED_AT`."""
    return snake.upper()

"""The arguments that the operations give, as far as they give them."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum
class Direction(Enum):
    ASC = "asc"
    DESC = "desc"


@strawberry.enum
class TaskOrderField(Enum):
    UPDATED_AT = "updated_at"


@strawberry.enum
class ActivityOrderField(Enum):
    CREATED_AT = "created_at"


@strawberry.input
class StringFilter:
    eq: str | None = None
    i_contains: str | None = None


@strawberry.input
class TaskFilter:
    status: StringFilter | None = None
    title: StringFilter | None = None


@strawberry.input
class TaskOrder:
    field: TaskOrderField
    direction: Direction = Direction.ASC


@strawberry.input
class ActivityOrder:
    field: ActivityOrderField
    direction: Direction = Direction.ASC

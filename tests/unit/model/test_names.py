"""The one rule between the database's names and the API's."""

from __future__ import annotations

import pytest

from convoy_graphql.model.names import camel, constant


@pytest.mark.parametrize(
    ("snake", "expected"),
    [
        ("id", ("id", "ID")),
        ("created_at", ("createdAt", "CREATED_AT")),
        ("depends_on_task_id", ("dependsOnTaskId", "DEPENDS_ON_TASK_ID")),
    ],
)
def test_a_column_is_camel_case_as_a_field_and_capitals_in_an_enum(snake: str, expected: tuple[str, str]) -> None:
    assert expected == (camel(snake), constant(snake))

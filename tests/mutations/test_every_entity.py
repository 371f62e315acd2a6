"""Create, update, upsert and delete, each for each of the seven entities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from specimens import Specimen, specimens

if TYPE_CHECKING:
    import asyncpg
    from changing import Change, Changed, Home, Unchanged

ENGINES = ("loaders",)
TYPES = ("Workspace", "Project", "Milestone", "Task", "Workflow", "Pattern", "BestPractice")


@pytest.fixture(params=TYPES)
def specimen(request: pytest.FixtureRequest, home: Home) -> Specimen:
    return specimens(home)[request.param]


@pytest.fixture
async def row(change: Change, specimen: Specimen) -> str:
    """A row with all that one can have."""
    created = await change(f"create{specimen.type}", specimen.most, specimen.row())
    return created[specimen.field]["id"]


async def test_what_is_given_is_stored(change: Change, specimen: Specimen) -> None:
    created = await change(f"create{specimen.type}", specimen.most, specimen.row())

    assert [] == created["errors"]
    assert {"id": created[specimen.field]["id"], **specimen.most} == created[specimen.field]


async def test_what_is_left_out_gets_its_default(change: Change, specimen: Specimen) -> None:
    created = await change(f"create{specimen.type}", specimen.least, specimen.row())

    nothing = dict.fromkeys(specimen.most)
    shown = created[specimen.field]
    assert {"id": shown["id"], **nothing, **specimen.defaults, **specimen.least} == shown


async def test_null_is_not_left_out(change: Change, specimen: Specimen) -> None:
    nulls = dict.fromkeys(name for name in specimen.most if name not in specimen.least)
    created = await change(f"create{specimen.type}", {**specimen.least, **nulls}, specimen.row())

    assert {"id": created[specimen.field]["id"], **nulls, **specimen.least} == created[specimen.field]


async def test_the_client_may_choose_the_id_once(change: Change, specimen: Specimen, unchanged: Unchanged) -> None:
    chosen = str(uuid4())
    created = await change(f"create{specimen.type}", {**specimen.least, "id": chosen.upper()}, specimen.row())
    assert chosen == created[specimen.field]["id"]

    async with unchanged:
        again = await change(f"create{specimen.type}", {**specimen.least, "id": chosen}, specimen.row())
    assert None is again[specimen.field]
    (error,) = again["errors"]
    assert ("AlreadyExistsError", "ALREADY_EXISTS", ["id"], chosen) == (
        error["__typename"],
        error["code"],
        error["field"],
        error["existingId"],
    )


async def test_every_value_can_change_alone(change: Change, specimen: Specimen, row: str) -> None:
    expected = {"id": row, **dict.fromkeys(specimen.other), **specimen.most}
    for name, value in specimen.other.items():
        shows = specimen.row(*expected.keys() - {"id"})
        changed = await change(f"update{specimen.type}", {"id": row, name: value}, shows)
        assert [] == changed["errors"]
        expected[name] = value
        assert expected == changed[specimen.field]


async def test_all_values_can_change_at_once(change: Change, specimen: Specimen, row: str) -> None:
    changed = await change(
        f"update{specimen.type}", {"id": row, **specimen.other}, specimen.row(*{**specimen.most, **specimen.other})
    )

    assert {"id": row, **specimen.most, **specimen.other} == changed[specimen.field]


async def test_an_update_of_nothing_changes_nothing(
    change: Change, specimen: Specimen, row: str, unchanged: Unchanged
) -> None:
    same = {name: specimen.most[name] for name in specimen.other if name in specimen.most}
    async with unchanged:
        nothing = await change(f"update{specimen.type}", {"id": row}, specimen.row())
        equal = await change(f"update{specimen.type}", {"id": row, **same}, specimen.row())

    assert {"id": row, **specimen.most} == nothing[specimen.field] == equal[specimen.field]


async def test_a_row_that_is_not_there_cannot_change(change: Change, specimen: Specimen, unchanged: Unchanged) -> None:
    nobody = str(uuid4())
    async with unchanged:
        updated = await change(f"update{specimen.type}", {"id": nobody, **specimen.other}, specimen.row())
        deleted = await change(f"delete{specimen.type}", {"id": nobody}, "deletedId deleted { type }")

    assert_refused(updated, "NOT_FOUND", ["id"])
    assert_refused(deleted, "NOT_FOUND", ["id"])
    assert None is deleted["deletedId"]
    assert nobody == updated["errors"][0]["missingId"]


async def test_upsert_creates_what_is_not_there(change: Change, specimen: Specimen) -> None:
    chosen = str(uuid4())
    upserted = await change(f"upsert{specimen.type}", {"id": chosen, **specimen.most}, f"created {specimen.row()}")

    assert upserted["created"] is True
    assert {"id": chosen, **specimen.most} == upserted[specimen.field]


async def test_upsert_changes_what_is_there(change: Change, specimen: Specimen, row: str) -> None:
    upserted = await change(
        f"upsert{specimen.type}",
        {"id": row, **specimen.most, **specimen.other},
        f"created {specimen.row(*{**specimen.most, **specimen.other})}",
    )

    assert [] == upserted["errors"]
    assert upserted["created"] is False
    assert {"id": row, **specimen.most, **specimen.other} == upserted[specimen.field]


async def test_upsert_of_a_new_row_says_what_it_lacks(change: Change, specimen: Specimen, unchanged: Unchanged) -> None:
    async with unchanged:
        upserted = await change(f"upsert{specimen.type}", {"id": str(uuid4())}, f"created {specimen.row()}")

    assert [[name] for name in specimen.least] == upserted.paths
    assert {"INVALID_INPUT"} == set(upserted.codes)
    assert upserted["created"] is False


async def test_upsert_of_a_part_changes_a_part(change: Change, specimen: Specimen, row: str) -> None:
    name, value = next(iter(specimen.other.items()))
    upserted = await change(
        f"upsert{specimen.type}", {"id": row, name: value}, specimen.row(*{**specimen.most, name: 0})
    )

    assert {"id": row, **specimen.most, name: value} == upserted[specimen.field]


async def test_delete_says_what_it_deleted(
    change: Change, specimen: Specimen, row: str, writer: asyncpg.Connection
) -> None:
    table = {"Workspace": "workspaces", "BestPractice": "best_practices"}.get(specimen.type, f"{specimen.field}s")
    assert 1 == await writer.fetchval(f"select count(*) from {table} where id = $1", row)
    deleted = await change(f"delete{specimen.type}", {"id": row}, "deletedId deleted { type count }")

    # A task has the activity of its creation.
    expected = [{"type": "Activity", "count": 1}] if specimen.type == "Task" else []
    assert {"deletedId": row, "deleted": expected, "errors": [], "replayed": False} == deleted.payload
    assert 0 == await writer.fetchval(f"select count(*) from {table} where id = $1", row)


async def test_a_stale_version_changes_nothing(
    change: Change, specimen: Specimen, row: str, unchanged: Unchanged
) -> None:
    name, value = next((name, value) for name, value in specimen.other.items() if value is not None)
    seen = (await change(f"update{specimen.type}", {"id": row}, f"{specimen.field} {{ updatedAt }}"))[specimen.field]
    moved = await change(
        f"update{specimen.type}",
        {"id": row, "description": "Changed meanwhile", "ifUpdatedAt": seen["updatedAt"]},
        f"{specimen.field} {{ updatedAt }}",
    )
    assert [] == moved["errors"]

    async with unchanged:
        updated = await change(
            f"update{specimen.type}", {"id": row, name: value, "ifUpdatedAt": seen["updatedAt"]}, specimen.row()
        )
        deleted = await change(f"delete{specimen.type}", {"id": row, "ifUpdatedAt": seen["updatedAt"]}, "deletedId")
    for refused in (updated, deleted):
        assert_refused(refused, "CONFLICT", ["ifUpdatedAt"])
        assert {"__typename": specimen.type, "id": row} == refused["errors"][0]["current"]

    current = moved[specimen.field]["updatedAt"]
    deleted = await change(f"delete{specimen.type}", {"id": row, "ifUpdatedAt": current}, "deletedId")
    assert row == deleted["deletedId"]


def assert_refused(changed: Changed, code: str, path: list[str]) -> None:
    assert [code] == changed.codes
    assert [path] == changed.paths

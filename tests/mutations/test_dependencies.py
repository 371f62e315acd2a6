"""What a task waits for: one more, one less, exactly these; and what is refused, with its place and the way round."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from convoy_graphql.domain.dependencies import MAX_DEPENDENCIES, next_steps

if TYPE_CHECKING:
    import asyncpg
    from changing import Change, Changed, Home, Unchanged

ENGINES = ("loaders",)
NOBODY = str(uuid4())

FED = "activities { activityType details taskId }"
ONE = f"task {{ id dependencies {{ nodes {{ id }} }} }} {FED}"
ADDED = f"dependency {{ taskId dependsOnTaskId }} {ONE}"
SET = f"added {{ dependsOnTaskId }} removed {ONE}"


class Tasks(dict[str, str]):
    """Ids of tasks of one milestone by their letters, made when they are first named."""

    def __init__(self, writer: asyncpg.Connection, milestone: str) -> None:
        self.writer = writer
        self.milestone = milestone

    async def make(self, letters: str) -> list[str]:
        for letter in letters:
            if letter not in self:
                self[letter] = await self.writer.fetchval(
                    "insert into tasks (milestone_id, title) values ($1, $2) returning id::text", self.milestone, letter
                )
        return [self[letter] for letter in letters]

    async def arrows(self, *pairs: str) -> None:
        for pair in pairs:
            task, other = await self.make(pair)
            await self.writer.execute(
                "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)", task, other
            )


@pytest.fixture
def tasks(writer: asyncpg.Connection, home: Home) -> Tasks:
    return Tasks(writer, home.milestone)


def told(changed: Changed) -> list[tuple[str, str]]:
    """Types of activity and what each names; the details hold that and an instant."""
    found = []
    for activity in changed["activities"]:
        assert activity["details"].keys() == {"depends_on_task_id", "timestamp"}
        assert changed["task"]["id"] == activity["taskId"]
        found.append((activity["activityType"], activity["details"]["depends_on_task_id"]))
    return found


def waits_for(changed: Changed) -> set[str]:
    return {node["id"] for node in changed["task"]["dependencies"]["nodes"]}


async def refused(change: Change, unchanged: Unchanged, name: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Each error's type, code, path and way round; and nothing was changed."""
    async with unchanged:
        changed = await change(
            name, given, "task { id } activities { id } errors { ... on DependencyCycleError { path } }"
        )
    assert (None, []) == (changed["task"], changed["activities"])
    return [
        (error["__typename"], error["code"], "/".join(error["field"]), *([error["path"]] if "path" in error else []))
        for error in changed["errors"]
    ]


# Adding


async def test_adding_one(change: Change, tasks: Tasks, writer: asyncpg.Connection) -> None:
    a, b = await tasks.make("AB")
    before = await writer.fetchval("select updated_at from tasks where id = $1", a)
    added = await change("addTaskDependency", {"taskId": a, "dependsOnTaskId": b, "actorId": NOBODY}, ADDED)

    assert {"taskId": a, "dependsOnTaskId": b} == added["dependency"]
    assert {b} == waits_for(added)
    assert [("DEPENDENCY_ADDED", b)] == told(added)
    # The task's own row is not another one for it.
    assert before == await writer.fetchval("select updated_at from tasks where id = $1", a)
    assert NOBODY == str(await writer.fetchval("select actor_id from activity_feed where task_id = $1", a))


async def test_a_second_time_is_told_as_such(change: Change, tasks: Tasks, unchanged: Unchanged) -> None:
    a, b = await tasks.make("AB")
    given = {"taskId": a, "dependsOnTaskId": b}
    added = await change("addTaskDependency", given, "dependency { id }")
    async with unchanged:
        again = await change("addTaskDependency", given, f"dependency {{ id }} {ONE}")

    assert (None, None, []) == (again["dependency"], again["task"], again["activities"])
    (error,) = again["errors"]
    assert ("AlreadyExistsError", "ALREADY_EXISTS", ["dependsOnTaskId"]) == (
        error["__typename"],
        error["code"],
        error["field"],
    )
    assert added["dependency"]["id"] == error["existingId"]
    assert "The task waits for this one already: there is nothing to add." == error["message"]


async def test_a_version_that_is_not_the_current_one(change: Change, tasks: Tasks, unchanged: Unchanged) -> None:
    a, b = await tasks.make("AB")
    seen = (await change("updateTask", {"id": a}, "task { updatedAt }"))["task"]["updatedAt"]
    await change("updateTask", {"id": a, "title": "Other"})
    given = {"taskId": a, "dependsOnTaskId": b, "ifUpdatedAt": seen}
    assert [("ConflictError", "CONFLICT", "ifUpdatedAt")] == await refused(
        change, unchanged, "addTaskDependency", given
    )

    now = (await change("updateTask", {"id": a}, "task { updatedAt }"))["task"]["updatedAt"]
    assert [] == (await change("addTaskDependency", {**given, "ifUpdatedAt": now}))["errors"]


@pytest.mark.parametrize("name", ["addTaskDependency", "setTaskDependencies"])
async def test_a_task_does_not_wait_for_itself(
    change: Change, tasks: Tasks, unchanged: Unchanged, *, name: str
) -> None:
    (a,) = await tasks.make("A")
    given, place = _naming(name, a.upper())
    assert [("DependencyCycleError", "DEPENDENCY_CYCLE", place, [a, a])] == await refused(
        change, unchanged, name, {"taskId": a, **given}
    )
    assert ["A task may not wait for itself. Name another task."] == (
        await change(name, {"taskId": a, **given})
    ).messages


def _naming(name: str, other: str) -> tuple[dict[str, Any], str]:
    """The input that names one task, and its place in there."""
    if name == "setTaskDependencies":
        return {"dependsOnTaskIds": [other]}, "dependsOnTaskIds/0"
    return {"dependsOnTaskId": other}, "dependsOnTaskId"


@pytest.mark.parametrize("name", ["addTaskDependency", "removeTaskDependency", "setTaskDependencies"])
async def test_tasks_that_are_not_there(change: Change, tasks: Tasks, unchanged: Unchanged, *, name: str) -> None:
    (a,) = await tasks.make("A")
    given, place = _naming(name, NOBODY)
    missing = ("NotFoundError", "NOT_FOUND")
    assert [(*missing, place)] == await refused(change, unchanged, name, {"taskId": a, **given})
    given, place = _naming(name, a)
    assert [(*missing, "taskId")] == await refused(change, unchanged, name, {"taskId": NOBODY, **given})
    given, place = _naming(name, str(uuid4()))
    assert [(*missing, "taskId"), (*missing, place)] == await refused(
        change, unchanged, name, {"taskId": NOBODY, **given}
    )


@pytest.mark.parametrize("name", ["addTaskDependency", "removeTaskDependency", "setTaskDependencies"])
async def test_ids_that_are_none(change: Change, home: Home, unchanged: Unchanged, *, name: str) -> None:
    given, place = _naming(name, "7")
    assert [("InputError", "INVALID_INPUT", "taskId"), ("InputError", "INVALID_INPUT", place)] == await refused(
        change, unchanged, name, {"taskId": "x", **given}
    )


@pytest.mark.parametrize("name", ["addTaskDependency", "setTaskDependencies"])
async def test_a_task_of_another_workspace(
    change: Change, home: Home, elsewhere: Home, unchanged: Unchanged, *, name: str
) -> None:
    given, place = _naming(name, elsewhere.task)
    assert [("WorkspaceMismatchError", "WORKSPACE_MISMATCH", place)] == await refused(
        change, unchanged, name, {"taskId": home.task, **given}
    )


async def test_a_cycle_is_told_by_its_shortest_way(change: Change, tasks: Tasks, unchanged: Unchanged) -> None:
    await tasks.arrows("BC", "CD", "DA", "BX", "XA", "XY", "ZA", "AQ")
    a, b, x = await tasks.make("ABX")
    assert [("DependencyCycleError", "DEPENDENCY_CYCLE", "dependsOnTaskId", [a, b, x, a])] == await refused(
        change, unchanged, "addTaskDependency", {"taskId": a, "dependsOnTaskId": b}
    )


async def test_a_refusal_is_kept_with_its_key(change: Change, tasks: Tasks, writer: asyncpg.Connection) -> None:
    """The savepoint in which the cycle was found lies in the key's own."""
    await tasks.arrows("BA", "AC")
    a, b = await tasks.make("AB")
    given = {"taskId": a, "dependsOnTaskIds": [b], "idempotencyKey": str(uuid4())}
    shows = f"{ONE} errors {{ ... on DependencyCycleError {{ path }} }}"
    first = await change("setTaskDependencies", given, shows)
    again = await change("setTaskDependencies", given, shows)

    assert [[a, b, a]] == [error["path"] for error in first["errors"]]
    assert {**first.payload, "replayed": True} == again.payload
    # What was removed before the cycle was found is there again.
    assert 1 == await writer.fetchval("select count(*) from task_dependencies where task_id = $1", a)
    assert 0 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", a)


async def test_a_change_is_made_once_for_its_key(change: Change, tasks: Tasks, writer: asyncpg.Connection) -> None:
    a, b = await tasks.make("AB")
    given = {"taskId": a, "dependsOnTaskId": b, "idempotencyKey": str(uuid4())}
    first = await change("addTaskDependency", given, ADDED)
    again = await change("addTaskDependency", given, ADDED)

    assert {**first.payload, "replayed": True} == again.payload
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", a)


# Removing


async def test_removing_one(change: Change, tasks: Tasks) -> None:
    await tasks.arrows("AB", "AC", "CB")
    a, b, c = await tasks.make("ABC")
    removed = await change("removeTaskDependency", {"taskId": a, "dependsOnTaskId": b}, ONE)

    assert {c} == waits_for(removed)
    assert [("DEPENDENCY_REMOVED", b)] == told(removed)


async def test_one_that_is_not_there_tells_the_feed_nothing(
    change: Change, tasks: Tasks, elsewhere: Home, unchanged: Unchanged
) -> None:
    await tasks.arrows("BA")
    a, b = await tasks.make("AB")
    for other in (a, b, elsewhere.task):
        assert [("NotFoundError", "NOT_FOUND", "dependsOnTaskId")] == await refused(
            change, unchanged, "removeTaskDependency", {"taskId": a, "dependsOnTaskId": other}
        )
    said = (await change("removeTaskDependency", {"taskId": a, "dependsOnTaskId": b})).messages
    assert ["The task does not wait for this one: there is nothing to remove."] == said


# Exactly these


async def test_exactly_these(change: Change, tasks: Tasks, writer: asyncpg.Connection) -> None:
    await tasks.arrows("AB", "AC", "AD", "XB")
    a, b, c, d, e, f = await tasks.make("ABCDEF")
    kept = await writer.fetchval(
        "select id from task_dependencies where task_id = $1 and depends_on_task_id = $2", a, c
    )
    given = {"taskId": a, "dependsOnTaskIds": [f, c, e]}
    changed = await change("setTaskDependencies", given, SET)

    assert [{"dependsOnTaskId": f}, {"dependsOnTaskId": e}] == changed["added"]
    assert sorted([b, d]) == changed["removed"]
    assert {c, e, f} == waits_for(changed)
    gone = [("DEPENDENCY_REMOVED", other) for other in sorted([b, d])]
    assert [*gone, ("DEPENDENCY_ADDED", f), ("DEPENDENCY_ADDED", e)] == told(changed)
    assert kept == await writer.fetchval(
        "select id from task_dependencies where task_id = $1 and depends_on_task_id = $2", a, c
    )
    # Everybody else's stay.
    assert 1 == await writer.fetchval("select count(*) from task_dependencies where task_id = $1", tasks["X"])


async def test_the_same_again_changes_nothing(change: Change, tasks: Tasks, unchanged: Unchanged) -> None:
    await tasks.arrows("AB", "AC")
    a, b, c = await tasks.make("ABC")
    async with unchanged:
        changed = await change("setTaskDependencies", {"taskId": a, "dependsOnTaskIds": [c, b]}, SET)

    assert ([], [], [], []) == (changed["added"], changed["removed"], changed["activities"], changed["errors"])
    assert {b, c} == waits_for(changed)


async def test_nothing_at_all(change: Change, tasks: Tasks) -> None:
    await tasks.arrows("AB", "AC")
    a, b, c = await tasks.make("ABC")
    changed = await change("setTaskDependencies", {"taskId": a, "dependsOnTaskIds": []}, SET)

    assert ([], sorted([b, c]), set()) == (changed["added"], changed["removed"], waits_for(changed))


async def test_what_goes_may_have_been_the_way_round(change: Change, tasks: Tasks) -> None:
    """A cycle over what is removed by the same change is none."""
    await tasks.arrows("AB", "CD")
    a, c, d = await tasks.make("ACD")
    await tasks.arrows("BC")
    changed = await change("setTaskDependencies", {"taskId": a, "dependsOnTaskIds": [c, d]}, SET)
    assert [] == changed["errors"]


async def test_each_bad_one_has_its_place(change: Change, tasks: Tasks, elsewhere: Home, unchanged: Unchanged) -> None:
    await tasks.arrows("BA", "CB", "AG")
    a, b, c, d = await tasks.make("ABCD")
    cycle = ("DependencyCycleError", "DEPENDENCY_CYCLE")
    given = {"taskId": a, "dependsOnTaskIds": [d, b, c]}
    assert [(*cycle, "dependsOnTaskIds/1", [a, b, a]), (*cycle, "dependsOnTaskIds/2", [a, c, b, a])] == await refused(
        change, unchanged, "setTaskDependencies", given
    )
    given = {"taskId": a, "dependsOnTaskIds": [d, NOBODY, elsewhere.task]}
    assert [
        ("NotFoundError", "NOT_FOUND", "dependsOnTaskIds/1"),
        ("WorkspaceMismatchError", "WORKSPACE_MISMATCH", "dependsOnTaskIds/2"),
    ] == await refused(change, unchanged, "setTaskDependencies", given)
    given = {"taskId": a, "dependsOnTaskIds": [d, "7", d.upper(), a]}
    assert [
        ("InputError", "INVALID_INPUT", "dependsOnTaskIds/1"),
        ("InputError", "INVALID_INPUT", "dependsOnTaskIds/2"),
        (*cycle, "dependsOnTaskIds/3", [a, a]),
    ] == sorted(await refused(change, unchanged, "setTaskDependencies", given), key=lambda error: error[2])


async def test_as_many_as_are_taken_and_one_more(
    change: Change, home: Home, writer: asyncpg.Connection, unchanged: Unchanged
) -> None:
    rows = await writer.fetch(
        "insert into tasks (milestone_id, title) select $1, n::text from generate_series(0, $2) as n returning id::text",
        home.milestone,
        MAX_DEPENDENCIES,
    )
    others = [row["id"] for row in rows]
    given = {"taskId": home.task, "dependsOnTaskIds": others}
    assert [("InputError", "INVALID_INPUT", "dependsOnTaskIds")] == await refused(
        change, unchanged, "setTaskDependencies", given
    )
    given["dependsOnTaskIds"] = others[1:]
    changed = await change("setTaskDependencies", given, "added { dependsOnTaskId } activities { id }")
    assert others[1:] == [added["dependsOnTaskId"] for added in changed["added"]]
    assert MAX_DEPENDENCIES == len(changed["activities"])
    # As sets: the payload's two reads included.
    assert 15 > len(changed.statements)


async def test_details_are_the_original_s(change: Change, tasks: Tasks, writer: asyncpg.Connection) -> None:
    a, b = await tasks.make("AB")
    await change("addTaskDependency", {"taskId": a, "dependsOnTaskId": b})
    details = json.loads(await writer.fetchval("select details from activity_feed where task_id = $1", a))
    assert b == details.pop("depends_on_task_id")
    assert ["timestamp"] == list(details)


# The way round


def test_the_next_step_is_on_a_shortest_way() -> None:
    arrows = [("B", "A"), ("C", "B"), ("D", "C"), ("D", "B"), ("E", "D"), ("E", "X"), ("X", "Y")]
    assert {"A": None, "B": "A", "C": "B", "D": "B", "E": "D"} == next_steps("A", arrows)


def test_a_walk_ends_on_a_cycle_that_is_there() -> None:
    """A restore with triggers off may hold one."""
    assert {"A": None, "B": "A", "C": "B"} == next_steps("A", [("B", "A"), ("A", "B"), ("C", "B"), ("B", "C")])

"""What a payload shows: read through the loaders, at any depth, after the commit of its own field."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from convoy_graphql.pg.write import Session, Transaction

if TYPE_CHECKING:
    import asyncpg
    import pytest
    from changing import Change, Home, Unchanged

    from client import GraphClient

ENGINES = ("loaders", "compiled")

DEEP = """
mutation ($milestone: ID!, $parent: ID!) {
    createTask(input: {milestoneId: $milestone, parentTaskId: $parent, title: "Cap"}) {
        task {
            title
            parentTask { title subtasks { totalCount nodes { title isReady } } }
            milestone { project { workspace { tasks(orderBy: [{field: TITLE}]) { totalCount edges { node { title } } } } } }
            activities(first: 1) { nodes { activityType task { title } } }
        }
        activities { task { milestone { name } } workspace { name } }
    }
}
"""


async def test_a_payload_leads_everywhere(client: GraphClient, home: Home) -> None:
    data = await client.query(DEEP, milestone=home.milestone, parent=home.task)

    assert {
        "task": {
            "title": "Cap",
            "parentTask": {
                "title": "Drive",
                "subtasks": {"totalCount": 1, "nodes": [{"title": "Cap", "isReady": True}]},
            },
            "milestone": {
                "project": {
                    "workspace": {
                        "tasks": {"totalCount": 2, "edges": [{"node": {"title": "Cap"}}, {"node": {"title": "Drive"}}]}
                    }
                }
            },
            "activities": {"nodes": [{"activityType": "TASK_CREATED", "task": {"title": "Cap"}}]},
        },
        "activities": [{"task": {"milestone": {"name": "Piles"}}, "workspace": {"name": "Harbour"}}],
    } == data["createTask"]


IN_ORDER = """
mutation ($id: ID!, $other: ID!) {
    one: updateTask(input: {id: $id, title: "One"}) { task { title milestone { tasks { nodes { title } } } } }
    two: updateTask(input: {id: $id, title: "Two"}) { task { title milestone { tasks { nodes { title } } } } }
    none: updateTask(input: {id: $other, title: "None"}) { task { title } errors { code } }
    three: deleteTask(input: {id: $id}) { deletedId deleted { type count } }
    four: updateTask(input: {id: $id, title: "Four"}) { task { title } errors { code } }
}
"""


async def test_mutations_run_in_order_and_each_shows_its_own_commit(client: GraphClient, home: Home) -> None:
    data = await client.query(IN_ORDER, id=home.task, other=str(uuid4()))

    assert {
        "one": {"task": {"title": "One", "milestone": {"tasks": {"nodes": [{"title": "One"}]}}}},
        "two": {"task": {"title": "Two", "milestone": {"tasks": {"nodes": [{"title": "Two"}]}}}},
        "none": {"task": None, "errors": [{"code": "NOT_FOUND"}]},
        "three": {"deletedId": home.task, "deleted": [{"type": "Activity", "count": 2}]},
        "four": {"task": None, "errors": [{"code": "NOT_FOUND"}]},
    } == data


async def test_a_failure_of_the_database_takes_no_other_mutation_with_it(
    client: GraphClient, home: Home, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is committed, and its answer stands; the second ends at its own field."""
    commit = Transaction.commit
    calls = 0

    async def killed_the_second_time(transaction: Transaction, *, then_read: bool) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            (own,) = await transaction.fetch("select pg_backend_pid() as pid")
            await writer.fetchval("select pg_terminate_backend($1, 10000)", own["pid"])
        await commit(transaction, then_read=then_read)

    monkeypatch.setattr(Transaction, "commit", killed_the_second_time)
    answer = await client.ask(
        'mutation ($id: ID!) { one: updateTask(input: {id: $id, title: "One"}) { task { title } }'
        ' two: updateTask(input: {id: $id, title: "Two"}) { task { title } }'
        ' three: updateTask(input: {id: $id, description: "Three"}) { task { title description } } }',
        id=home.task,
    )

    assert {
        "one": {"task": {"title": "One"}},
        "two": None,
        "three": {"task": {"title": "One", "description": "Three"}},
    } == answer.data
    (error,) = answer.errors
    assert (["two"], "OUTCOME_UNKNOWN") == (error["path"], error["extensions"]["code"])


async def test_a_fault_of_ours_is_masked_and_changes_nothing(
    client: GraphClient, home: Home, unchanged: Unchanged, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_session: Session, *_work: object) -> None:
        raise LookupError("a secret")

    monkeypatch.setattr(Session, "write", broken)
    async with unchanged:
        answer = await client.ask(
            'mutation ($id: ID!) { updateTask(input: {id: $id, title: "One"}) { task { title } } }', id=home.task
        )

    assert {"updateTask": None} == answer.data
    assert ["INTERNAL_SERVER_ERROR"] == answer.codes
    assert "secret" not in answer.messages[0]


async def test_the_conflicting_row_can_be_looked_at(change: Change, home: Home) -> None:
    answer = await change.ask(
        "updateTask",
        {"id": home.task, "title": "Cap", "ifUpdatedAt": "2001-01-01T00:00:00Z"},
        "task { id } errors { ... on ConflictError { current { ... on Task { title milestone { name } } } } }",
    )

    assert [] == answer.errors
    (error,) = answer.data["updateTask"]["errors"]
    assert {"title": "Drive", "milestone": {"name": "Piles"}, "__typename": "Task", "id": home.task} == error["current"]


async def test_both_executors_leave_mutations_to_the_loaders(client: GraphClient, home: Home) -> None:
    answer = await client.ask(
        'mutation ($id: ID!) { updateTask(input: {id: $id, title: "One"}) { task { title } } }', id=home.task
    )

    # The lock; and the change with its activity, and with the row as it is shown.
    assert 2 == answer.trace["statements"] == len(answer.statements)
    assert 0 < answer.trace.pop("databaseMs")
    assert {"executor": "loaders", "statements": 2, "plan": None, "declined": None} == answer.trace


async def test_a_value_of_the_wrong_type_is_refused_before_anything_runs(
    client: GraphClient, home: Home, unchanged: Unchanged
) -> None:
    async with unchanged:
        answers = [
            await client.ask(
                "mutation ($id: ID!, $input: UpdateTaskInput!) { deleteTask(input: {id: $id}) { deletedId } updateTask(input: $input) { task { id } } }",
                id=home.task,
                input=given,
            )
            for given in ({"id": home.task, "title": 7}, {"id": home.task, "ifUpdatedAt": "now"}, {"title": "No id"})
        ]

    assert [["BAD_USER_INPUT"]] * 3 == [answer.codes for answer in answers]
    assert [[]] * 3 == [answer.statements for answer in answers]

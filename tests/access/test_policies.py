"""What each role may do, asked of PostgreSQL itself in plain SQL: what holds here holds for whoever connects."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from tenants import ROLES, Become, World, everybody

from convoy_graphql.model.tables import metadata
from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE, Viewer

#: Tables of which every workspace has its own rows, and how a row tells of which.
OWNED = (
    "workspaces", "projects", "milestones", "tasks", "task_dependencies", "task_claims", "activity_feed", "patterns",
    "best_practices", "workspace_members", "task_changes",
)  # fmt: skip

#: What everybody who is signed in may read.
SHARED = ("workflows", "patterns", "best_practices")

#: What only triggers touch, or nobody but the one who wrote it.
INTERNAL = ("task_graph_versions", "feed_origins")


async def count(connection: asyncpg.Connection, table: str) -> int:
    found: int = await connection.fetchval(f"select count(*) from public.{table}")
    return found


async def refusal(connection: asyncpg.Connection, statement: str, *values: Any) -> str | None:
    """The code with which PostgreSQL refuses a statement that is undone afterwards; None where it goes through."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await connection.execute(statement, *values)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    finally:
        await savepoint.rollback()
    return None


async def touched(connection: asyncpg.Connection, statement: str, *values: Any) -> int:
    """How many rows a statement changes that is undone afterwards."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        status: str = await connection.execute(statement, *values)
    finally:
        await savepoint.rollback()
    return int(status.rpartition(" ")[2])


# Every table


async def test_every_table_is_secured_and_forced(connection: asyncpg.Connection) -> None:
    open_tables = await connection.fetch(
        "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
        "   and not (relrowsecurity and relforcerowsecurity)"
    )

    assert [] == [row["relname"] for row in open_tables], "enable and force row level security in db/schema"


async def test_only_the_owner_and_the_service_are_let_through_without_a_question(
    connection: asyncpg.Connection,
) -> None:
    unasked = await connection.fetch(
        "select tablename as table, roles::text[] as roles, cmd as command from pg_policies"
        " where schemaname = 'public' and (qual = 'true' or with_check = 'true')"
    )
    owner = await connection.fetchval("select current_user")
    others = {(row["table"], row["command"]) for row in unasked if row["roles"] not in ([owner], ["service_role"])}

    assert {("workflows", "SELECT"), ("task_changes_pruned", "SELECT")} == others


async def test_nobody_may_empty_a_table_or_do_more_with_it_than_rows(connection: asyncpg.Connection) -> None:
    granted = await connection.fetch(
        "select table_name, grantee, privilege_type from information_schema.role_table_grants"
        " where table_schema = 'public' and grantee in ('anon', 'authenticated', 'service_role', 'PUBLIC')"
    )
    beyond = {
        tuple(row.values())
        for row in granted
        if row["privilege_type"] not in {"SELECT", "INSERT", "UPDATE", "DELETE"}
        or (row["grantee"] == "anon" and row["privilege_type"] != "SELECT")
    }

    assert set() == beyond


async def test_every_role_that_no_policy_names_sees_nothing(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await connection.execute("create role somebody; grant all on all tables in schema public to somebody")
    await connection.execute("set local role somebody")

    assert dict.fromkeys(metadata.tables, 0) == {table: await count(connection, table) for table in metadata.tables}
    assert "42501" == await refusal(connection, "insert into workspaces (name) values ('Quay')")


@pytest.mark.parametrize(
    "viewer",
    [ANONYMOUS, Viewer.of("authenticated", None, {}), Viewer.of("anon", uuid4(), {})],
    ids=["anonymous", "without a subject", "anonymous with a subject"],
)
async def test_who_is_not_signed_in_sees_no_workspace_and_changes_nothing(
    connection: asyncpg.Connection, world: World, become: Become, viewer: Viewer
) -> None:
    await become(viewer)
    for table in metadata.tables:
        if table not in INTERNAL and await refusal(connection, f"select from {table}") is None:
            shown = await count(connection, table)
            assert (1 if viewer.role == "authenticated" and table in {*SHARED, "task_changes_pruned"} else 0) == shown

    assert "42501" == await refusal(connection, "insert into workspaces (name) values ('Quay')")
    assert await refusal(connection, "update tasks set title = ''") in {None, "42501"}


async def test_nobody_signed_in_is_nobody(connection: asyncpg.Connection, world: World, become: Become) -> None:
    await connection.execute("set local role authenticated; set local request.jwt.claims = ''")

    assert await connection.fetchval("select viewer_id()") is None
    assert [] == await connection.fetchval("select viewer_workspaces('viewer')")
    assert 0 == await count(connection, "tasks")


async def test_the_service_sees_and_changes_everything(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(SERVICE)

    assert 4 == await touched(connection, "update tasks set title = 'Quay'")
    assert 2 == await touched(connection, "delete from workspaces")
    assert 1 == await touched(connection, "update workflows set name = 'Build'")


# Members


@pytest.mark.parametrize("role", ROLES)
async def test_every_member_sees_the_workspace_and_nothing_of_another(
    connection: asyncpg.Connection, world: World, become: Become, role: str
) -> None:
    expected = {}
    for table in OWNED:
        ours = {"workspaces": "id = $1"}.get(table, "workspace_id = $1")
        if table in SHARED:
            ours = "workspace_id = $1 or project_id in (select id from projects where workspace_id = $1)"
            ours += " or workspace_id is null and project_id is null"
        expected[table] = await connection.fetchval(f"select count(*) from {table} where {ours}", world.ours.workspace)
    await become(world.ours.users[role])

    assert min(expected.values()) > 0
    assert expected == {table: await count(connection, table) for table in OWNED}
    assert 1 == await count(connection, "workflows")


@pytest.mark.parametrize(("table", "allowed"), {
    "workspaces": {"update": "admin", "delete": "owner"},
    "projects": {"insert": "member", "update": "member", "delete": "admin"},
    "milestones": {"insert": "member", "update": "member", "delete": "admin"},
    "tasks": {"insert": "member", "update": "member", "delete": "member"},
    "task_dependencies": {"insert": "member", "update": "member", "delete": "member"},
    "task_claims": {"insert": "member", "update": "member", "delete": "member"},
    "activity_feed": {"insert": "member"},
    "patterns": {"insert": "member", "update": "member", "delete": "member"},
    "best_practices": {"insert": "member", "update": "member", "delete": "member"},
}.items())  # fmt: skip
async def test_what_each_role_may_change(
    connection: asyncpg.Connection, world: World, become: Become, table: str, allowed: dict[str, str]
) -> None:
    ours = world.ours
    free = await connection.fetchval(
        "insert into tasks (milestone_id, title) values ($1, 'Free') returning id", ours.milestone
    )
    new = {
        "projects": ("workspace_id, name", f"'{ours.workspace}', 'New'"),
        "milestones": ("project_id, name, workspace_id", f"'{ours.project}', 'New', '{ours.workspace}'"),
        "tasks": ("milestone_id, title", f"'{ours.milestone}', 'New'"),
        "task_dependencies": ("task_id, depends_on_task_id", f"'{free}', '{ours.task}'"),
        "task_claims": ("task_id, actor_id, expires_at", f"'{free}', viewer_id(), now() + interval '1 hour'"),
        "activity_feed": ("task_id, actor_id, activity_type", f"'{ours.task}', viewer_id(), 'COMMENT'"),
        "patterns": ("workspace_id, name, pattern_type, content", f"'{ours.workspace}', 'New', 'CODE', '{{}}'"),
        "best_practices": ("project_id, name, category, content", f"'{ours.project}', 'New', 'CODE', '{{}}'"),
    }
    row: dict[str, UUID] = {
        "workspaces": ours.workspace, "projects": ours.project, "milestones": ours.milestone, "tasks": ours.subtask,
        "task_dependencies": ours.dependency, "task_claims": ours.claim, "activity_feed": ours.activity,
        "patterns": ours.pattern, "best_practices": ours.project_practice,
    }  # fmt: skip
    same = {"workspaces": "name = 'Named'", "task_claims": "expires_at = expires_at + interval '1 second'"}
    for name, viewer in everybody(world).items():
        rank = ROLES.index(name) if name in ROLES else {"service": len(ROLES)}.get(name, -1)
        for command in ("insert", "update", "delete"):
            least = ROLES.index(allowed[command]) if command in allowed else len(ROLES)
            await become(viewer)
            if command == "insert":
                if table not in new:
                    continue
                columns, values = new[table]
                refused = await refusal(connection, f"insert into {table} ({columns}) values ({values})")
                if name == "service" and table == "task_claims":
                    continue  # it has no subject, and a claim has an actor
                assert (rank >= least) == (refused is None), (name, command, refused)
            else:
                change = same.get(table, "created_at = created_at")
                statement = f"update {table} set {change}" if command == "update" else f"delete from {table}"
                if await refusal(connection, statement) == "42501":
                    changed = 0
                else:
                    changed = await touched(connection, f"{statement} where id = $1", row[table])
                assert (rank >= least) == (changed == 1), (name, command, changed)


async def test_a_member_of_nothing_founds_a_workspace_and_owns_it(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(world.stranger)
    workspace = await connection.fetchval("select found_workspace(uuid_generate_v4(), 'Quay', null)")
    await connection.execute("insert into workspaces (name) values ('Pier')")

    assert ["Pier", "Quay"] == [row["name"] for row in await connection.fetch("select name from workspaces order by 1")]
    assert {"owner"} == {row["role"] for row in await connection.fetch("select role from workspace_members")}
    assert await connection.fetchval("select viewer_workspaces('owner') @> array[$1::uuid]", workspace)


async def test_founding_a_workspace_that_is_there_gives_no_part_in_it(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(world.stranger)

    assert await connection.fetchval("select found_workspace($1, 'Mine', null)", world.theirs.workspace) is None
    assert "23505" == await refusal(
        connection, "insert into workspaces (id, name) values ($1, 'Mine')", world.theirs.workspace
    )
    await connection.execute(
        "insert into workspaces (id, name) values ($1, 'Mine') on conflict do nothing", world.theirs.workspace
    )
    assert [] == await connection.fetchval("select viewer_workspaces('viewer')")
    assert 0 == await count(connection, "workspaces")


async def test_nobody_founds_a_workspace_for_nobody(connection: asyncpg.Connection, become: Become) -> None:
    await become(SERVICE)
    assert "42501" == await refusal(connection, "select found_workspace(uuid_generate_v4(), 'Quay', null)")
    await become(ANONYMOUS)
    assert "42501" == await refusal(connection, "select found_workspace(uuid_generate_v4(), 'Quay', null)")


# Across workspaces


async def test_no_row_of_theirs_is_written_or_pointed_at(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    ours, theirs = world.ours, world.theirs
    await become(ours.users["owner"])
    insert = {
        "insert into projects (workspace_id, name) values ($1, 'In')": (theirs.workspace,),
        "insert into milestones (project_id, name) values ($1, 'In')": (theirs.project,),
        "insert into milestones (project_id, name, workspace_id) values ($1, 'In', $2)": (theirs.project, ours.workspace),
        "insert into tasks (milestone_id, title) values ($1, 'In')": (theirs.milestone,),
        "insert into tasks (milestone_id, title, workspace_id) values ($1, 'In', $2)": (theirs.milestone, ours.workspace),
        "insert into tasks (milestone_id, title, parent_task_id) values ($1, 'In', $2)": (ours.milestone, theirs.task),
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)": (ours.task, theirs.task),
        "insert into task_dependencies (task_id, depends_on_task_id, workspace_id) values ($1, $2, $3)": (
            theirs.task, ours.task, ours.workspace,
        ),
        "insert into activity_feed (task_id, activity_type, workspace_id) values ($1, 'COMMENT', $2)": (
            theirs.task, ours.workspace,
        ),
        "insert into patterns (project_id, name, pattern_type, content) values ($1, 'In', 'CODE', '{}')": (
            theirs.project,
        ),
        "insert into best_practices (workspace_id, name, category, content) values ($1, 'In', 'CODE', '{}')": (
            theirs.workspace,
        ),
        "insert into patterns (name, pattern_type, content) values ($1::uuid::text, 'CODE', '{}')": (ours.task,),
        "insert into workflows (name, stages) values ($1::uuid::text, '[]')": (ours.task,),
        "insert into workspace_members (workspace_id, user_id, role) values ($1, viewer_id(), 'viewer')": (
            theirs.workspace,
        ),
        "update tasks set milestone_id = $1 where id = $2": (theirs.milestone, ours.task),
        "update tasks set parent_task_id = $1 where id = $2": (theirs.task, ours.task),
        "update patterns set workspace_id = $1 where id = $2": (theirs.workspace, ours.pattern),
        "update patterns set workspace_id = null where id = $1": (ours.pattern,),
    }  # fmt: skip
    for statement, values in insert.items():
        assert await refusal(connection, statement, *values) in {"42501", "23503"}, statement
    for table in OWNED:
        column = "id" if table == "workspaces" else "workspace_id"
        for statement in (f"update {table} set {column} = {column}", f"delete from {table}"):
            if await refusal(connection, statement) != "42501":
                assert 0 == await touched(connection, f"{statement} where {column} = $1", theirs.workspace)


async def test_what_is_there_and_what_is_not_are_refused_alike(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    """A unique key speaks before a foreign one: it must not tell what stands in another workspace."""
    ours, theirs = world.ours, world.theirs
    await become(ours.users["owner"])
    dependency = "insert into task_dependencies (task_id, depends_on_task_id, workspace_id) values ($1, $2, $3)"
    claim = (
        "insert into task_claims (task_id, workspace_id, actor_id, expires_at)"
        " values ($1, $2, viewer_id(), now() + interval '1 hour')"
    )
    milestone = "insert into tasks (milestone_id, title) values ($1, 'In')"
    member = "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'viewer')"

    assert await refusal(connection, dependency, theirs.subtask, theirs.task, ours.workspace) == await refusal(
        connection, dependency, uuid4(), uuid4(), ours.workspace
    )
    assert await refusal(connection, claim, theirs.task, ours.workspace) == await refusal(
        connection, claim, uuid4(), ours.workspace
    )
    assert await refusal(connection, milestone, theirs.milestone) == await refusal(connection, milestone, uuid4())
    assert await refusal(connection, member, theirs.workspace, theirs.users["owner"]) == await refusal(
        connection, member, uuid4(), theirs.users["owner"]
    )


async def test_a_policy_hides_no_part_of_a_cycle(connection: asyncpg.Connection, world: World, become: Become) -> None:
    await become(world.ours.users["member"])
    arrow = "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)"

    assert "CV002" == await refusal(connection, arrow, world.ours.task, world.ours.subtask)
    assert "CV003" == await refusal(
        connection, "update tasks set parent_task_id = $1 where id = $2", world.ours.subtask, world.ours.task
    )


async def test_what_happened_is_told_in_nobody_elses_name(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(world.ours.users["member"])
    told = "insert into activity_feed (task_id, actor_id, activity_type) values ($1, $2, 'COMMENT')"
    claim = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $2, now() + interval '1 hour')"

    assert "42501" == await refusal(connection, told, world.ours.task, world.ours.users["owner"])
    assert await refusal(connection, told, world.ours.task, None) is None
    assert "42501" == await refusal(connection, claim, world.ours.subtask, world.ours.users["owner"])


async def test_a_key_is_its_actors_own(connection: asyncpg.Connection, world: World, become: Become) -> None:
    key = "insert into mutation_keys (actor_id, key, mutation, input_hash, expires_at) values ($1, 'k', 'm', '', now())"
    member, owner = world.ours.users["member"], world.ours.users["owner"]
    await connection.execute(key, owner)
    await become(member)

    assert 0 == await count(connection, "mutation_keys")
    assert "42501" == await refusal(connection, key, owner)
    assert await refusal(connection, key, member) is None


# Membership


@pytest.mark.parametrize("who", ["stranger", "viewer", "member", "admin", "owner", "service"])
async def test_who_manages_members(connection: asyncpg.Connection, world: World, become: Become, who: str) -> None:
    viewer = everybody(world)[who]
    add = "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)"
    change = "update workspace_members set role = $1 where id = $2"
    remove = "delete from workspace_members where id = $1"
    ours, new = world.ours, uuid4()
    await become(viewer)
    may = {
        "add a member": await refusal(connection, add, ours.workspace, new, "member") is None,
        "add an owner": await refusal(connection, add, ours.workspace, new, "owner") is None,
        "promote to admin": await changed(connection, change, "admin", ours.memberships["viewer"]),
        "promote to owner": await changed(connection, change, "owner", ours.memberships["member"]),
        "demote an owner": await changed(connection, change, "admin", ours.memberships["owner"]),
        "remove a viewer": await changed(connection, remove, ours.memberships["viewer"]),
        "remove an owner": await changed(connection, remove, ours.memberships["owner"]),
    }
    allowed = {
        "admin": {"add a member", "promote to admin", "remove a viewer"},
        # The last owner stays: these would go through for one of two.
        "owner": set(may) - {"demote an owner", "remove an owner"},
        "service": set(may) - {"demote an owner", "remove an owner"},
        "viewer": {"remove a viewer"},
    }.get(who, set())

    assert allowed == {what for what, it in may.items() if it}


async def changed(connection: asyncpg.Connection, statement: str, *values: Any) -> bool:
    return await refusal(connection, statement, *values) is None and await touched(connection, statement, *values) == 1


async def test_the_last_owner_stays(connection: asyncpg.Connection, world: World, become: Become) -> None:
    ours = world.ours
    await become(ours.users["owner"])
    leave = "delete from workspace_members where workspace_id = $1 and user_id = viewer_id()"
    demote = "update workspace_members set role = 'admin' where id = $1"

    assert "CV004" == await refusal(connection, leave, ours.workspace)
    assert "CV004" == await refusal(connection, demote, ours.memberships["owner"])
    await connection.execute("update workspace_members set role = 'owner' where id = $1", ours.memberships["admin"])
    assert await refusal(connection, leave, ours.workspace) is None
    assert await refusal(connection, "delete from workspaces where id = $1", ours.workspace) is None


async def test_everybody_leaves_as_they_like(connection: asyncpg.Connection, world: World, become: Become) -> None:
    for role in ("viewer", "member", "admin"):
        await become(world.ours.users[role])
        assert 1 == await touched(connection, "delete from workspace_members where user_id = viewer_id()")


async def test_what_may_be_read_is_remembered_for_who_asked_and_while_nothing_is_written(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    remembered = "select current_setting('convoy.readable', true)"
    ours, theirs = world.ours.users["member"], world.theirs.users["member"]
    await become(ours)
    assert 2 == await count(connection, "tasks")
    assert await connection.fetchval(remembered) in {None, ""}, "it may change in a transaction that writes"

    await connection.execute("set transaction read only")
    assert 2 == await count(connection, "tasks")
    assert f"{{{world.ours.workspace}}}" == await connection.fetchval(remembered)
    # The claims of somebody else are another question, and so is another right.
    await become(theirs)
    assert [world.theirs.workspace] == await connection.fetchval("select viewer_workspaces('viewer')")
    await become(ours)
    assert [world.ours.workspace] == await connection.fetchval("select viewer_workspaces('viewer')")
    assert [] == await connection.fetchval("select viewer_workspaces('owner')")
    await become(ANONYMOUS)
    assert 0 == await count(connection, "tasks")


async def test_a_membership_is_asked_for_once_and_not_for_each_row(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(world.ours.users["member"])
    explained = await connection.fetch("explain (costs off) select * from tasks where title = 'x'")
    plan = [row[0].strip() for row in explained]

    assert 1 == sum(line.startswith("InitPlan") for line in plan), plan
    assert not any("viewer_workspaces" in line for line in plan), plan

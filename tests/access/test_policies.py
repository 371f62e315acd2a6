"""What each role may do, asked of PostgreSQL itself in plain SQL: what holds here holds for whoever connects."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest
from tenants import ROLES, Become, World, everybody
from trying import INTERNAL, OWNED, SHARED, count, refusal, touched

from convoy_graphql.model.tables import metadata
from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE, Viewer

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

"""One database, told three times: `db/schema`, the migrations, `model/tables`. Here they are held to the same catalog."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
from sqlalchemy import create_mock_engine

from convoy_graphql.model.tables import metadata
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.pg.migrations import read_migrations

SCHEMA = Path(__file__).parents[2] / "db" / "schema"
SEED = Path(__file__).with_name("seed.sql").read_text()

TABLES = """
select class.relname as table, coalesce(class.reloptions::text, '') as options,
       obj_description(class.oid, 'pg_class') as comment
  from pg_class as class
 where class.relkind = 'r' and class.relnamespace = 'public'::regnamespace
"""
COLUMNS = """
select class.relname as table, row_number() over (partition by class.oid order by attribute.attnum) as position,
       attribute.attname as column, format_type(attribute.atttypid, attribute.atttypmod) as type,
       attribute.attnotnull as not_null, pg_get_expr(value.adbin, value.adrelid) as default,
       col_description(class.oid, attribute.attnum) as comment
  from pg_class as class
  join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
  left join pg_attrdef as value on value.adrelid = class.oid and value.adnum = attribute.attnum
 where class.relkind = 'r' and class.relnamespace = 'public'::regnamespace
"""
# NOT NULL is compared by column: PostgreSQL 18 lists it here too, 15 to 17 do not.
CONSTRAINTS = """
select conrelid::regclass::text as table, conname as constraint, pg_get_constraintdef(oid) as definition, convalidated as valid
  from pg_constraint
 where connamespace = 'public'::regnamespace and contype <> 'n'
"""
INDEXES = "select tablename as table, indexdef as definition from pg_indexes where schemaname = 'public'"
STATISTICS = """
select stxrelid::regclass::text as table, pg_get_statisticsobjdef(oid) as definition
  from pg_statistic_ext
 where stxnamespace = 'public'::regnamespace
"""
TRIGGERS = """
select tgrelid::regclass::text as table, pg_get_triggerdef(oid) as definition, tgenabled as enabled
  from pg_trigger
 where not tgisinternal
"""
FUNCTIONS = """
select oid::regprocedure::text as function, pg_get_functiondef(oid) as definition, obj_description(oid, 'pg_proc') as comment
  from pg_proc
 where pronamespace = 'public'::regnamespace
   and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
"""
POLICIES = """
select tablename as table, policyname as policy, permissive, roles::text, cmd as command, qual, with_check
  from pg_policies
 where schemaname = 'public'
"""
SECURITY = """
select class.relname as table, class.relrowsecurity as enabled, class.relforcerowsecurity as forced
  from pg_class as class
 where class.relkind = 'r' and class.relnamespace = 'public'::regnamespace
"""
GRANTS = """
select class.relname as name, coalesce(grantee.rolname, 'public') as role, privilege.privilege_type as privilege
  from pg_class as class
 cross join lateral aclexplode(class.relacl) as privilege
  left join pg_roles as grantee on grantee.oid = privilege.grantee
 where class.relkind = 'r' and class.relnamespace = 'public'::regnamespace
union all
select function.oid::regprocedure::text, coalesce(grantee.rolname, 'public'), privilege.privilege_type
  from pg_proc as function
 cross join lateral aclexplode(function.proacl) as privilege
  left join pg_roles as grantee on grantee.oid = privilege.grantee
 where function.pronamespace = 'public'::regnamespace
"""
UUID_FUNCTION = next(
    statement
    for statement in read_migrations()[0].statements
    if "create function public.uuid_generate_v4()" in statement
)
DROP_TABLES = """
drop table workspaces, projects, milestones, tasks, task_dependencies, activity_feed, workflows, patterns, best_practices
"""
WHAT_TABLES_KNOW = {"tables": TABLES, "columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES}
EVERYTHING = {
    **WHAT_TABLES_KNOW,
    "statistics": STATISTICS,
    "triggers": TRIGGERS,
    "functions": FUNCTIONS,
    "policies": POLICIES,
    "security": SECURITY,
    "grants": GRANTS,
}


async def catalog(dsn: str, queries: dict[str, str]) -> dict[str, list[dict[str, object]]]:
    """What the schema `public` holds, in an order of its own, so that two databases can be compared."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            kind: sorted((dict(row) for row in await connection.fetch(query)), key=lambda row: str(list(row.values())))
            for kind, query in queries.items()
        }
    finally:
        await connection.close()


async def execute(dsn: str, *scripts: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for script in scripts:
            await connection.execute(script)
    finally:
        await connection.close()


async def test_the_schema_files_say_what_the_migrations_do(empty_database: str, database: str) -> None:
    await execute(empty_database, *(path.read_text() for path in sorted(SCHEMA.glob("*.sql"))))

    assert await catalog(database, EVERYTHING) == await catalog(empty_database, EVERYTHING)


async def test_the_tables_of_the_model_are_the_tables_of_the_database(empty_database: str, database: str) -> None:
    statements: list[str] = []
    engine = create_mock_engine(
        "postgresql+asyncpg://", lambda ddl, *_: statements.append(str(ddl.compile(dialect=engine.dialect)))
    )
    metadata.create_all(engine, checkfirst=False)
    await execute(empty_database, (SCHEMA / "00_functions.sql").read_text(), *statements)

    assert await catalog(database, WHAT_TABLES_KNOW) == await catalog(empty_database, WHAT_TABLES_KNOW)


async def test_the_statements_that_are_recorded_are_the_whole_migration(empty_database: str, database: str) -> None:
    """One by one through the extended protocol, as the Supabase CLI sends them: it takes a single statement at a time."""
    connection = await asyncpg.connect(empty_database)
    for migration in read_migrations():
        for statement in migration.statements:
            await connection.fetch(statement)
    await connection.close()

    assert await catalog(database, EVERYTHING) == await catalog(empty_database, EVERYTHING)


async def test_migrations_need_nothing_of_the_sessions_search_path(empty_database: str, database: str) -> None:
    name = empty_database.partition("?")[0].rpartition("/")[2]
    await execute(empty_database, f"create schema other; alter database {name} set search_path = other")
    await migrate(empty_database)

    assert await catalog(database, {"tables": TABLES}) == await catalog(empty_database, {"tables": TABLES})


async def test_the_first_migration_is_the_seed(empty_database: str) -> None:
    await migrate(empty_database, read_migrations()[:1])
    migrated = await catalog(empty_database, EVERYTHING)
    await execute(empty_database, DROP_TABLES, SEED)

    assert migrated == await catalog(empty_database, EVERYTHING)
    names = re.findall(r"^CREATE INDEX (\w+)", SEED, re.MULTILINE)
    assert 21 == len(names)
    assert set(names) <= {str(row["definition"]).split()[2] for row in migrated["indexes"]}


async def test_a_database_made_by_hand_becomes_the_same(empty_database: str, database: str) -> None:
    await execute(empty_database, UUID_FUNCTION, SEED)
    await migrate(empty_database)

    assert await catalog(database, EVERYTHING) == await catalog(empty_database, EVERYTHING)


async def test_everything_has_a_comment(database: str) -> None:
    found = await catalog(database, EVERYTHING)
    bare = [row for kind in ("tables", "columns", "functions") for row in found[kind] if not row["comment"]]

    assert bare == []


async def test_every_function_pins_its_search_path_but_those_that_are_inlined(database: str) -> None:
    found = await catalog(database, {"functions": FUNCTIONS})
    loose = {row["function"] for row in found["functions"] if "SET search_path TO ''" not in str(row["definition"])}

    assert loose - {"uuid_generate_v4()"} == {"task_is_open(text)", "viewer_id()", "viewer_workspaces(text)"}


async def test_task_is_open_is_inlined(connection: asyncpg.Connection) -> None:
    plan = await connection.fetch("explain (verbose, costs off) select id from tasks where task_is_open(status)")

    assert "task_is_open" not in "\n".join(row[0] for row in plan)

"""Is the schema there, whole, guarded as declared, and known to the planner?"""

from __future__ import annotations

import re
from typing import Final

from convoy_graphql.model.tables import metadata
from convoy_graphql.pg.doctor.finding import Deployment, Result, fault, listed, ok, warning
from convoy_graphql.pg.migrate import HistoryRefused, pending
from convoy_graphql.pg.migrations import migrations_folder

#: As many as autovacuum waits for (autovacuum_analyze_threshold): a smaller table may never be analysed, and needs it as little.
MATTERS_ROWS: Final = 50

_DECLARED = re.compile(r"^create policy (?P<policy>\w+) on public\.(?P<table>\w+)", re.MULTILINE)

_GUARDS: Final = """
select class.relname::text as name, class.relrowsecurity as is_enabled, class.relforcerowsecurity as is_forced,
       array(select policy.polname::text from pg_policy as policy where policy.polrelid = class.oid) as policies
  from pg_class as class
 where class.relnamespace = to_regnamespace('public') and class.relname = any($1::text[]) and class.relkind in ('r', 'p')
 order by class.relname
"""

_NEVER_ANALYSED: Final = """
select statistics.relname::text
  from pg_stat_user_tables as statistics
  join pg_class as class on class.oid = statistics.relid
 where statistics.schemaname = 'public' and statistics.relname = any($1::text[])
   and statistics.last_analyze is null and statistics.last_autoanalyze is null
   and greatest(statistics.n_live_tup, class.reltuples) >= $2
 order by statistics.relname
"""

_PARTS: Final = """
select exists (select from pg_extension where extname = 'plpgsql') as has_plpgsql,
       exists (select from pg_proc where proname = 'uuid_generate_v4' and pronargs = 0) as has_uuids,
       to_regclass('public.workspaces') is not null as is_migrated
"""

_TABLES: Final = sorted(table.name for table in metadata.sorted_tables)


async def migrations(deployment: Deployment) -> Result:
    try:
        todo = await pending(deployment.dsn)
    except HistoryRefused as error:
        return fault(error.found, error.advice)
    if todo:
        return fault(
            f"Not applied yet: {listed([str(each) for each in todo], 2)}.",
            "Run convoy-graphql migrate, or supabase db push.",
        )
    return ok("All migrations are applied, as they are written here.")


def declared_policies() -> dict[str, set[str]]:
    """Names of policies by table, as `db/schema` declares them."""
    found: dict[str, set[str]] = {}
    for path in sorted((migrations_folder().parent / "schema").glob("*.sql")):
        for declared in _DECLARED.finditer(path.read_text(encoding="utf-8")):
            found.setdefault(declared["table"], set()).add(declared["policy"])
    return found


async def policies(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        tables = await connection.fetch(_GUARDS, _TABLES)
    if not tables:
        return warning("There are no tables to guard.", "Migrate first, then run doctor again.")
    declared = declared_policies()
    open_ones = [row["name"] for row in tables if not row["is_enabled"]]
    unforced = [row["name"] for row in tables if row["is_enabled"] and not row["is_forced"]]
    missing = sorted(
        f"{policy} on {row['name']}" for row in tables for policy in declared[row["name"]] - {*row["policies"]}
    )
    if open_ones:
        return fault(
            f"Row-level security is not enabled on {listed(open_ones)}: every role that may read them sees all rows.",
            "Enable it: " + _altered(open_ones, "enable row level security") + ".",
        )
    if unforced:
        return fault(
            f"Row-level security is not forced on {listed(unforced)}: the role that owns them is held back by no policy.",
            "Force it: " + _altered(unforced, "force row level security") + ".",
        )
    if missing:
        return fault(
            f"Policies are missing: {listed(missing)}.",
            "Create them as db/schema declares them, in the file of each table.",
        )
    own = sum(len({*row["policies"]} - declared[row["name"]]) for row in tables)
    others = f", and {own} of your own" if own else ""
    return ok(
        f"Row-level security is forced on {len(tables)} tables, with {sum(map(len, declared.values()))} policies{others}."
    )


def _altered(tables: list[str], change: str) -> str:
    return "; ".join(f"alter table public.{table} {change}" for table in tables)


async def statistics(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        tables = [row[0] for row in await connection.fetch(_NEVER_ANALYSED, _TABLES, MATTERS_ROWS)]
    if tables:
        return warning(
            f"Rows that were never analysed, so that the planner guesses, are in {listed(tables)}.",
            "Run analyze as the owner of the tables, and see that autovacuum is on.",
        )
    return ok(f"Every table with {MATTERS_ROWS} rows or more was analysed.")


async def extensions(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        parts = await connection.fetchrow(_PARTS)
    if not parts["has_plpgsql"]:
        return fault("The extension plpgsql is missing: no trigger can run.", "Run create extension plpgsql.")
    if parts["is_migrated"] and not parts["has_uuids"]:
        return fault(
            "The function uuid_generate_v4() is missing, and with it the defaults of ids.",
            'Run create extension "uuid-ossp", and set the defaults again as db/schema declares them.',
        )
    return ok("plpgsql and uuid_generate_v4() are there." if parts["has_uuids"] else "plpgsql is there.")

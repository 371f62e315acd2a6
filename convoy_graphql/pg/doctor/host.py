"""Is the PostgreSQL behind the address one that the server can work with?"""

from __future__ import annotations

from typing import Final

from convoy_graphql.pg.doctor.finding import Deployment, Result, fault, listed, ok, warning

OLDEST_VERSION: Final = 15

#: Leases of claims end by the database's clock, tokens by the server's: seconds in which nobody sees a difference.
CLOCK_OFF_S: Final = 2.0

#: A transaction that idles for longer holds back vacuum, and whoever waits for its locks.
IDLE_S: Final = 60

#: Of 8 GB. At 1 every commit that notifies fails.
QUEUE_FILLING, QUEUE_FULL = 0.1, 0.5

_CONNECTIONS: Final = """
select current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0) as for_everybody,
       database.datconnlimit as for_database,
       role.rolconnlimit as for_role,
       (select coalesce(sum(numbackends), 0)::int from pg_stat_database)
       - (select count(*)::int from pg_stat_activity where application_name like 'convoy-graphql%') as of_others
  from pg_database as database, pg_roles as role
 where database.datname = current_database() and role.rolname = session_user
"""

_IDLE: Final = """
select pid, extract(epoch from now() - state_change)::int as idle_s
  from pg_stat_activity
 where state like 'idle in transaction%' and state_change < now() - make_interval(secs => $1)
 order by state_change
"""

#: What a session has of what `connect` asked for, in the units in which it was asked.
_SESSION: Final = """
select quote_ident(session_user) as role, current_setting('TimeZone') as timezone, current_setting('DateStyle') as datestyle,
       current_setting('jit') as jit, extract(epoch from current_setting('statement_timeout')::interval)::float * 1000 as statement_ms,
       extract(epoch from current_setting('lock_timeout')::interval)::float * 1000 as lock_ms
"""


async def version(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        number, name = await connection.fetchrow(
            "select current_setting('server_version_num')::int, current_setting('server_version')"
        )
    return of_version(number, name)


def of_version(number: int, name: str) -> Result:
    if number < OLDEST_VERSION * 10_000:
        return fault(f"This is PostgreSQL {name}.", f"Use PostgreSQL {OLDEST_VERSION} or later.")
    return ok(f"This is PostgreSQL {name}.")


async def encoding(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        found = await connection.fetchval("select current_setting('server_encoding')")
    if found != "UTF8":
        return fault(
            f"The database keeps text in {found}, which has not every character.",
            "Make a database with encoding 'UTF8' (template template0), and load the data into it.",
        )
    return ok("Text is kept in UTF8.")


async def time_zone(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        session = await connection.fetchrow(_SESSION)
    if session["timezone"] != "UTC" or not session["datestyle"].startswith("ISO"):
        return warning(
            f"Times are written in {session['timezone']}, {session['datestyle']}: something on the way drops what the server asks for.",
            f"Let the pooler pass timezone and datestyle, or alter role {session['role']} set timezone = 'UTC'.",
        )
    return ok("Times are written in UTC.")


async def jit(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        session = await connection.fetchrow(_SESSION)
    if session["jit"] != "off":
        return warning(
            "JIT is on: compiling a nested query takes longer than to run it, and something on the way drops what the server asks for.",
            f"Let the pooler pass jit, or alter role {session['role']} set jit = off.",
        )
    return ok("JIT is off in the server's sessions.")


async def timeouts(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        session = await connection.fetchrow(_SESSION)
    settings = deployment.settings
    asked = {"statement_timeout": settings.statement_timeout_ms, "lock_timeout": settings.lock_timeout_ms}
    held = {"statement_timeout": session["statement_ms"], "lock_timeout": session["lock_ms"]}
    if dropped := [name for name in asked if round(held[name]) != asked[name]]:
        changes = "; ".join(f"alter role {session['role']} set {name} = '{asked[name]}ms'" for name in dropped)
        return warning(
            f"{listed(dropped)} are not what the server asks for, so that a slow statement may keep its connection.",
            f"Let the pooler pass them, or {changes}.",
        )
    return ok(
        f"Statements end after {asked['statement_timeout']:,} ms, waiting for locks after {asked['lock_timeout']:,} ms."
    )


async def clock(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        # The first statement of a session is the slow one.
        await connection.fetchval("select 1")
        before = deployment.now()
        there = await connection.fetchval("select extract(epoch from clock_timestamp())::float")
        after = deployment.now()
    off_s = max(0.0, there - after, before - there)
    if off_s < CLOCK_OFF_S:
        return ok("The clocks of the server and of the database agree.")
    problem = fault if off_s >= deployment.settings.jwt_leeway_s else warning
    return problem(
        f"The server's clock and the database's are {off_s:,.0f} s apart: tokens and claims end at the wrong time.",
        "Keep both hosts' clocks by NTP.",
    )


async def connections(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        limits = await connection.fetchrow(_CONNECTIONS)
    # One more of each process listens, and another asks for replicas how far the primary is.
    beside = 1 if deployment.settings.read_database_urls is None else 2
    wanted = deployment.workers * (deployment.settings.pool_size + beside)
    limit = min(most for most in (limits["for_everybody"], limits["for_database"], limits["for_role"]) if most >= 0)
    use = f"{deployment.workers} * ({deployment.settings.pool_size} + {beside})"
    advice = "Lower CONVOY_POOL_SIZE or --workers, or raise max_connections, or the limit of the role or the database."
    if wanted > limit:
        return fault(f"The server may open {wanted} connections ({use}), and the database takes {limit}.", advice)
    if wanted + limits["of_others"] > limit:
        return warning(
            f"The server may open {wanted} connections ({use}) of {limit}, and others have {limits['of_others']} now.",
            advice,
        )
    return ok(f"The server may open {wanted} connections ({use}) of {limit}.")


async def standby(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        is_standby = await connection.fetchval("select pg_is_in_recovery()")
    if is_standby:
        return fault(
            "This is a standby: it can be read, and takes neither changes nor listeners.",
            "Name the primary in DATABASE_URL, or all hosts with target_session_attrs=primary.",
        )
    return ok("This is a primary.")


async def idle_transactions(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        idle = await connection.fetch(_IDLE, float(IDLE_S))
    if idle:
        shown = listed([f"{row['pid']} ({row['idle_s']} s)" for row in idle])
        return warning(
            f"Transactions idle, and hold back vacuum and whoever waits for them: process {shown}.",
            "See in pg_stat_activity whose they are, and set idle_in_transaction_session_timeout for that role.",
        )
    return ok(f"No transaction that can be seen idles for more than {IDLE_S} s.")


async def notification_queue(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        return of_queue(await connection.fetchval("select pg_notification_queue_usage()"))


def of_queue(usage: float) -> Result:
    if usage < QUEUE_FILLING:
        return ok(f"{usage:.0%} of the queue of notifications is in use.")
    problem = fault if usage >= QUEUE_FULL else warning
    return problem(
        f"{usage:.0%} of the queue of notifications is in use, and once it is full no change can be committed.",
        "End the session that listens and stays in a transaction: see pg_stat_activity, oldest xact_start first.",
    )

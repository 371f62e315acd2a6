"""What stands between the server and PostgreSQL: a pooler, and of which kind; and do notifications come through?"""

from __future__ import annotations

from convoy_graphql.errors import ConvoyError
from convoy_graphql.pg.announce import CHANNEL, NOTIFY
from convoy_graphql.pg.connect import Way, connect
from convoy_graphql.pg.doctor.finding import Deployment, Result, fault, ok, reason, warning
from convoy_graphql.pg.listen import Deaf, listen
from convoy_graphql.pg.pooling import declared, discover
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS

_FOUND = {
    Way.DIRECT: "Each connection has a backend of its own.",
    Way.SESSION: "Each connection has a backend of its own, through a pooler in session mode.",
    Way.TRANSACTION: "DATABASE_URL leads through a pooler in transaction mode: no prepared statements are kept",
    Way.PREPARED: "DATABASE_URL leads through a pooler in transaction mode, which keeps prepared statements",
}


async def pooler(deployment: Deployment) -> Result:
    """What the server takes to be on the way, and whether it is."""
    said = declared(deployment.dsn, deployment.settings)
    found = await discover(deployment.dsn, deployment.settings)
    if said is not None and not said.holds_for(found):
        return fault(
            f"CONVOY_POOLER, or the DSN, says that there is {said.value}, and there is {found.value}.",
            "Unset CONVOY_POOLER: the server finds out by itself.",
        )
    way = said or found
    if not way.is_shared:
        return ok(_FOUND[way])
    if deployment.settings.listen_database_url is None:
        return warning(
            f"{_FOUND[way]}, and notifications do not come through it.",
            "Set LISTEN_DATABASE_URL to a direct connection, or to one in session mode.",
        )
    return ok(f"{_FOUND[way]}; LISTEN_DATABASE_URL leads round it.")


async def notifications(deployment: Deployment) -> Result:
    """Whether what is sent by DATABASE_URL is heard where the server listens."""
    settings = deployment.settings
    variable = "DATABASE_URL" if settings.listen_database_url is None else "LISTEN_DATABASE_URL"
    polled = warning(
        f"Notifications do not come through DATABASE_URL: the feed is looked at every {settings.feed_poll_interval_s:g} s instead.",
        "Set LISTEN_DATABASE_URL to a direct connection, or to one in session mode.",
    )
    if settings.listen_database_url is None and deployment.way.is_shared:
        # To listen would leave a backend of the pooler's listening.
        return polled

    async def notify(payload: str) -> None:
        connection = await deployment.session(statement_cache_size=0)
        try:
            async with connection.transaction():
                await connection.fetchval(NOTIFY, payload)
        finally:
            connection.terminate()

    try:
        address = settings.listen_database_url or deployment.dsn
        ear = await connect(address, settings, Way.TRANSACTION, name="convoy-graphql doctor")
        try:
            await listen(ear, CHANNEL, notify=notify, heard=lambda: None)
        finally:
            ear.terminate()
    except Deaf:
        if settings.listen_database_url is None:
            return polled
        return fault(
            "What is sent by DATABASE_URL is not heard by LISTEN_DATABASE_URL: a pooler keeps it, or they are two databases.",
            "Set LISTEN_DATABASE_URL to a direct connection to the same database.",
        )
    except (*DRIVER_ERRORS, ConvoyError) as error:
        return fault(f"{variable} cannot be listened on: {reason(error)}.", f"Check {variable}.")
    return ok(f"Notifications come through {variable}.")

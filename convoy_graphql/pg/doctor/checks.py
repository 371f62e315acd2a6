"""All checks of the database, in the order in which they are told; one for each replica comes after them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from convoy_graphql.pg.doctor import access, host, schema, way
from convoy_graphql.pg.doctor.finding import (
    CHECK_TIMEOUT_S,
    Check,
    Deployment,
    Finding,
    Verdict,
    connection,
    examine,
)
from convoy_graphql.pg.doctor.replicas import replica_checks
from convoy_graphql.pg.pooling import find_way
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS

CHECKS: Final = MappingProxyType[str, Check](
    {
        "version": host.version,
        "encoding": host.encoding,
        "standby": host.standby,
        "migrations": schema.migrations,
        "extensions": schema.extensions,
        "policies": schema.policies,
        "roles": access.roles,
        "server role": access.server_role,
        "pooler": way.pooler,
        "notifications": way.notifications,
        "notification queue": host.notification_queue,
        "connections": host.connections,
        "timeouts": host.timeouts,
        "idle transactions": host.idle_transactions,
        "jit": host.jit,
        "time zone": host.time_zone,
        "clock": host.clock,
        "statistics": schema.statistics,
    }
)


async def examine_database(deployment: Deployment) -> list[Finding]:
    """What is found. Where there is no connection, that is all."""
    with suppress(TimeoutError, *DRIVER_ERRORS):
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            deployment = replace(deployment, way=await find_way(deployment.dsn, deployment.settings))
    first = await examine(deployment, {"connection": connection})
    if first[0].result.verdict is Verdict.FAULT:
        return first
    return first + await examine(deployment, {**CHECKS, **replica_checks(deployment)})

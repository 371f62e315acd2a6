"""Where PostgreSQL runs, as a backend of it tells."""

from __future__ import annotations

from convoy_graphql.pg import place
from convoy_graphql.pg.connect import connect
from convoy_graphql.settings import Settings


async def test_postgresql_on_the_same_machine_is_known_by_what_it_sees_of_us(database: str) -> None:
    settings = Settings(pool_size=1_000)
    connection = await connect(database, settings)
    try:
        assert 2 * place._cores() + 1 == await place.most_at_once(connection, settings)
        # As a backend sees a client on another machine.
        elsewhere = place._IS_HERE.replace("inet_client_addr()", "inet '192.0.2.1'")
        assert not await connection.fetchval(elsewhere)
    finally:
        await connection.close()

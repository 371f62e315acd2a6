"""A real PostgreSQL for every test: one server for each process that runs tests, one migrated template, a clone per module."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from client import ENGINES, GraphClient, running_server
from convoy_graphql.demo import load_demo
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.settings import Settings
from installed import InstalledPostgres, some_postgres


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres | InstalledPostgres]:
    """The PostgreSQL of this process, in a folder of its own: the embedded one, or the one whose programs are named."""
    # Not pytest's tmp_path: pytest resets the mode of the folders above that one, and PostgreSQL's user passes them.
    folder = Path(tempfile.mkdtemp(prefix="convoy-tests-"))
    with some_postgres(folder) as server:
        yield server
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server_dsn(server: EmbeddedPostgres) -> str:
    """A superuser's DSN on the running server."""
    return server.dsn


async def _create(server: EmbeddedPostgres, name: str, template: str | None = None) -> str:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f'create database "{name}"' + (f' template "{template}"' if template else ""))
    finally:
        await connection.close()
    return server.database_dsn(name)


async def _drop(server: EmbeddedPostgres, name: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f'drop database "{name}" with (force)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def migrated_template(server: EmbeddedPostgres) -> str:
    await migrate(await _create(server, "migrated"))
    return "migrated"


@pytest.fixture(scope="session")
async def demo_template(server: EmbeddedPostgres, migrated_template: str) -> str:
    await load_demo(await _create(server, "demonstration", migrated_template), "small")
    return "demonstration"


@pytest.fixture
async def empty_database(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of a database with nothing in it."""
    name = f"empty_{uuid4().hex}"
    yield await _create(server, name)
    await _drop(server, name)


@pytest.fixture(scope="module")
async def database(server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """The DSN of a migrated database without rows, the module's own."""
    name = f"module_{uuid4().hex}"
    yield await _create(server, name, migrated_template)
    await _drop(server, name)


@pytest.fixture(scope="module")
async def demo_database(server: EmbeddedPostgres, demo_template: str) -> AsyncIterator[str]:
    """The DSN of a database with the small demo graph, the module's own."""
    name = f"demo_{uuid4().hex}"
    yield await _create(server, name, demo_template)
    await _drop(server, name)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to `database` whose work is rolled back after the test."""
    connection = await asyncpg.connect(database)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def writer(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to `database` whose work stays: what a `client` of the same module sees."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """The command line sets up logging for its own process, which is the test's here."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn")
    handlers, levels = root.handlers[:], (root.level, uvicorn.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    uvicorn.setLevel(levels[1])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks the graph is run with every engine, unless its module names its `ENGINES`."""
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", getattr(metafunc.module, "ENGINES", ENGINES), scope="module")


async def _client(dsn: str, engine: str) -> AsyncIterator[GraphClient]:
    opened = Database(dsn, Settings())
    yield GraphClient(opened, engine)
    await opened.close()


@pytest.fixture(scope="module")
async def client(database: str, engine: str) -> AsyncIterator[GraphClient]:
    """Executes operations over `database`."""
    async for client in _client(database, engine):
        yield client


@pytest.fixture(scope="module")
async def demo(demo_database: str, engine: str) -> AsyncIterator[GraphClient]:
    """Executes operations over the small demo graph."""
    async for client in _client(demo_database, engine):
        yield client


@pytest.fixture
async def own_demo(server: EmbeddedPostgres, demo_template: str, engine: str) -> AsyncIterator[GraphClient]:
    """Executes operations over a small demo graph of the test's own, which it may change."""
    name = f"demo_{uuid4().hex}"
    dsn = await _create(server, name, demo_template)
    async for client in _client(dsn, engine):
        yield client
    await _drop(server, name)


@pytest.fixture
async def demo_connection(demo_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the small demo graph, to ask in plain SQL what an answer should be."""
    connection = await asyncpg.connect(demo_database)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def http(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    """The server itself, over the small demo graph, by HTTP on a loopback port."""
    async with running_server(Settings(database_url=demo_database)) as http:
        yield http


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.endswith("DATABASE_URL") or name.startswith("CONVOY_")]:
        del os.environ[name]

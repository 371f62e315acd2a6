"""The README's way from a Supabase project with the original tables to a protected API, walked step by step.

The project stands on a server of its own, since roles are a whole server's: made by `supabase.sql`, with the original tables and
rows in them. What is run in its SQL editor is taken from the README, word for word.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson
import pytest

from client import running_server
from convoy_graphql.pg.doctor.finding import Verdict
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.server.doctor import diagnose
from convoy_graphql.settings import Settings
from installed import some_postgres
from signing import SECRET, signed

HERE: Final = Path(__file__).parent
CHECKOUT: Final = HERE.parents[1]
SUPABASE: Final = HERE.joinpath("supabase.sql").read_text()
ORIGINAL: Final = CHECKOUT.joinpath("db/migrations/20261122174500_seed.sql").read_text()
ADVICE: Final = (
    CHECKOUT.joinpath("README.md").read_text().partition("### Supabase, step by step")[2].partition("\n### ")[0]
)

ISSUER: Final = "https://project.supabase.co/auth/v1"
TITLES: Final = "{ tasks(orderBy: [{field: TITLE}]) { nodes { title } } viewer { role memberships { role } } }"


@dataclass(frozen=True)
class Project:
    """A migrated project: where it is, and two people who each own one of its workspaces."""

    server: str
    mira: UUID
    noor: UUID
    task: UUID

    def dsn(self, role: str) -> str:
        return self.server.replace("postgresql://postgres@/postgres", f"postgresql://{role}@/project")


def editor(pattern: str) -> str:
    """What the README says to run in the SQL editor."""
    found = re.search(pattern, ADVICE, re.DOTALL)
    assert found, pattern
    return found[1]


@pytest.fixture(scope="module")
def own_server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="convoy-supabase-"))
    with some_postgres(folder) as server:
        yield server.database_dsn("postgres")
    shutil.rmtree(folder)


async def run(dsn: str, *statements: str, role: str = "postgres") -> None:
    connection = await asyncpg.connect(dsn.replace("//postgres@", f"//{role}@"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def project(own_server: str) -> Project:
    """Steps 1 to 3: the tables get their policies, the rows their owners, the server its role."""
    await run(own_server, "create role somebody superuser login")
    await run(own_server, "alter role postgres rename to supabase_admin", role="somebody")
    of_server, of_project = SUPABASE.split("\\connect project\n")
    await run(own_server, *filter(str.strip, of_server.split(";")), role="supabase_admin")
    mira, noor = uuid4(), uuid4()
    made = Project(own_server, mira, noor, uuid4())
    await run(made.dsn("supabase_admin"), of_project)
    postgres = await asyncpg.connect(made.dsn("postgres"))
    await postgres.execute(ORIGINAL)
    for user, name in ((mira, "Mira's"), (noor, "Noor's")):
        await postgres.execute("insert into auth.users (id, email) values ($1, $2)", user, f"{user}@example.org")
        workspace = await postgres.fetchval("insert into workspaces (name) values ($1) returning id", name)
        project = await postgres.fetchval(
            "insert into projects (workspace_id, name) values ($1, $2) returning id", workspace, name
        )
        milestone = await postgres.fetchval(
            "insert into milestones (project_id, name) values ($1, $2) returning id", project, name
        )
        await postgres.execute(
            "insert into tasks (id, milestone_id, title) values ($1, $2, $3)",
            made.task if user == mira else uuid4(),
            milestone,
            f"{name} task",
        )

    assert await migrate(made.dsn("postgres"))
    owners = editor(r"`(insert into workspace_members .*?;)`")
    for user, name in ((mira, "Mira''s"), (noor, "Noor''s")):
        await postgres.execute(owners.replace("…", str(user)).replace(";", f" where name = '{name}'"))
    await postgres.execute(editor(r"```sql\n(.*?)```").replace("…", "secret"))
    await postgres.close()
    return made


@asynccontextmanager
async def serving(project: Project) -> AsyncIterator[httpx.AsyncClient]:
    """Steps 4 and 5, where tokens are signed with the project's secret."""
    settings = Settings(
        database_url=project.dsn("convoy_api"), jwt_secret=SECRET, jwt_issuer=f"{ISSUER},supabase", pooler="none"
    )
    async with running_server(settings) as http:
        yield http


def session_of(user: UUID) -> str:
    """The `access_token` of a session of supabase-js."""
    return signed(
        sub=str(user), iss=ISSUER, email="m@example.org", phone="", app_metadata={"provider": "email"}, user_metadata={},
        aal="aal1", amr=[{"method": "password", "timestamp": 1}], session_id=str(uuid4()), is_anonymous=False,
    )  # fmt: skip


def key_of(role: str) -> str:
    """The project's own key for a role."""
    return signed(role=role, iss="supabase", ref="project", sub=..., aud=...)


async def titles(http: httpx.AsyncClient, token: str | None) -> tuple[list[str], Any]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = (await http.post("/graphql", json={"query": TITLES}, headers=headers)).json()
    return [task["title"] for task in answer["data"]["tasks"]["nodes"]], answer["data"]["viewer"]


async def test_each_sees_their_own_through_the_api(project: Project) -> None:
    async with serving(project) as http:
        assert 200 == (await http.get("/readyz")).status_code
        seen = {
            name: await titles(http, token)
            for name, token in {
                "mira": session_of(project.mira),
                "noor": session_of(project.noor),
                "stranger": session_of(uuid4()),
                "nobody": None,
                "anon key": key_of("anon"),
                "service key": key_of("service_role"),
            }.items()
        }

    owner = [{"role": "owner"}]
    assert {
        "mira": (["Mira's task"], {"role": "authenticated", "memberships": owner}),
        "noor": (["Noor's task"], {"role": "authenticated", "memberships": owner}),
        "stranger": ([], {"role": "authenticated", "memberships": []}),
        "nobody": ([], {"role": "anon", "memberships": []}),
        "anon key": ([], {"role": "anon", "memberships": []}),
        "service key": (["Mira's task", "Noor's task"], {"role": "service_role", "memberships": []}),
    } == seen


async def test_each_changes_their_own_through_the_api(project: Project) -> None:
    change = 'mutation($id: ID!) { updateTask(input: {id: $id, status: "DOING"}) { task { status } errors { code } } }'
    async with serving(project) as http:
        answers = [
            await http.post(
                "/graphql",
                json={"query": change, "variables": {"id": str(project.task)}},
                headers={"authorization": f"Bearer {session_of(user)}"},
            )
            for user in (project.noor, project.mira)
        ]

    assert [
        {"task": None, "errors": [{"code": "NOT_FOUND"}]},
        {"task": {"status": "DOING"}, "errors": []},
    ] == [answer.json()["data"]["updateTask"] for answer in answers]


async def asked_directly(project: Project, role: str, user: UUID | None, statement: str) -> Sequence[Any]:
    """What a page with a Supabase client gets: PostgREST connects so, and begins each request so."""
    connection = await asyncpg.connect(project.dsn("authenticator"))
    try:
        async with connection.transaction():
            claims = {"role": role} if user is None else {"role": role, "sub": str(user)}
            await connection.execute(
                "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
                role,
                orjson.dumps(claims).decode(),
            )
            rows: Sequence[Any] = await connection.fetch(statement)
            return rows
    finally:
        await connection.close()


async def test_the_same_holds_for_who_asks_the_database_directly(project: Project) -> None:
    tasks = "select title from tasks order by title"
    update = "update tasks set title = title returning title"

    assert [("Mira's task",)] == await asked_directly(project, "authenticated", project.mira, tasks)
    assert [("Noor's task",)] == await asked_directly(project, "authenticated", project.noor, update)
    assert [] == await asked_directly(project, "authenticated", uuid4(), tasks)
    assert [] == await asked_directly(project, "anon", None, tasks)
    assert [("Mira's task",), ("Noor's task",)] == await asked_directly(project, "service_role", None, tasks)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asked_directly(project, "anon", None, update)


async def test_what_the_project_grants_to_everybody_is_taken_back(project: Project) -> None:
    """A new table or function of the project's is for all three roles, unless somebody says otherwise."""
    postgres = await asyncpg.connect(project.dsn("postgres"))
    beyond = await postgres.fetch(
        "select table_name, grantee, privilege_type from information_schema.role_table_grants"
        " where table_schema = 'public' and (grantee = 'anon' and privilege_type <> 'SELECT'"
        "    or grantee in ('authenticated', 'service_role')"
        "   and privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))"
    )
    open_tables = await postgres.fetch(
        "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
        "   and not (relrowsecurity and relforcerowsecurity)"
    )
    of_everybody = await postgres.fetch(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
        "   and prorettype <> 'trigger'::regtype and has_function_privilege('anon', oid, 'execute')"
    )
    await postgres.close()

    assert [] == beyond == open_tables
    # What runs as the owner, for whoever asks: policies and readers call these.
    assert {"look_up_viewer_workspaces", "feed_history"} == {row["proname"] for row in of_everybody}
    for role, user in (("anon", None), ("authenticated", project.mira)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asked_directly(project, role, user, "select prune_task_changes(interval '0 seconds')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asked_directly(project, "anon", None, "select found_workspace(gen_random_uuid(), 'Quay', null)")


async def test_nothing_is_wrong_with_it(project: Project) -> None:
    settings = Settings(jwt_secret=SECRET, jwt_issuer=ISSUER)
    found = await diagnose(project.dsn("convoy_api"), settings)

    assert [] == [finding for finding in found if finding.result.verdict is Verdict.FAULT]

"""May the server take on the roles of who asks, and do those roles see no more than their policies show?"""

from __future__ import annotations

from typing import Final

from convoy_graphql.pg.doctor.finding import Deployment, Result, fault, listed, ok, warning
from convoy_graphql.pg.viewer import ROLES

# Since PostgreSQL 16 a member may be one that inherits, and still not take the role on.
_ROLES: Final = """
select role.rolname::text as name, role.rolsuper or role.rolbypassrls as is_free,
       pg_has_role(session_user, role.oid,
           case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as is_granted
  from pg_roles as role
 where role.rolname = any($1::text[])
"""

_OURS: Final = """
select role.rolname::text as name, role.rolsuper as is_superuser, role.rolbypassrls as bypasses
  from pg_roles as role
 where role.rolname = session_user
"""


async def roles(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        found = {row["name"]: row for row in await connection.fetch(_ROLES, list(ROLES))}
        ours = await connection.fetchval("select quote_ident(session_user)")
    problem = fault if deployment.has_authentication else warning
    if missing := [role for role in ROLES if role not in found]:
        made = "; ".join(f"create role {role} nologin noinherit" for role in missing)
        return problem(
            f"The roles {listed(missing)} are missing, so that nobody can be answered as them.",
            f"As an administrator: {made}; grant {', '.join(missing)} to {ours}.",
        )
    # service_role is the operator's own, and on Supabase has BYPASSRLS by design.
    if free := [role for role in ROLES if role != "service_role" and found[role]["is_free"]]:
        return fault(
            f"No policy holds back {listed(free)}, which is a superuser or has BYPASSRLS.",
            "As an administrator: " + "; ".join(f"alter role {role} nosuperuser nobypassrls" for role in free) + ".",
        )
    if refused := [role for role in ROLES if not found[role]["is_granted"]]:
        return problem(
            f"The server's role {ours} may not take on {listed(refused)}.",
            f"As an administrator: grant {', '.join(refused)} to {ours}.",
        )
    return ok(f"{', '.join(ROLES)} are there, and {ours} may take them on.")


async def server_role(deployment: Deployment) -> Result:
    async with deployment.reading() as connection:
        ours = await connection.fetchrow(_OURS)
    rights = [
        name for name, has in (("a superuser", ours["is_superuser"]), ("with BYPASSRLS", ours["bypasses"])) if has
    ]
    if not rights:
        return ok(f"{ours['name']} is held back by policies.")
    if not deployment.has_authentication:
        return ok(f"{ours['name']} is {' and '.join(rights)}, as it may be where everybody may do everything.")
    return warning(
        f"{ours['name']} is {' and '.join(rights)}: requests are held back by the roles that it takes on, and it is by nothing.",
        f"Connect as a role without rights of its own: create role convoy login noinherit; grant {', '.join(ROLES)} to convoy.",
    )

"""Connection strings: as asyncpg takes them, as they can be understood, and as they may be shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from convoy_graphql.errors import SetupError

#: Said to clients of other libraries, which take them for settings: Prisma's, in connection strings of Supabase's.
_NOT_FOR_POSTGRESQL: Final = {"pgbouncer", "connection_limit"}

_HOST: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d+)?")


def asyncpg_dsn(dsn: str) -> str:
    """The DSN as asyncpg takes it, when it was written for SQLAlchemy or Prisma."""
    dsn = _of_postgresql(dsn)
    address, mark, query = dsn.partition("?")
    options = [option for option in query.split("&") if option.partition("=")[0] not in _NOT_FOR_POSTGRESQL]
    return address + (mark + "&".join(options) if options != [""] and options else "")


def _of_postgresql(dsn: str) -> str:
    return dsn.replace("postgresql+asyncpg://", "postgresql://", 1)


def readable(dsn: str) -> str:
    """The DSN, which `asyncpg_dsn` is going to understand.

    Raises:
        SetupError: it is none, or a password in it hides where it ends.
    """
    dsn = _of_postgresql(dsn)
    parts = urlsplit(dsn)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    is_known = parts.scheme in {"postgresql", "postgres"} and all(_HOST.fullmatch(host) for host in hosts)
    if not is_known or _hides_a_password(parts):
        raise SetupError(
            "DATABASE_URL is not understood: use postgresql://user:password@host:5432/database, "
            "and write @ / ? # in a password as %40 %2F %3F %23"
        )
    return dsn


def masked(dsn: str) -> str:
    """`dsn` as it may be shown: with `***` for every password."""
    parts = urlsplit(dsn)
    account, at, hosts = parts.netloc.rpartition("@")
    user, colon, _ = account.partition(":")
    options = [(key, "***" if "password" in key else value) for key, value in parse_qsl(parts.query)]
    netloc = f"{user}{colon and ':***'}{at}{hosts}"
    return parts._replace(netloc=netloc, query=urlencode(options, safe="/*")).geturl()


def _hides_a_password(parts: SplitResult) -> bool:
    # An unescaped / ? or # in a password ends the part of the host early: what comes after is the rest of the password.
    return "@" in parts.path + parts.query + parts.fragment

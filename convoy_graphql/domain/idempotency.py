"""Keys with which a client may send a change again, when it cannot know whether it happened: it is then answered, not made.

A key belongs to its actor. Two requests with one key at once meet in the primary key: the second waits there for the first
one's commit and then answers what the first did; or runs, if the first was rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Float, bindparam, delete, func, literal_column, null, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import BYTEA, insert

from convoy_graphql.domain.outcome import Outcome, replayed
from convoy_graphql.domain.problems import IdempotencyKeyReused, Refused
from convoy_graphql.domain.unit import Unit
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import mutation_keys
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Argument, Statement, written
from convoy_graphql.settings import Settings

#: The actor where nobody is named.
NOBODY: Final = "00000000-0000-0000-0000-000000000000"

#: Expired keys that go with one that is kept: more than one, so that they come to an end.
SWEPT: Final = 4


@dataclass(frozen=True)
class Key:
    """A key as one request brings it."""

    actor: str | None
    key: str
    mutation: str
    input_hash: bytes


def hash_of(given: Mapping[str, Any], *, without: str) -> bytes:
    """What tells inputs apart. The order of keys does not count, that of lists does."""
    shown = {name: value for name, value in given.items() if name != without}
    return sha256(json.dumps(shown, sort_keys=True, default=str).encode()).digest()


async def take(unit: Unit, key: Key, settings: Settings) -> Outcome | None:
    """None when the key is new, and now this transaction's; else what was answered to the request that brought it first.

    Raises:
        Refused: it came with another mutation or another input.
        WriteTimedOut: who brought it first is at work for longer than a statement may run.
    """
    own = {"actor": key.actor or NOBODY, "key": key.key}
    given = {
        **own,
        "mutation": key.mutation,
        "input_hash": key.input_hash,
        "ttl_s": float(settings.idempotency_key_ttl_s),
    }
    # Zero: as long as a statement may run.
    timeouts = {"patient": "0", "usual": str(settings.lock_timeout_ms)}
    if await unit.fetch_one(_take(), **given, **timeouts) is not None:
        return None
    found = await unit.fetch_one(_find(), **own)
    if found is None:
        raise LookupError("a key that is taken has no row")
    if (found["mutation"], found["input_hash"]) != (key.mutation, key.input_hash):
        raise Refused(IdempotencyKeyReused(("idempotencyKey",), found["mutation"]))
    return replayed(orjson.loads(found["outcome"]))


async def keep(unit: Unit, key: Key, outcome: Outcome) -> None:
    """Keeps the answer for the key, and clears some that have expired."""
    answer = orjson.dumps(outcome.as_json()).decode()
    await unit.execute(_keep(), actor=key.actor or NOBODY, key=key.key, outcome=answer)


@cache
def _take() -> Statement:
    fresh: dict[str, ColumnElement[Any]] = {
        **_own(),
        "mutation": parameter(Kind.TEXT, Argument("mutation")),
        "input_hash": bindparam(None, Argument("input_hash"), type_=BYTEA),
        "outcome": null(),
        "created_at": func.now(),
        "expires_at": func.now()
        + func.make_interval(0, 0, 0, 0, 0, 0, bindparam(None, Argument("ttl_s"), type_=Float())),
    }
    # The condition comes before the row, and the wait for somebody else's with it; what is returned comes after. Where nothing
    # is returned, no other statement of this transaction waits for a lock.
    rows = select(*fresh.values()).where(_lock_timeout("patient").is_not(None))
    query = insert(mutation_keys).from_select([*fresh], rows)
    query = query.on_conflict_do_update(
        index_elements=["actor_id", "key"],
        set_={name: query.excluded[name] for name in fresh},
        where=mutation_keys.c.expires_at <= func.now(),
    )
    return written(query.returning(_lock_timeout("usual")))


@cache
def _find() -> Statement:
    return written(select(mutation_keys).where(*_is_own()))


@cache
def _keep() -> Statement:
    expired = (
        select(mutation_keys.c.actor_id, mutation_keys.c.key)
        .where(mutation_keys.c.expires_at <= func.now())
        .order_by(mutation_keys.c.expires_at)
        .limit(literal_column(str(SWEPT)))
        .with_for_update(skip_locked=True)
    )
    sweep = delete(mutation_keys).where(tuple_(mutation_keys.c.actor_id, mutation_keys.c.key).in_(expired))
    query = update(mutation_keys).where(*_is_own()).values(outcome=parameter(Kind.JSON, Argument("outcome")))
    return written(query.add_cte(sweep.cte("swept")))


def _lock_timeout(name: str) -> ColumnElement[Any]:
    """Sets, until the end of the transaction, how many milliseconds a statement waits for a lock."""
    return func.set_config(literal_column("'lock_timeout'"), parameter(Kind.TEXT, Argument(name)), true())


def _own() -> dict[str, ColumnElement[Any]]:
    return {"actor_id": parameter(Kind.ID, Argument("actor")), "key": parameter(Kind.TEXT, Argument("key"))}


def _is_own() -> list[ColumnElement[bool]]:
    return [mutation_keys.c[name] == value for name, value in _own().items()]

"""Keys with which a client may send a change again, when it cannot know whether it happened: it is then answered, not made.

A key belongs to its actor. Two requests with one key at once meet in the primary key: the second waits there for the first
one's commit and then answers what the first did; or runs, if the first was rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    ttl_s = bindparam(None, float(settings.idempotency_key_ttl_s), type_=Float())
    fresh: dict[str, ColumnElement[Any]] = {
        **_scope(key),
        "mutation": parameter(Kind.TEXT, key.mutation),
        "input_hash": bindparam(None, key.input_hash, type_=BYTEA),
        "outcome": null(),
        "created_at": func.now(),
        "expires_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, ttl_s),
    }
    # The condition comes before the row, and the wait for somebody else's with it; what is returned comes after. Where nothing
    # is returned, no other statement of this transaction waits for a lock.
    patient, usual = _lock_timeout("0"), _lock_timeout(str(settings.lock_timeout_ms))
    query = insert(mutation_keys).from_select([*fresh], select(*fresh.values()).where(patient.is_not(None)))
    query = query.on_conflict_do_update(
        index_elements=["actor_id", "key"],
        set_={name: query.excluded[name] for name in fresh},
        where=mutation_keys.c.expires_at <= func.now(),
    )
    if await unit.fetch_one(query.returning(usual)) is not None:
        return None
    found = await unit.fetch_one(select(mutation_keys).where(*_is(key)))
    if found is None:
        raise LookupError("a key that is taken has no row")
    if (found["mutation"], found["input_hash"]) != (key.mutation, key.input_hash):
        raise Refused(IdempotencyKeyReused(("idempotencyKey",), found["mutation"]))
    return replayed(orjson.loads(found["outcome"]))


async def keep(unit: Unit, key: Key, outcome: Outcome) -> None:
    """Keeps the answer for the key, and clears some that have expired."""
    expired = (
        select(mutation_keys.c.actor_id, mutation_keys.c.key)
        .where(mutation_keys.c.expires_at <= func.now())
        .order_by(mutation_keys.c.expires_at)
        .limit(literal_column(str(SWEPT)))
        .with_for_update(skip_locked=True)
    )
    sweep = delete(mutation_keys).where(tuple_(mutation_keys.c.actor_id, mutation_keys.c.key).in_(expired))
    answer = orjson.dumps(outcome.as_json()).decode()
    await unit.execute(
        update(mutation_keys).where(*_is(key)).values(outcome=parameter(Kind.JSON, answer)).add_cte(sweep.cte("swept"))
    )


def _lock_timeout(milliseconds: str) -> ColumnElement[Any]:
    """Sets, until the end of the transaction, how long a statement waits for a lock; 0 is as long as it may run."""
    return func.set_config(literal_column("'lock_timeout'"), parameter(Kind.TEXT, milliseconds), true())


def _scope(key: Key) -> dict[str, ColumnElement[Any]]:
    return {"actor_id": parameter(Kind.ID, key.actor or NOBODY), "key": parameter(Kind.TEXT, key.key)}


def _is(key: Key) -> list[ColumnElement[bool]]:
    return [mutation_keys.c[name] == value for name, value in _scope(key).items()]

"""Code of the patterns in `knowledge`: short, and it runs."""

from __future__ import annotations

KEYSET = """\
def page_after(rows, key, last, size):
    \"\"\"The next `size` rows after `last`, and whether there are more. `rows` are ordered by `key`.\"\"\"
    rest = [row for row in rows if last is None or key(row) > last]
    return rest[:size], len(rest) > size
"""

KEYSET_SQLALCHEMY = """\
from sqlalchemy import select, tuple_


def page_after(table, columns, last, size):
    \"\"\"`columns` are the sort keys and end in the id; `last` are their values in the last row seen.\"\"\"
    statement = select(table).order_by(*columns).limit(size + 1)
    return statement if last is None else statement.where(tuple_(*columns) > tuple_(*last))
"""

KEYSET_LATERAL = """\
from sqlalchemy import select, true


def pages_of(parents, child_rows, size):
    \"\"\"The first `size` + 1 children of each parent, in one statement.\"\"\"
    child = child_rows(parents).limit(size + 1).lateral("child")
    return select(parents.c.id.label("parent_id"), child).select_from(parents.join(child, true()))
"""

BATCH_LOADER = """\
from collections import defaultdict


async def children_by_parent(fetch, keys):
    \"\"\"One list per key, in the order of the keys; a parent without children gets an empty list.\"\"\"
    groups = defaultdict(list)
    for row in await fetch(keys):
        groups[row["parent_id"]].append(row)
    return [groups[key] for key in keys]
"""

EDGE = """\
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    name: str
    source: str
    target: str
    many: bool
    needs: tuple[str, ...]
    rows: Callable


EDGES = {}


def edge(source, target, *, many, needs):
    def register(rows):
        EDGES[source, rows.__name__] = Edge(rows.__name__, source, target, many, needs, rows)
        return rows

    return register
"""

RETRY = """\
import random
import time


def retry(call, attempts=5, first_wait_s=0.2, retryable=(ConnectionError, TimeoutError)):
    \"\"\"Call until it succeeds; wait twice as long each time, with jitter. The last failure is raised.\"\"\"
    for attempt in range(attempts):
        try:
            return call()
        except retryable:
            if attempt == attempts - 1:
                raise
            time.sleep(first_wait_s * 2**attempt * random.uniform(0.5, 1.5))
"""

RETRY_AFTER = """\
import asyncio
import random


async def fetch_politely(client, url, attempts=6, longest_wait_s=120):
    \"\"\"A carrier that says when to come back is asked then, and not before.\"\"\"
    for attempt in range(attempts):
        answer = await client.get(url)
        if answer.status_code not in {429, 502, 503, 504}:
            return answer
        asked = answer.headers.get("retry-after", "")
        wait_s = int(asked) if asked.isdigit() else 2**attempt
        await asyncio.sleep(min(wait_s, longest_wait_s) + random.random())
    return answer
"""

RETRY_CURSOR = """\
def read_new(source, store):
    \"\"\"Read a source to its end. The cursor moves only to what was stored: an empty page moves nothing.\"\"\"
    cursor = store.cursor()
    while page := source.after(cursor):
        store.save(page)
        cursor = page[-1].position
        store.move_cursor(cursor)
    return cursor
"""

GREAT_CIRCLE = """\
from math import asin, cos, radians, sin, sqrt


def distance_nm(lat1, lon1, lat2, lon2):
    \"\"\"Great-circle distance in nautical miles.\"\"\"
    lat1, lon1, lat2, lon2 = map(radians, (lat1, lon1, lat2, lon2))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 3440.065 * asin(sqrt(half))
"""

IDEMPOTENT = """\
insert into payments (request_key, amount_cents, account_id)
values ($1, $2, $3)
    on conflict (request_key) do nothing
returning id;
-- No row came back: this request was here before. Answer with the first one's result.
"""

IDEMPOTENT_MESSAGE = """\
update reminders
   set claimed_at = now(), send_key = gen_random_uuid()
 where id = $1
   and claimed_at is null
returning id, patient_id, send_key;
-- Commit, and only then send, with send_key as the provider's folding key.
"""

HALF_OPEN = """\
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Span:
    \"\"\"From `start` until just before `end`: ten to eleven and eleven to twelve do not overlap.\"\"\"

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end
"""

EXCLUSION = """\
create extension if not exists btree_gist;

alter table appointments
  add constraint one_patient_at_a_time
  exclude using gist (room_id with =, during with &&)
  where (status <> 'CANCELLED');
"""

REDACT = """\
import logging


class Redact(logging.Filter):
    \"\"\"Replaces the values of named fields before any handler sees the record.\"\"\"

    def __init__(self, *fields):
        super().__init__()
        self.fields = frozenset(fields)

    def filter(self, record):
        for field in self.fields & record.__dict__.keys():
            setattr(record, field, "[withheld]")
        return True
"""

BADGE = """\
<span class="badge" data-status="in-review">
  <svg aria-hidden="true" width="10" height="10"><rect width="10" height="10" transform="rotate(45 5 5)"/></svg>
  In review
</span>
"""

BADGE_CONTAINER = """\
<span class="badge" data-status="held">
  <svg aria-hidden="true" width="10" height="10"><path d="M5 0 10 10H0z"/></svg>
  Held: the certificate of origin is missing
</span>
"""

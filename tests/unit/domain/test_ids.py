"""Ids are random UUIDs, as `uuid.uuid4` makes them."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from convoy_graphql.domain.ids import new_id, new_ids


def test_each_is_a_random_uuid_in_its_canonical_text() -> None:
    ids = new_ids(1_000)

    assert 1_000 == len({*ids})
    assert ids == [str(UUID(each)) for each in ids]
    assert {(4, RFC_4122)} == {(UUID(each).version, UUID(each).variant) for each in [*ids, new_id()]}
    # Each digit takes every value that is left to it.
    assert {len({each[place] for each in ids}) for place in range(36)} == {1, 4, 16}


def test_none_are_none() -> None:
    assert [] == new_ids(0)

"""Ids for new rows: random UUIDs in their canonical text, as `uuid.uuid4` makes them."""

from __future__ import annotations

from os import urandom


def new_ids(count: int) -> list[str]:
    """A call of the system gives the random bits of all of them: for each its own, and an object, takes five times as long."""
    bits = urandom(16 * count).hex()
    return [
        f"{bits[at : at + 8]}-{bits[at + 8 : at + 12]}-4{bits[at + 13 : at + 16]}"
        f"-{_VARIANT[bits[at + 16]]}{bits[at + 17 : at + 20]}-{bits[at + 20 : at + 32]}"
        for at in range(0, 32 * count, 32)
    ]


def new_id() -> str:
    return new_ids(1)[0]


#: The digit in which the variant of RFC 9562 stands, by a random one.
_VARIANT = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}

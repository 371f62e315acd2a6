"""Positions in PostgreSQL's write-ahead log, as text and as numbers of bytes."""

from __future__ import annotations

import re
from typing import Final

from convoy_graphql.errors import BadUserInput

_LSN: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


def lsn_text(position: int) -> str:
    """As PostgreSQL writes it: `16/B374D848`."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def read_lsn(text: str) -> int:
    """
    Raises:
        BadUserInput: it is none.
    """
    match = _LSN.fullmatch(text)
    if match is None:
        raise BadUserInput("x-convoy-lsn", "is what a change was answered with, such as 0/16B3748.")
    return (int(match[1], 16) << 32) + int(match[2], 16)

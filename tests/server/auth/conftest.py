"""What tests of tokens share: keys in a file, and a provider that publishes some."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from provider import Provider


@pytest.fixture
def file_with(tmp_path: Path) -> Callable[[bytes], str]:
    """A file with these bytes in it."""

    def write(content: bytes) -> str:
        path = tmp_path / "keys"
        path.write_bytes(content)
        return str(path)

    return write


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider() as provider:
        yield provider

"""The schema breaks nothing of the released one, unless the changelog says it: `graphql-inspector diff`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from npm import installed, run_script

HERE = Path(__file__).parent
#: The schema that clients have. A release puts its own in the place of this one.
(RELEASED,) = HERE.glob("released-*.graphql")
SCHEMA = HERE.parents[1] / "schema.graphql"
CHANGELOG = HERE.parents[1] / "CHANGELOG.md"


@pytest.fixture(scope="session")
def inspector() -> Path:
    return installed(HERE) / "node_modules" / "@graphql-inspector" / "cli" / "cjs" / "index.js"


async def breaking(inspector: Path, released: Path, schema: Path) -> list[str]:
    # What was deprecated for a release may go.
    rules = ("--rule", "suppressRemovalOfDeprecatedField")
    compared = await run_script(inspector, "diff", str(released), str(schema), *rules)
    told = re.findall(r"✖\s+(.+)", compared.stdout)
    # It says how it ended in two ways, which have to agree.
    assert (compared.returncode != 0) == bool(told), compared.stdout + compared.stderr
    return told


async def test_what_breaks_clients_is_said(inspector: Path) -> None:
    version = RELEASED.stem.removeprefix("released-")
    unreleased, heading, _ = CHANGELOG.read_text().partition(f"## [{version}]")
    assert heading, f"the changelog does not tell of {version}"

    assert [] == [each for each in await breaking(inspector, RELEASED, SCHEMA) if each not in unreleased], (
        f"The schema breaks clients of {version}. Add instead of changing, and deprecate what goes; or say this, word for word, "
        f"above {version} in CHANGELOG.md, with what a client does instead."
    )


async def test_what_breaks_clients_is_seen(inspector: Path, tmp_path: Path) -> None:
    changed = RELEASED.read_text()
    for old, new in (("  isReady: Boolean!", "  isPrepared: Boolean!"), ("\n  VIEWER\n", "\n  GUEST\n")):
        assert 1 == changed.count(old)
        changed = changed.replace(old, new)
    (tmp_path / "changed.graphql").write_text(changed)

    assert [
        "Enum value VIEWER was removed from enum WorkspaceRole",
        "Field isReady was removed from object type Task",
    ] == (sorted(await breaking(inspector, RELEASED, tmp_path / "changed.graphql")))

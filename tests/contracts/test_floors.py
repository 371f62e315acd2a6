"""The house: imports go down floors only, rooms on one floor do not know each other, and each library has its rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "convoy_graphql"

#: Rooms by floor. A module is in the room that its path begins with.
FLOORS = (
    ("errors",),
    ("settings", "observe", "logs", "traces"),
    ("model",),
    ("pg",),
    ("loaders", "compiler", "domain", "feed", "demo"),
    ("graph",),
    ("server",),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

#: Which rooms may import a library: what talks to PostgreSQL, to GraphQL or to HTTP stays where it can be found.
ROOMS_OF = {
    "sqlalchemy": {"model", "pg", "loaders", "compiler", "domain", "feed"},
    "asyncpg": {"pg", "cli"},
    "aiodataloader": {"loaders"},
    "strawberry": {"graph"},
    "graphql": {"compiler", "graph", "server"},
    "starlette": {"server"},
    "jwt": {"server"},
    "cryptography": {"server"},
    "httpx2": {"server"},
    "opentelemetry": {"traces"},
    "prometheus_client": {"observe", "server"},
    "uvicorn": {"server", "cli"},
    "websockets": {"server"},
    "click": {"cli"},
    "redis": {"server"},
    "rich": {"cli"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports name the whole way from convoy_graphql"
            if node.module == "convoy_graphql":
                yield from ((f"convoy_graphql.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield str(node.module), node.lineno


def test_every_module_is_in_a_room_that_has_a_floor() -> None:
    homeless = {room_of(path) for path in modules()} - set(FLOOR_OF) - {"__init__"}
    assert set() == homeless, f"{homeless} stand on no floor: add them to FLOORS and to the README's layout"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_floors_only(path: Path) -> None:
    room = room_of(path)
    for name, line in imports_of(path):
        if not name.startswith("convoy_graphql."):
            continue
        imported = name.split(".")[1]
        if imported in {room, "__version__"}:
            continue
        assert FLOOR_OF[imported] < FLOOR_OF[room], (
            f"{path.name}:{line}: {room} may not import {imported}: imports go down floors only, and rooms on one floor do not know each other"
        )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_rooms_only(path: Path) -> None:
    room = room_of(path)
    for name, line in imports_of(path):
        rooms = ROOMS_OF.get(name.split(".")[0])
        assert rooms is None or room in rooms, (
            f"{path.name}:{line}: {name} belongs to {sorted(rooms or ())}, not to {room}"
        )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_in_charge_of(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path}: the first line of a module says what it is for"

"""The package as users get it: built, installed where no checkout is near, served, asked, stopped.

The wheel is built from the source distribution, so that both are whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

QUERY = """
{
  workspaces(orderBy: [{field: NAME, direction: ASC}]) { totalCount nodes { name } }
  tasks(first: 1, filter: {status: {eq: "DONE"}, isBlocked: {eq: true}}) { nodes { id } }
}
"""
ANSWER = {
    "data": {
        "workspaces": {
            "totalCount": 3,
            "nodes": [{"name": "Convoy"}, {"name": "Harbourline Freight"}, {"name": "Larkfield Clinics"}],
        },
        "tasks": {"nodes": []},
    }
}


def main() -> None:
    # In /tmp, since PostgreSQL's own user has to reach the data.
    with tempfile.TemporaryDirectory(prefix="convoy-wheel-") as folder:
        place = Path(folder)
        wheel = build(place / "dist")
        check_contents(wheel)
        python = install(wheel, place / "venv")
        check_commands(python, place)
        serve_and_ask(python, place)
    print("The wheel serves the demo graph.")


def build(into: Path) -> Path:
    run(sys.executable, "-m", "build", "--outdir", into, CHECKOUT)
    [wheel] = into.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """What lies beside the package in a checkout travels inside it, and what only developers need does not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    beside = [path.relative_to(CHECKOUT) for path in (CHECKOUT / "db").rglob("*.sql")]
    missing = {f"convoy_graphql/{path}" for path in [*beside, "schema.graphql", "py.typed"]} - names
    assert not missing, f"the wheel lacks {sorted(missing)}"
    assert any(name.startswith("convoy_graphql/server/playground/static/") for name in names), (
        "the wheel lacks the playground"
    )
    foreign = [name for name in names if name.startswith("tests/") or "/playground/build/" in name]
    assert not foreign, f"the wheel holds {foreign}"


def install(wheel: Path, into: Path) -> Path:
    run(sys.executable, "-m", "venv", into)
    run(into / "bin" / "python", "-m", "pip", "install", "--quiet", f"{wheel}[embedded]")
    return into / "bin" / "python"


def check_commands(python: Path, place: Path) -> None:
    printed = run(python.with_name("convoy-graphql"), "schema", cwd=place)
    assert printed == (CHECKOUT / "schema.graphql").read_text(encoding="utf-8"), (
        "schema prints another schema than schema.graphql"
    )


def serve_and_ask(python: Path, place: Path) -> None:
    server = subprocess.Popen(
        [python, "-m", "convoy_graphql", "serve", "--demo", "--port", "0"],
        cwd=place,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        endpoint = next(line.split()[1] for line in server.stdout if line.strip().startswith("endpoint"))
        answer = ask(endpoint)
        assert answer == ANSWER, f"the server answered {answer}"
        server.send_signal(signal.SIGTERM)
        code = server.wait(timeout=60)
        assert code == 0, f"serve ended with {code}"
    finally:
        server.kill()
        server.wait()
    # PostgreSQL holds this lock for as long as any of its processes lives.
    with (place / ".convoy" / "server.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def ask(endpoint: str) -> object:
    body = json.dumps({"query": QUERY}).encode()
    request = urllib.request.Request(endpoint, body, {"Content-Type": "application/json"})  # noqa: S310  (our own server's)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def environment() -> dict[str, str]:
    """Ours, without what would lead an installed package to the checkout or to another database."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "DATABASE_URL"} and not name.startswith("CONVOY_")
    }


def run(*command: str | Path, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, cwd=cwd, env=environment(), stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()

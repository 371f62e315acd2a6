"""What came out: the same figures as a table for a reader, as JSON for a program, and as a chart."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson

from tests.bench.answers import Known
from tests.bench.cold import Cold
from tests.bench.growth import Growth
from tests.bench.operations import HERE, OPERATIONS
from tests.bench.place import FOLDER, tools_python
from tests.bench.rounds import CLIENTS, Figures

MANY = max(CLIENTS)

#: What the design asks for, with sixteen clients: numerator, denominator, and the least ratio by operation.
TARGETS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("compiled", "reference", {"point": 0.7, "page": 0.9, "context": 0.9, "board": 0.9, "tree": 0.9}),
    ("compiled", "postgraphile", {"point": 2, "page": 2.5, "context": 2.5, "board": 3.3, "tree": 4}),
    ("compiled", "plain", {}),
    ("loaders", "plain", {"board": 1.5}),
)
LONGEST_COLD_MS = 25.0
MOST_PEAK_OVER_ANSWER = 3.0


@dataclass(frozen=True)
class Results:
    """All of one run."""

    machine: dict[str, str]
    titles: dict[str, str]
    pace: dict[str, float]
    most_per_s: float
    objects: dict[str, float]
    figures: tuple[Figures, ...]
    growth: tuple[Growth, ...]
    cold: tuple[Cold, ...]

    def of(self, contestant: str, operation: str, clients: int) -> Figures | None:
        found = (each for each in self.figures if (each.contestant, each.operation) == (contestant, operation))
        return next((each for each in found if each.clients == clients), None)

    def ratio(self, numerator: str, denominator: str, operation: str, clients: int = MANY) -> float | None:
        over, under = self.of(numerator, operation, clients), self.of(denominator, operation, clients)
        return over.answers_per_s / under.answers_per_s if over and under else None


def describe_machine(postgres_version: str) -> dict[str, str]:
    """Where and with what it was measured."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    libraries = ("uvicorn", "uvloop", "asyncpg", "strawberry-graphql", "graphql-core")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{len(os.sched_getaffinity(0))} cores, {model}",
        "Python": platform.python_version(),
        "PostgreSQL": postgres_version,
        "libraries": ", ".join(f"{name} {version(name)}" for name in libraries),
    }


def objects_by_operation(known: dict[tuple[str, str], Known]) -> dict[str, float]:
    return {operation.name: known["reference", operation.name].objects for operation in OPERATIONS}


def write(results: Results) -> str:
    """Write `results.json`, `results.md` and `results.png` beside this file; the Markdown comes back."""
    markdown = _markdown(results)
    (HERE / "results.md").write_text(markdown)
    encoded = orjson.dumps(asdict(results), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (HERE / "results.json").write_bytes(encoded)
    try:
        _draw()
    except (subprocess.SubprocessError, OSError) as error:
        print(f"The chart is left as it was: {error}", file=sys.stderr)
    return markdown


def _draw() -> None:
    environment = os.environ | {"MPLCONFIGDIR": str(FOLDER / "matplotlib")}
    command = [str(tools_python()), str(HERE / "chart.py"), str(HERE / "results.json"), str(HERE / "results.png")]
    subprocess.run(command, check=True, env=environment, timeout=120, stdout=sys.stderr)


def _markdown(results: Results) -> str:
    machine = results.machine
    lines = [
        "# Bench",
        "",
        (
            f"{machine['date']}; {machine['processor']}; Python {machine['Python']}; PostgreSQL {machine['PostgreSQL']};"
            f" {machine['libraries']}. Made by `make bench`: [how](__init__.py), [as JSON](results.json)."
        ),
        "",
        "![Answers a second, relative to hand-written SQL](results.png)",
        "",
        "## Ratios",
        "",
        (
            f"Answers a second of one over those of the other, {MANY} clients, medians over rounds of one run."
            " In parentheses what the design asks for."
        ),
        "",
        *_ratios(results),
    ]
    for clients in reversed(CLIENTS):
        lines += ["", f"## {clients} client{'s' if clients > 1 else ''}", "", *_figures(results, clients)]
    lines += [
        "",
        (
            "The rates' spread is the slowest and the fastest round's over the median; — is a server with one round, where an answer"
            " takes long. CPU is what the server's process and PostgreSQL's used for 1,000 answers. Peak is the server's resident memory."
            f" The clients take {results.most_per_s:,.0f} answers a second from a server that does nothing."
        ),
        "",
        "## Growth",
        "",
        (
            "One client, one nested query over more and more of the graph. Peak: how far the server's memory rose above its rest, in"
            f" sizes of the answer (the design asks for {MOST_PEAK_OVER_ANSWER:g} at most)."
        ),
        "",
        *_growth(results),
        "",
        "## A document's first time",
        "",
        f"Parsed, validated, planned, rendered and bound, in milliseconds (the design asks for {LONGEST_COLD_MS:g} at most).",
        "",
        *_cold(results),
        "",
    ]
    return "\n".join(lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    titles = list(head)
    rule = ["---", *("--:" for _ in titles[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (titles, rule, *map(list, rows))]


def _ratios(results: Results) -> list[str]:
    rows = []
    for over, under, least in TARGETS:
        if under not in results.titles:
            continue
        cells = [f"{results.titles[over]} ÷ {results.titles[under]}"]
        for operation in OPERATIONS:
            ratio = results.ratio(over, under, operation.name)
            asked = least.get(operation.name)
            missed = asked is not None and ratio is not None and ratio < asked
            shown = "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
            cells.append((f"**{shown}**" if missed else shown) + (f" (≥ {asked:g})" if asked is not None else ""))
        rows.append(cells)
    return _table(["", *(operation.name for operation in OPERATIONS)], rows)


def _figures(results: Results, clients: int) -> list[str]:
    head = ["", "answers/s", "spread", "p50 ms", "p99 ms", "server CPU s", "PostgreSQL CPU s", "peak MB", "bytes"]
    rows: list[list[str]] = []
    for operation in OPERATIONS:
        objects = results.objects[operation.name]
        rows.append([f"**{operation.name}**: {operation.what}, {objects:,.0f} objects", *[""] * (len(head) - 1)])
        for name, title in results.titles.items():
            each = results.of(name, operation.name, clients)
            if each is None:
                continue
            slowest, fastest = each.spread
            rows.append(
                [
                    title,
                    _rounded(each.answers_per_s),
                    f"{slowest:.2f}-{fastest:.2f}" if each.rounds > 1 else "—",
                    _rounded(each.p50_ms),
                    _rounded(each.p99_ms),
                    _rounded(each.server_cpu_s_per_1000),
                    _rounded(each.postgres_cpu_s_per_1000),
                    f"{each.peak_bytes / 1e6:.0f}",
                    f"{each.answer_bytes:,.0f}",
                ]
            )
    return _table(head, rows)


def _growth(results: Results) -> list[str]:
    head = ["", "objects", "bytes", "ms", "objects/s", "server CPU ms", "PostgreSQL CPU ms", "peak"]
    rows = [
        [
            results.titles[each.contestant],
            f"{each.objects:,}",
            f"{each.answer_bytes:,}",
            _rounded(each.ms),
            f"{each.objects_per_s:,.0f}",
            _rounded(each.server_cpu_ms),
            _rounded(each.postgres_cpu_ms),
            f"{each.peak_over_answer:.1f}" if each.answer_bytes > 500_000 else "",
        ]
        for each in results.growth
    ]
    return _table(head, rows)


def _cold(results: Results) -> list[str]:
    rows = [
        [
            each.operation,
            "" if each.first_ms is None else f"{each.first_ms:.1f}",
            f"{each.new_ms:.1f}",
            f"{each.known_ms:.2f}",
        ]
        for each in results.cold
    ]
    return _table(["", "the process's first", "a new document", "a known one"], rows)


def _rounded(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

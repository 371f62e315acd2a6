"""What a soak came to, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from soak.tally import Tally
from soak.watching import Rest, Sample, cpu_between, p50_p99_ms, slope_mb_per_min


@dataclass(frozen=True)
class Ended:
    """A soak that is over."""

    lasted_s: float
    clients: int
    seed: int
    tally: Tally
    samples: Sequence[Sample]
    before: Rest
    after: Rest


def written(soak: Ended) -> str:
    """All of it, with figures."""
    fifth = soak.lasted_s / 5
    warm = [each for each in soak.samples if each.at_s > fifth] or soak.samples
    lines = [
        "# The soak",
        "",
        (
            f"{soak.clients} clients for {soak.lasted_s:.0f} s, {datetime.now(UTC):%Y-%m-%d} (`make soak`, seed {soak.seed}): of every 20, 11 good ones"
            " (readers of all golden and README queries, writers, followers), 3 wrong ones, 6 hostile ones."
        ),
        "",
        "| | at first | at the end |",
        "| --- | --: | --: |",
        f"| resident memory, MB | {warm[0].resident_mb:.0f} | {warm[-1].resident_mb:.0f} |",
        f"| open files, nobody there | {soak.before.files} | {soak.after.files} |",
        f"| tasks of the event loop, nobody there | {soak.before.tasks} | {soak.after.tasks} |",
        f"| connections to PostgreSQL | {soak.before.connections} | {soak.after.connections} |",
    ]
    busy = cpu_between(soak.samples, fifth, 2 * fifth), cpu_between(soak.samples, 4 * fifth, soak.lasted_s)
    lines.append(f"| CPU of the server, of one core | {busy[0]:.0%} | {busy[1]:.0%} |")
    for name, took in sorted(soak.tally.took.items()):
        first, last = p50_p99_ms(took, fifth, 2 * fifth), p50_p99_ms(took, 4 * fifth, soak.lasted_s)
        lines.append(f"| {name}: p50, p99, ms | {first[0]:.0f}, {first[1]:.0f} | {last[0]:.0f}, {last[1]:.0f} |")
    lines += [
        "",
        (
            f"Memory over the last four fifths: {slope_mb_per_min(warm):+.2f} MB a minute,"
            f" {min(each.resident_mb for each in warm):.0f} to {max(each.resident_mb for each in warm):.0f} MB;"
            f" at most {max(each.files for each in warm)} open files."
        ),
        "",
        "| who | asked | was told |",
        "| --- | --: | --- |",
    ]
    for kind in ("good", "event", "bad", "hostile"):
        told = soak.tally.of(kind)
        lines.append(f"| {kind} | {told.total():,} | {_listed(told)} |")
    if soak.tally.wrong:
        lines += ["", "What should not have been:", "", *(f"- {what}" for what in soak.tally.wrong)]
    return "\n".join(lines) + "\n"


def _listed(told: Counter[str]) -> str:
    return ", ".join(f"{how} {count:,}" for how, count in told.most_common())

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
    #: What an answer took, in ms, with nobody else there: before the crowd, and after it.
    alone_ms: tuple[float, float]

    @property
    def warm(self) -> Sequence[Sample]:
        """The samples of the last four fifths."""
        return [each for each in self.samples if each.at_s > self.lasted_s / 5] or self.samples

    @property
    def spans(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What is compared: the second fifth, and the last one. In seconds."""
        fifth = self.lasted_s / 5
        return (fifth, 2 * fifth), (4 * fifth, self.lasted_s)

    @property
    def cpu_ms(self) -> tuple[float, float]:
        """What an answer to a good client took of the server's CPU time, with all else that it did meanwhile, in either span."""
        first, last = (
            1_000 * cpu_between(self.samples, *span) * (span[1] - span[0]) / max(1, self._answers(*span))
            for span in self.spans
        )
        return first, last

    def _answers(self, since_s: float, until_s: float) -> int:
        return sum(since_s <= began < until_s for took in self.tally.took.values() for began, _ in took)


def written(soak: Ended) -> str:
    """All of it, with figures."""
    warm = soak.warm
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
    before, after = soak.alone_ms
    lines.append(f"| an answer with nobody else there, ms | {before:.1f} | {after:.1f} |")
    first, last = soak.cpu_ms
    lines.append(f"| CPU of the server for a good answer, and all else meanwhile, ms | {first:.2f} | {last:.2f} |")
    first, last = (cpu_between(soak.samples, *span) for span in soak.spans)
    lines.append(f"| CPU of the server, of one core | {first:.0%} | {last:.0%} |")
    for name, took in sorted(soak.tally.took.items()):
        told = (f"{p50:.0f}, {p99:.0f}" for p50, p99 in (p50_p99_ms(took, *span) for span in soak.spans))
        lines.append(f"| {name}: p50, p99, ms | {' | '.join(told)} |")
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

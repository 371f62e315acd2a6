"""`chart.py RESULTS.json CHART.png`: answers a second, relative to the reference. Needs matplotlib and nothing of ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]

mpl.use("Agg")

from matplotlib import pyplot as plt

OPERATIONS = ("point", "page", "context", "board", "tree")
COLOURS = {"compiled": "#0b6e4f", "loaders": "#7fb69e", "postgraphile": "#c8553d", "plain": "#8d99ae"}
WIDTH = 0.2


def draw(results: dict[str, Any], into: Path) -> None:
    rates = {
        (each["contestant"], each["operation"], each["clients"]): each["answers_per_s"] for each in results["figures"]
    }
    clients = max(each["clients"] for each in results["figures"])
    shown = [name for name in COLOURS if name in results["titles"]]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), width_ratios=(3, 2))
    for place, name in enumerate(shown):
        heights = [
            rates.get((name, operation, clients), 0) / rates["reference", operation, clients]
            for operation in OPERATIONS
        ]
        across = [number + (place - (len(shown) - 1) / 2) * WIDTH for number in range(len(OPERATIONS))]
        bars = left.bar(across, heights, WIDTH * 0.92, label=results["titles"][name], color=COLOURS[name])
        left.bar_label(bars, [f"{height:.2f}" for height in heights], fontsize=7, padding=2)
    left.axhline(1, color="#333333", linewidth=1)
    left.annotate("hand-written SQL", (-0.5, 1.015), fontsize=8, color="#333333")
    left.set_xticks(range(len(OPERATIONS)), OPERATIONS)
    left.set_ylim(0, 1.2 * max(1.1, *(bar.get_height() for bar in left.patches)))
    left.set_title(f"Answers a second over those of hand-written SQL, {clients} clients", fontsize=10)
    left.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
    _growth(right, results)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    machine = results["machine"]
    figure.text(
        0.01, 0.01, f"{machine['date']}; {machine['processor']}; PostgreSQL {machine['PostgreSQL']}", fontsize=7
    )
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(into, dpi=140)


def _growth(axes: Any, results: dict[str, Any]) -> None:
    for name in ("reference", *COLOURS):
        points = [each for each in results["growth"] if each["contestant"] == name]
        if points:
            axes.plot(
                [each["objects"] for each in points],
                [each["ms"] for each in points],
                marker="o",
                linestyle="--" if name == "reference" else "-",
                color=COLOURS.get(name, "#333333"),
                label=results["titles"][name],
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("objects in the answer", fontsize=8)
    axes.set_ylabel("ms", fontsize=8)
    axes.set_title("How the time grows with the answer, one client", fontsize=10)
    axes.legend(frameon=False, fontsize=8)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))

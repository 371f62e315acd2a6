"""Each metric is in the README's table, with its labels and its help; and several workers can tell it as one.

`UPDATE_GOLDEN=1` writes the table anew; a continuous-integration run never does.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from prometheus_client import Counter, Gauge
from prometheus_client.metrics import MetricWrapperBase

from convoy_graphql import observe

README = Path(__file__).parents[2] / "README.md"
TABLE = re.compile(r"(?<=\| metric \| kind \| labels \| what it tells \|\n\|---\|---\|---\|---\|\n)(?:\|.*\n)*")

METRICS = [each for each in vars(observe).values() if isinstance(each, MetricWrapperBase)]


def row(metric: MetricWrapperBase) -> str:
    name = f"{metric._name}_total" if isinstance(metric, Counter) else metric._name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |\n"


def test_the_table_of_metrics_is_the_code_s() -> None:
    expected = "".join(map(row, METRICS))
    text = README.read_text()
    found = TABLE.search(text)

    assert found is not None
    if os.environ.get("UPDATE_GOLDEN") and not os.environ.get("CI"):
        README.write_text(text[: found.start()] + expected + text[found.end() :])
    else:
        assert expected == found[0], "UPDATE_GOLDEN=1 writes it anew"


def test_metrics_have_the_server_s_name_before_them_and_end_their_help_with_a_point() -> None:
    assert [] == [each._name for each in METRICS if not each._name.startswith("convoy_graphql_")]
    assert [] == [each._name for each in METRICS if not each._documentation.endswith(".") or "|" in each._documentation]


def test_gauges_say_what_those_of_several_workers_make_together() -> None:
    gauges = [each for each in METRICS if isinstance(each, Gauge)]

    # Without `multiprocess_mode` there would be one for each process, those that have ended included.
    assert [] == [each._name for each in gauges if not each._multiprocess_mode.startswith("live")]

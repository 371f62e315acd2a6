"""The README tells the truth: its queries are run, its table of settings is the code's, its links lead somewhere.

`UPDATE_GOLDEN=1` writes the answers anew; a continuous-integration run never does.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from client import GraphClient
from convoy_graphql.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

#: A query, its variables if it has any, and the answer that is printed below it.
EXAMPLE = re.compile(
    r"```graphql\n(?P<query>.*?)```\n(?:\n```json variables\n(?P<variables>.*?)```\n)?\n```json answer\n(?P<answer>.*?)```",
    re.DOTALL,
)

#: Printed in the place of a cursor of the feed, which is never the same twice: any in an answer, and in variables the one that
#: was answered before.
CURSOR = "…"


def without_cursors(feed: dict[str, Any]) -> dict[str, Any]:
    """What `activityFeed` answered, as it is printed."""
    events = [event | ({"cursor": CURSOR} if "cursor" in event else {}) for event in feed.get("events", ())]
    return feed | {"cursor": CURSOR} | ({"events": events} if events else {})


async def test_examples_answer_as_printed(own_demo: GraphClient) -> None:
    """From the first to the last, over a graph of their own: some of them change it."""
    text = README.read_text()
    examples = list(EXAMPLE.finditer(text))
    assert len(examples) >= 3
    told = []
    cursor = ""
    for example in examples:
        variables = json.loads((example["variables"] or "{}").replace(CURSOR, cursor))
        answer = await own_demo.ask(example["query"], variables)
        if feed := (answer.data or {}).get("activityFeed"):
            cursor = feed["cursor"]
            answer.data["activityFeed"] = without_cursors(feed)
        shown = {"data": answer.data} | ({"errors": answer.errors} if answer.errors else {})
        told.append((example, shown))
    if os.environ.get("UPDATE_GOLDEN") and not os.environ.get("CI"):
        for example, shown in reversed(told):
            start, end = example.span("answer")
            text = f"{text[:start]}{json.dumps(shown, indent=2, ensure_ascii=False)}\n{text[end:]}"
        README.write_text(text)
    else:
        for example, shown in told:
            assert json.loads(example["answer"]) == shown, example["query"]


def test_the_table_of_settings_is_the_code_s() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", README.read_text(), re.MULTILINE)
    expected = [
        (variable_of(setting), _written(setting.default), setting.metadata["meaning"]) for setting in fields(Settings)
    ]
    assert expected == rows


def _written(default: object) -> str:
    if default is None:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README.read_text())
    assert [] == [link for link in links if not (ROOT / link).exists()]


def test_commands_of_the_makefile_exist() -> None:
    named = set(re.findall(r"^make ([a-z]+)", README.read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"serve", "test"} <= named <= targets

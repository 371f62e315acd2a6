"""What the Dockerfile and the compose file name is there: files, commands, options, settings, ports, endpoints, versions.

Neither is run by these tests.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import click
import yaml

from convoy_graphql import __version__
from convoy_graphql.cli import main
from convoy_graphql.pg.cluster import MAJOR
from convoy_graphql.server.app import create_app
from convoy_graphql.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: One instruction each: a line that ends in a backslash goes on.
INSTRUCTIONS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
PORT = next(each.default for each in main.commands["serve"].params if each.name == "port")


def given(instruction: str) -> list[str]:
    return [arguments for name, arguments in INSTRUCTIONS if name == instruction]


def check_command(words: list[str]) -> None:
    """That the command line takes these words: click reads them as it would, and runs nothing."""
    command, *options = words
    main.commands[command].make_context(command, options).close()


def test_the_image_is_built_of_files_that_are_there_and_not_left_out() -> None:
    listed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for each in given("COPY") if "--from" not in each for source in shlex.split(each)[:-1]}

    assert {"convoy_graphql", "db", "pyproject.toml", "schema.graphql"} <= copied
    assert copied == listed
    assert [] == [source for source in copied if not (ROOT / source).exists()]
    # What the wheel is built of.
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} <= copied  # fmt: skip


def test_the_image_runs_a_command_that_is_there_as_nobody_in_particular() -> None:
    [entrypoint], [command], users = given("ENTRYPOINT"), given("CMD"), given("USER")

    assert [*PROJECT["project"]["scripts"]] == json.loads(entrypoint)
    check_command(json.loads(command))
    assert [str(PORT)] == given("EXPOSE")
    assert users[-1] not in {"0", "root"}
    extras = re.search(r"\[([\w,]+)\]", next(each for each in given("RUN") if ".whl" in each))
    assert extras is not None
    assert {*extras[1].split(",")} <= PROJECT["project"]["optional-dependencies"].keys()
    versions = [each.rpartition(" ")[2] for each in PROJECT["project"]["classifiers"] if "Python :: 3." in each]
    assert {f"python:{version}-slim" for version in versions} >= {each.split()[0] for each in given("FROM")}


def test_the_image_s_health_is_asked_where_it_is_told() -> None:
    [check] = given("HEALTHCHECK")
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)

    assert url is not None
    assert str(PORT) == url[1]
    assert url[2] in {route.path for route in create_app(Settings()).routes if hasattr(route, "path")}


def test_services_run_commands_that_are_there_with_settings_that_are_read() -> None:
    ours = {name: service for name, service in COMPOSE["services"].items() if service.get("build") == "."}
    variables = {variable_of(setting) for setting in fields(Settings)}

    assert {"migrate", "server"} == ours.keys()
    for service in ours.values():
        check_command(service["command"])
        assert service["environment"].keys() <= variables
        Settings.from_environment(service["environment"])
    assert ["127.0.0.1:8000:8000"] == ours["server"]["ports"]
    assert 8000 == PORT
    waits = {name: service["depends_on"] for name, service in ours.items()}
    assert {
        "migrate": {"database": {"condition": "service_healthy"}},
        "server": {"migrate": {"condition": "service_completed_successfully"}},
    } == waits
    assert {*waits["migrate"], *waits["server"]} <= COMPOSE["services"].keys()


def test_the_database_is_the_version_that_is_tested() -> None:
    database = COMPOSE["services"]["database"]

    assert f"postgres:{MAJOR}" == database["image"]
    # From 18 on the image keeps its data one folder higher than before.
    assert ["data:/var/lib/postgresql"] == database["volumes"]
    assert [] == [volume for volume in (each.partition(":")[0] for each in database["volumes"]) if volume not in COMPOSE["volumes"]]  # fmt: skip


def test_the_command_in_the_compose_file_s_comment_is_taken() -> None:
    said = re.search(r"docker compose run --rm server (.+)", (ROOT / "compose.yaml").read_text())

    assert said is not None
    check_command(shlex.split(said[1].replace("<a user's id>", "67ae7daf-c613-5e21-b137-d6836106c64d")))


def test_the_newest_release_in_the_changelog_is_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)

    assert __version__ == released[0][0]
    assert sorted((date.fromisoformat(day) for _, day in released), reverse=True) == [
        date.fromisoformat(day) for _, day in released
    ]
    assert {*headings} <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_version_is_written_once() -> None:
    assert "version" not in PROJECT["project"]
    assert ["version"] == PROJECT["project"]["dynamic"]
    source = (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text()
    assert f'__version__ = "{__version__}"' in source


def test_the_read_me_s_commands_are_those_of_the_command_line() -> None:
    rows = re.findall(r"^\| `convoy-graphql (\w+)(.*?)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name: {*re.findall(r"--\w+", options.replace(r"\|", " "))} for name, options in rows}
    there = {
        name: {
            option
            for each in command.params
            if isinstance(each, click.Option)
            for option in each.opts
            if "--" in option
        }
        for name, command in main.commands.items()
    }
    assert there == told

"""`convoy-graphql token`, and what authentication lets `serve` do."""

from __future__ import annotations

from datetime import timedelta
from time import time

import pytest
from click.testing import CliRunner, Result

from convoy_graphql.cli import main
from convoy_graphql.server.auth.issue import duration
from signing import SECRET, USER, authentication


def run(*command: str, **environment: str) -> Result:
    return CliRunner().invoke(main, command, env=environment)


@pytest.mark.parametrize("role", ["authenticated", "service_role", "anon"])
async def test_what_it_prints_is_a_token_that_the_server_takes(role: str) -> None:
    issuer = "https://provider.example, supabase"
    made = run(
        "token", "--sub", USER, "--role", role, "--expires", "12h",
        CONVOY_JWT_SECRET=SECRET, CONVOY_JWT_ISSUER=issuer, CONVOY_JWT_AUDIENCE="convoy,board",
    )  # fmt: skip
    assert (0, "", 1) == (made.exit_code, made.stderr, len(made.stdout.splitlines()))

    checks = authentication(jwt_secret=SECRET, jwt_issuer=issuer, jwt_audience="convoy,board")
    caller = await checks.caller(f"Bearer {made.stdout.strip()}")
    assert (role, USER) == (caller.viewer.role, caller.viewer.subject)
    assert abs(caller.expires_at - time() - 12 * 3_600 - 30) < 60


async def test_a_program_needs_no_user() -> None:
    made = run("token", "--role", "service_role", CONVOY_JWT_SECRET=SECRET)

    assert None is (await authentication().caller(f"Bearer {made.stdout.strip()}")).viewer.subject


@pytest.mark.parametrize(
    ("options", "environment", "told"),
    [
        (["--sub", USER], {}, "CONVOY_JWT_SECRET is not set"),
        (["--sub", USER], {"CONVOY_JWT_SECRET": "hidden"}, "CONVOY_JWT_SECRET has 6 bytes"),
        ([], {"CONVOY_JWT_SECRET": SECRET}, "--sub with a UUID"),
        (["--sub", USER, "--expires", "soon"], {"CONVOY_JWT_SECRET": SECRET}, "--expires is 'soon'"),
        (["--sub", "me"], {"CONVOY_JWT_SECRET": SECRET}, "Invalid value for '--sub'"),
        (["--sub", USER, "--role", "postgres"], {"CONVOY_JWT_SECRET": SECRET}, "Invalid value for '--role'"),
    ],
)
def test_what_it_cannot_make_is_told_in_a_sentence(options: list[str], environment: dict[str, str], told: str) -> None:
    refused = run("token", *options, **environment)

    assert 0 != refused.exit_code
    assert "" == refused.stdout
    assert told in refused.stderr
    assert "hidden" not in refused.stderr
    assert SECRET not in refused.stderr


def test_times_have_a_unit() -> None:
    assert [timedelta(seconds=90), timedelta(minutes=30), timedelta(hours=12), timedelta(days=7)] == [
        duration(text) for text in ("90s", "30m", "12h", "7d")
    ]
    for text in ("", "1", "h", "0h", "-1h", "1w", "1.5h", "1h30m", "9999999d"):
        with pytest.raises(ValueError, match="use a number with a unit"):
            duration(text)


def test_settings_that_cannot_be_used_stop_the_server_before_it_does_anything() -> None:
    refused = run("serve", CONVOY_JWT_SECRET=SECRET[:5])

    assert 1 == refused.exit_code
    assert refused.stderr.startswith("Error: CONVOY_JWT_SECRET has 5 bytes: use 32 or more")


def test_with_authentication_other_machines_may_be_served() -> None:
    """Up to the address, which no machine has: without authentication it is refused before it is tried."""
    refused = run("serve", "--host", "192.0.2.1", CONVOY_JWT_SECRET=SECRET)

    assert 1 == refused.exit_code
    assert "of 192.0.2.1 cannot be used" in refused.stderr

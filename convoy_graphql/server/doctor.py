"""The whole deployment: how requests are authenticated, and the database as the server uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.doctor.checks import examine_database
from convoy_graphql.pg.doctor.finding import Deployment, Finding, Result, Verdict, examine, fault, ok, warning
from convoy_graphql.server.auth.authentication import algorithms_of, configured
from convoy_graphql.settings import Settings

_SIGNS: Final = {Verdict.OK: "ok", Verdict.WARNING: "warning", Verdict.FAULT: "FAULT"}


async def diagnose(dsn: str, settings: Settings, *, workers: int = 1) -> list[Finding]:
    """What is found of the database at `dsn`, and of these settings with so many worker processes."""
    found = await examine(
        settings, {"authentication": authentication, "key set": key_set, "documents": documents, "buckets": buckets}
    )
    has_authentication = found[0].result.verdict is not Verdict.WARNING
    return found + await examine_database(Deployment(dsn, settings, has_authentication, workers))


async def authentication(settings: Settings) -> Result:
    try:
        is_configured = configured(settings) is not None
    except SetupError as error:
        return fault(f"Authentication cannot be used as it is configured: {error}.", "Put that setting right.")
    if not is_configured:
        return warning(
            "No authentication is configured: everybody who reaches the server may do everything.",
            "Set CONVOY_JWT_SECRET, CONVOY_JWKS_URL or CONVOY_JWKS_FILE, or listen on 127.0.0.1 alone.",
        )
    return ok("Requests carry a token, or are anonymous.")


async def key_set(settings: Settings) -> Result:
    if settings.jwks_url is None:
        return ok("No keys have to be fetched.")
    from convoy_graphql.server.auth.jwks import fetched, shown  # noqa: PLC0415
    from convoy_graphql.server.auth.keys import UnusableKeys  # noqa: PLC0415

    try:
        address = shown(settings.jwks_url)
        keys = await fetched(settings.jwks_url, algorithms_of(settings))
    except SetupError as error:
        return fault(f"The keys may not come from there: {error}.", "Put CONVOY_JWKS_URL right.")
    except UnusableKeys as error:
        return fault(
            f"The key set at {address} {error}.",
            "Check CONVOY_JWKS_URL, and that this host reaches it: without keys, tokens are answered 503.",
        )
    return ok(f"{len(keys)} keys are at {address}.")


async def documents(settings: Settings) -> Result:
    from convoy_graphql.graph.limits import Limits  # noqa: PLC0415
    from convoy_graphql.server.documents.documents import Documents  # noqa: PLC0415
    from convoy_graphql.server.documents.manifest import check_manifests  # noqa: PLC0415

    try:
        count = check_manifests(Documents.of(settings).trusted, Limits.of(settings))
    except SetupError as error:
        return fault(f"The trusted documents cannot be answered: {error}.", "Have the client's tool write them anew.")
    if not count:
        return ok("Clients may send any document.")
    return ok(
        f"{count} trusted documents are valid{', and no others are taken' if settings.trusted_documents_only else ''}."
    )


async def buckets(settings: Settings) -> Result:
    from convoy_graphql.server.shared_rates import SharedRates, rates_of  # noqa: PLC0415

    try:
        rates = rates_of(settings)
    except SetupError as error:
        return fault(f"Actors cannot be held back as it is configured: {error}.", "Put that setting right.")
    if rates is None:
        return ok("No actor is held back.")
    if not isinstance(rates, SharedRates):
        return ok("Each process holds actors back by itself.")
    reason = await rates.why_not_shared()
    if reason is not None:
        return warning(
            f"What shares the buckets of actors cannot be reached: {reason}. Each process goes by its own.",
            "Check CONVOY_RATE_REDIS_URL, and that this host reaches it.",
        )
    return ok("All processes hold actors back together.")


def is_faulty(findings: Sequence[Finding]) -> bool:
    return any(each.result.verdict is Verdict.FAULT for each in findings)


def told(findings: Sequence[Finding]) -> Iterator[str]:
    """Lines to read: a check in each, below it what to do."""
    for each in findings:
        yield f"{_SIGNS[each.result.verdict]:<8} {each.name:<19} {each.result.found}"
        if each.result.advice:
            yield f"{'':<28} → {each.result.advice}"
    counted = [sum(each.result.verdict is verdict for each in findings) for verdict in Verdict]
    yield "{} ok, {} to look at, {} to put right.".format(*counted)


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for a program: `{"verdict": ..., "checks": [{"name", "verdict", "found", "advice"}]}`; no advice is null."""
    order = list(Verdict)
    worst = max((each.result.verdict for each in findings), key=order.index, default=Verdict.OK)
    checks = [
        {
            "name": each.name,
            "verdict": each.result.verdict,
            "found": each.result.found,
            "advice": each.result.advice or None,
        }
        for each in findings
    ]
    return {"verdict": worst, "checks": checks}

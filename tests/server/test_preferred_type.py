"""Which of the offered media types an Accept header likes best."""

from __future__ import annotations

import pytest

from convoy_graphql.server.negotiation import preferred_type

JSON, GRAPHQL, HTML = "application/json", "application/graphql-response+json", "text/html"
OFFERED = (JSON, GRAPHQL, HTML)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        (" , ", JSON),
        ("*/*", JSON),
        ("text/*", HTML),
        (" TEXT/HTML ", HTML),
        (f"{JSON};q=0.1, {HTML};q=0.2", HTML),
        (f"{JSON};q=0.2, {HTML};q=0.2", JSON),
        (f"{HTML};level=1;q=0.3, {JSON};q=0.2", HTML),
        (f"*/*;q=0.5, {JSON};q=0.1", GRAPHQL),
        (f"application/*;q=0.9, {JSON};q=0.1, */*;q=0.5", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        ("application/*;q=0, */*;q=0.1", HTML),
        (f"{JSON};q=1.000", JSON),
        (f"{JSON};Q=0", None),
        (f"{JSON};q=", None),
        (f"{JSON};q=nan", None),
        (f"{JSON};q=-1", None),
        ("image/png", None),
        (";q=1", None),
        ("application", None),
    ],
)
def test_the_most_liked_offer_is_taken_and_the_earlier_one_on_a_tie(accept: str, expected: str | None) -> None:
    assert expected == preferred_type(accept, OFFERED)

"""Patterns and best practices: global, of a workspace, of a project. Where name and type are the same, the nearer one counts.

*Keyset pagination* and *Tests assert effects* exist in all three scopes of the graph API, *Retry with backoff* in those of
container tracking, *Nothing private in logs* in those of appointment scheduling.
"""

from __future__ import annotations

from convoy_graphql.demo import snippets
from convoy_graphql.demo.story import Json, Pattern, Practice


def _python(code: str, **more: object) -> Json:
    return {"language": "python", "code": code, **more}


def _sql(code: str, **more: object) -> Json:
    return {"language": "sql", "code": code, **more}


def _rule(rule: str, why: str, **more: object) -> Json:
    return {"rule": rule, "why": why, **more}


GLOBAL_PATTERNS = (
    Pattern(
        "Keyset pagination",
        "CODE",
        "Continue after the last row seen instead of skipping a number of rows.",
        _python(
            snippets.KEYSET,
            when="A list is longer than a page, and somebody writes to it.",
            avoid="OFFSET: it reads what it skips, and shifts under inserts.",
        ),
    ),
    Pattern(
        "Retry with backoff",
        "CODE",
        "Try again what may succeed the second time, ever more patiently.",
        _python(
            snippets.RETRY,
            when="The call crosses a network and is safe to repeat.",
            avoid="Retrying a refusal: it will be refused again.",
        ),
    ),
    Pattern(
        "Idempotent write",
        "CODE",
        "Let the database recognise a request that it has seen before.",
        _sql(snippets.IDEMPOTENT, when="The caller may send the same request twice after a timeout."),
    ),
    Pattern(
        "Status badge",
        "UI",
        "A status has a word and a shape; colour is the third sign, never the only one.",
        {"language": "html", "code": snippets.BADGE, "contrast": {"minimum": 4.5, "against": ["#ffffff", "#f4f4f5"]}},
    ),
    Pattern(
        "Outbox",
        "ARCHITECTURE",
        "Write the message into the database with the change that causes it; send it afterwards.",
        {
            "steps": [
                "Insert change and message in one transaction.",
                "A sender reads unsent messages in order.",
                "It marks them as sent after the receiver has confirmed.",
            ],
            "guarantee": "at least once",
            "needs": ["idempotent receivers"],
        },
    ),
)

GLOBAL_PRACTICES = (
    Practice(
        "Tests assert effects",
        "TESTING",
        "A test looks at what changed in the world, not at which functions were called.",
        _rule(
            "Assert on rows, answers and files.",
            "Code that is rearranged without a change of behaviour must not break a test.",
        ),
    ),
    Practice(
        "Small migrations",
        "DATABASE",
        "A migration does one thing, and the version before it keeps running.",
        _rule(
            "Add first, move later, remove last.",
            "Old and new code run side by side during a deployment.",
            steps=[
                "add the nullable column",
                "fill it in batches",
                "make it required",
                "remove the old one a release later",
            ],
        ),
    ),
    Practice(
        "Nothing private in logs",
        "SECURITY",
        "A log is read by more people than the data that it is about.",
        _rule(
            "Log ids, never names, tokens or contents.",
            "Logs are copied, searched and kept; nobody can take a line back.",
        ),
    ),
    Practice(
        "Write the reason",
        "DOCUMENTATION",
        "The code says what. Write down why, and what you tried before.",
        _rule(
            "One sentence with the cause, a number or a source.",
            "The next reader would otherwise try the same thing again.",
        ),
    ),
    Practice(
        "One change, one review",
        "PROCESS",
        "Rearranging and changing behaviour are two changes.",
        _rule(
            "Move first, commit, then change.",
            "A reviewer can check either in a minute, and both together not at all.",
            limits={"lines": 400},
        ),
    ),
)

CONVOY_PATTERNS = (
    Pattern(
        "Keyset pagination",
        "CODE",
        "The row comparison of PostgreSQL, written once for all our tables. Every order ends in the id.",
        _python(
            snippets.KEYSET_SQLALCHEMY,
            when="All sort keys have the same direction and none is null.",
            dependencies=["sqlalchemy"],
        ),
    ),
    Pattern(
        "Edge as a value",
        "ARCHITECTURE",
        "An arrow of the graph is data that several readers share, not a function in each of them.",
        _python(snippets.EDGE, readers=["loaders", "compiler", "filters", "documentation"]),
    ),
    Pattern(
        "Checkpoint banner",
        "UI",
        "At a checkpoint the page says who has to agree, and what to.",
        {
            "slots": ["stage", "person", "what they see", "approve", "send back with a reason"],
            "never": "approve without showing the plan",
        },
    ),
)

CONVOY_PRACTICES = (
    Practice(
        "Tests assert effects",
        "TESTING",
        "Besides the effect, a test counts the statements that led to it.",
        _rule(
            "Exact values, and the exact number of statements.",
            "An N+1 gives the right answer in every test that does not count.",
            example={"language": "python", "code": "assert answer == expected\nassert 3 == len(statements)\n"},
        ),
    ),
    Practice(
        "Agents leave notes",
        "PROCESS",
        "Whoever picks the task up tomorrow knows only what was written down.",
        _rule(
            "A comment at every change of stage: what was done, what was found, what is open.",
            "An agent's memory ends with its session.",
            checklist=["numbers with their units", "what did not work", "the next step"],
        ),
    ),
)

GRAPH_API_PATTERNS = (
    Pattern(
        "Keyset pagination",
        "CODE",
        "Pages inside pages: a lateral join holds order and limit for each parent.",
        _python(
            snippets.KEYSET_LATERAL,
            when="The rows belong to many parents at once.",
            avoid="One LIMIT over an IN list: the first parent takes it all.",
            dependencies=["sqlalchemy"],
        ),
    ),
    Pattern(
        "Batch loader",
        "CODE",
        "Many keys in, aligned lists out.",
        _python(snippets.BATCH_LOADER, when="Sibling fields ask for the children of different parents."),
    ),
)

GRAPH_API_PRACTICES = (
    Practice(
        "Tests assert effects",
        "TESTING",
        "Every query test runs through both executors; their answers are equal.",
        _rule(
            "One test, two executors, one expected answer.",
            "Two ways to an answer are worth having only as long as nobody can tell them apart.",
            executors=["loaders", "compiler"],
        ),
    ),
    Practice(
        "Descriptions say what nobody can guess",
        "DOCUMENTATION",
        "Units, order, what null means, what is left out.",
        _rule(
            "A description never repeats the name.",
            "Agents read nothing else.",
            good="Open tasks that this one waits for; finished ones are not listed.",
            bad="The blocked by field.",
        ),
    ),
)

HARBOURLINE_PATTERNS = (
    Pattern(
        "Retry with backoff",
        "CODE",
        "As global, but a partner who names a time is asked at that time.",
        _python(snippets.RETRY_AFTER, when="Carriers, ports and authorities.", dependencies=["httpx"]),
    ),
    Pattern(
        "Status badge",
        "UI",
        "A hold says its reason in the badge itself: clerks print the list.",
        {"language": "html", "code": snippets.BADGE_CONTAINER, "print": True},
    ),
)

HARBOURLINE_PRACTICES = (
    Practice(
        "Times carry their zone",
        "CODE",
        "A port's clock and ours differ, twice a year by another hour.",
        _rule(
            "Store UTC and the port's zone; show the port's time.",
            "A truck that comes an hour late loses its slot.",
            source="UN/LOCODE",
        ),
    ),
    Practice(
        "Small migrations",
        "DATABASE",
        "As global, and never while a ship is alongside in Rotterdam.",
        _rule(
            "Migrate between 10 and 14 o'clock, Tuesday to Thursday.",
            "The terminals report in bursts at shift changes and before the weekend.",
        ),
    ),
)

TRACKING_PATTERNS = (
    Pattern(
        "Retry with backoff",
        "CODE",
        "For sources that are read with a cursor: it moves only to what was stored.",
        _python(snippets.RETRY_CURSOR, learned_from="Positions stopped for three hours on 18 December"),
    ),
    Pattern(
        "Great-circle distance",
        "CODE",
        "Distance between two positions at sea, good to half a percent.",
        _python(snippets.GREAT_CIRCLE, avoid="Legs that cross land: split them at the lane's waypoints."),
    ),
)

TRACKING_PRACTICES = (
    Practice(
        "Measure on another year",
        "TESTING",
        "A model is never measured on the voyages that it was tuned on.",
        _rule(
            "Tune on the year before last, measure on last year.",
            "76 % became 71 % the first time we did it right.",
            metric="share of voyages within six hours, 48 hours before arrival",
        ),
    ),
)

LARKFIELD_PATTERNS = (
    Pattern(
        "Idempotent write",
        "CODE",
        "Claim the row, commit, then send: nobody gets a message twice.",
        _sql(snippets.IDEMPOTENT_MESSAGE, learned_from="Patients at Hillside got every reminder twice"),
    ),
)

LARKFIELD_PRACTICES = (
    Practice(
        "Nothing private in logs",
        "SECURITY",
        "What a patient has, and that somebody is a patient at all, is health data.",
        _rule(
            "No names, no birthdays, no reasons, no phone numbers: not in logs, addresses, subjects or error reports.",
            "It is the law, and it is decent.",
            law=["GDPR article 9"],
        ),
    ),
    Practice(
        "Test with patients",
        "TESTING",
        "Two people over seventy try each change of the booking before it ships.",
        _rule("Watch and keep quiet.", "Every hint that we give is a hint that the page lacks."),
    ),
)

SCHEDULING_PATTERNS = (
    Pattern(
        "Half-open span",
        "CODE",
        "A time span includes its start and excludes its end.",
        _python(snippets.HALF_OPEN),
    ),
    Pattern(
        "Exclusion constraint",
        "CODE",
        "The database refuses what must never overlap.",
        _sql(
            snippets.EXCLUSION,
            when="Rooms, people and devices that can be in one place only.",
            postgresql={"extension": "btree_gist"},
        ),
    ),
)

SCHEDULING_PRACTICES = (
    Practice(
        "Nothing private in logs",
        "SECURITY",
        "The reason of a visit is withheld before a handler sees the record.",
        _rule(
            "Attach this filter to the root logger; the test raises inside the form.",
            "The error tracker attaches local variables.",
            example={"language": "python", "code": snippets.REDACT},
        ),
    ),
)

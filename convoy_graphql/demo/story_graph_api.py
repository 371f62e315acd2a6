"""The graph API: the first project of the workspace in `story_convoy`."""

from __future__ import annotations

from convoy_graphql.demo import knowledge
from convoy_graphql.demo.story import (
    BLOCKED,
    DONE,
    IN_PROGRESS,
    IN_REVIEW,
    TODO,
    Milestone,
    Project,
    Task,
    lets_go_of,
    moves,
    says,
    waits_for,
)
from convoy_graphql.demo.story_graph_reads import READS

COMPILE = Milestone(
    "compile",
    "One statement per query",
    "IN_PROGRESS",
    -30,
    12,
    "Compile a whole operation into one SQL statement whose result is the response, so that no object per row is made in Python.",
    "## Goal\n\nThe board of a project in under 5 ms at the median, the tree of a workspace in under 40 ms.\n\n## Rules\n\n1. The answer equals the loaders' answer, to the letter.\n2. What cannot be planned is declined with a reason, never guessed.\n3. Values are always bind parameters.",
    "mira",
    (
        Task(
            "compiler-question",
            "Decide whether to compile operations to SQL at all",
            DONE,
            "Loaders need 9 statements for a board. Is one statement faster, and by how much, on our own data?",
            "mira",
            workflow="decision",
            needs=("lateral-batches",),
            log=(
                says(
                    "scout",
                    "Hand-written: 3.9 ms for a board in one statement, 21 ms with loaders. Most of the difference is objects in Python, not the database.",
                ),
                says(
                    "jonas",
                    "I am convinced by the numbers, less by the second code path. It has to be held to the first one by tests.",
                ),
                says("mira", "Decided: compile, and let random queries compare both answers."),
            ),
        ),
        Task(
            "plan-values",
            "Make the plan a frozen value between parsing and rendering",
            DONE,
            "Selection in, plan out; plan in, SQL out. Nothing in between knows about both.",
            "scout",
            needs=("compiler-question", "edges"),
        ),
        Task(
            "render-json",
            "Render a plan as nested JSON aggregates",
            IN_REVIEW,
            "`row_to_json` over a sub-select was a quarter faster than `json_build_object`, and it has no limit of 50 pairs.",
            "scout",
            needs=("plan-values",),
            log=(
                says(
                    "scout",
                    "Response keys longer than 63 bytes cannot be column labels; those operations are declined for now.",
                ),
                says(
                    "jonas",
                    "Reading it tonight. Please add the case with three sibling lists: they must not multiply each other.",
                ),
            ),
            subtasks=(
                Task(
                    "render-scalars",
                    "Print timestamps exactly as the loaders do",
                    DONE,
                    "PostgreSQL's JSON drops trailing zeros of a fraction, `isoformat` does not. Test at 0, .1 and .000001 s.",
                    "scout",
                ),
                Task(
                    "render-siblings",
                    "Keep sibling lists from multiplying each other",
                    IN_REVIEW,
                    "Tasks and patterns of one project: 200 and 6 rows, not 1,200.",
                    "scout",
                ),
            ),
        ),
        Task(
            "fragment-merge",
            "Merge fields of fragments as the specification says",
            DONE,
            "The same response key twice is one field with both selections. Arguments that differ are an error that names both places.",
            "scout",
            needs=("plan-values",),
        ),
        Task(
            "parity",
            "Compare both executors on random valid operations",
            IN_PROGRESS,
            "Generate operations over the real schema: aliases, fragments, `@include`, variables with defaults. Both executors answer; the answers are equal.",
            needs=("plan-values", "page-walks"),
            log=(
                moves("scout", "REVIEW_PLAN"),
                moves("mira", "IMPLEMENT"),
                waits_for("scout", "render-json"),
                says(
                    "mira",
                    "Why wait? The plan can be compared before anything is rendered, and you would find gaps in it a week sooner.",
                ),
                lets_go_of("scout", "render-json"),
                says(
                    "scout",
                    "Agreed. First catch after 400 operations: the same fragment spread twice was planned twice.",
                ),
            ),
            claimed_by="scout",
        ),
        Task(
            "plan-cache",
            "Cache plans by the shape of the variables",
            BLOCKED,
            "A warm request does no parsing, no validation and no rendering. The key is the document, the operation's name, and which variables are present, null, or booleans that decide an `@include`.",
            "jonas",
            needs=("render-json",),
            log=(
                says(
                    "jonas",
                    "Waiting for the renderer: before its aliases count in walk order, equal plans give unequal texts.",
                ),
            ),
        ),
        Task(
            "alias-order",
            "Number SQL aliases in walk order",
            IN_PROGRESS,
            "Equal plans must give equal texts, or no prepared statement is ever used twice.",
            "scout",
            needs=("plan-values",),
        ),
        Task(
            "decline-reasons",
            "Count why operations were declined",
            TODO,
            "A reason is a value with a name. Metrics count it, and `extensions` shows it to those who ask.",
            "quill",
            needs=("plan-cache",),
        ),
        Task(
            "long-keys",
            "Plan response keys longer than 63 bytes",
            TODO,
            "PostgreSQL cuts identifiers there. Give such fields a short label and rename them on the way out.",
            needs=("render-json",),
        ),
        Task(
            "bench-board",
            "Put board and tree into the benchmark, against hand-written SQL",
            TODO,
            "Ratios count; absolute figures do not last. Interleave the runs.",
            "scout",
            needs=("render-json", "parity"),
        ),
        Task("warm-path", "Answer a warm request without parsing", TODO, None, "jonas", needs=("plan-cache",)),
        Task(
            "schema-docs",
            "Describe every type and field for somebody new",
            IN_PROGRESS,
            "No description repeats its name. Each says what a reader cannot guess: units, order, what null means.",
            "quill",
            log=(says("quill", "113 of 168 done. `blockedBy` and `dependencies` now explain each other."),),
            claimed_by="quill",
        ),
    ),
)

LIVE = Milestone(
    "live",
    "A live feed that loses nothing",
    "PLANNED",
    -8,
    45,
    "Subscribers see every activity once, in order, also after they were away.",
    "- A client that reconnects with its cursor gets exactly what it missed.\n- A cursor that cannot be honoured gets an explicit discontinuity, never silence.\n- One listener per process, whatever the number of subscribers.",
    "jonas",
    (
        Task(
            "feed-question",
            "Find a cursor that survives concurrent commits",
            IN_PROGRESS,
            "`created_at` is when a transaction *began*. A later commit may carry an earlier time, and a reader that resumes there loses it.\n\n- candidate 1: an overlap window and a set of seen ids\n- candidate 2: the transaction id with the snapshot of the last read",
            "jonas",
            workflow="decision",
            log=(
                says(
                    "scout",
                    "Six writers with random delays and rollbacks: the window lost 3 of 538 rows at 200 ms, the snapshot none.",
                ),
            ),
        ),
        Task(
            "feed-listener",
            "Listen on one connection and reconnect by itself",
            TODO,
            "The notification is only a wake-up. Nothing may depend on its payload or on who was listening.",
            "jonas",
            needs=("feed-question",),
        ),
        Task(
            "feed-fanout",
            "Fan out without waiting for slow readers",
            TODO,
            "A full queue is drained and marked with a gap; the stream reads again from its last cursor.",
            needs=("feed-listener",),
        ),
        Task(
            "feed-sse",
            "Offer the feed over server-sent events",
            TODO,
            "Some proxies of our users do not pass WebSockets.",
            needs=("feed-fanout",),
        ),
        Task(
            "feed-ws",
            "Offer the feed over WebSockets",
            TODO,
            "`graphql-transport-ws` only. Close with 4403 when the token expires.",
            needs=("feed-fanout",),
        ),
        Task(
            "feed-filters",
            "Let subscribers choose project, task and kind of activity",
            TODO,
            "Subscribers who ask the same thing share one execution.",
            needs=("feed-fanout",),
        ),
        Task(
            "feed-restore",
            "Notice that the database was restored",
            TODO,
            "After a restore the transaction ids start again. Old cursors get a discontinuity that says so.",
            needs=("feed-listener",),
        ),
        Task(
            "feed-drill",
            "Kill the database under load and count events",
            TODO,
            "The drill passes when every subscriber has each event exactly once.",
            "scout",
            needs=("feed-sse", "feed-ws"),
        ),
    ),
)


GRAPH_API = Project(
    "graph-api",
    "Knowledge Graph API",
    "GraphQL over workspaces, projects, tasks, what they wait for, and the knowledge that applies to them.",
    "# Knowledge Graph API\n\nOne endpoint for three readers: a person in the playground, a dashboard that wants a deep tree many times a minute, and an agent that asks *what do I need to know to do this task?*\n\n## Principles\n\n- An arrow of the graph is written **once**; loaders and compiler both read it.\n- The database decides what is true: cycles, tenancy and versions are its business.\n- Errors teach.",
    {
        "language": "Python 3.11",
        "database": "PostgreSQL 15+",
        "framework": ["Strawberry", "Starlette"],
        "tests": ["pytest", "hypothesis"],
    },
    (READS, COMPILE, LIVE),
    patterns=knowledge.GRAPH_API_PATTERNS,
    practices=knowledge.GRAPH_API_PRACTICES,
)

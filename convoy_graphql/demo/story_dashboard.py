"""The dashboard that came before the graph API: the third project of the workspace in `story_convoy`."""

from __future__ import annotations

from convoy_graphql.demo.story import (
    BLOCKED,
    CANCELLED,
    DONE,
    IN_PROGRESS,
    TODO,
    Milestone,
    Project,
    Task,
    says,
    waits_for,
)

BOARD = Milestone(
    "board",
    "A board people keep open all day",
    "COMPLETED",
    -110,
    -72,
    "Columns by stage, blocked tasks visibly blocked, no reload needed.",
    "The board answers three questions at a glance: what is ready, what waits, and for whom.",
    "priya",
    (
        Task(
            "board-columns",
            "Show a column for each stage of the workflow",
            DONE,
            "Stages come from the workflow, not from a list in the client. A task in an unknown stage gets a column of its own at the end.",
            "priya",
        ),
        Task(
            "board-blocked",
            "Show what a blocked task waits for",
            DONE,
            "Open blockers only; a finished one is no news.",
            "priya",
            needs=("board-columns",),
        ),
        Task(
            "board-drag",
            "Drag a task to its next stage",
            DONE,
            "A checkpoint refuses with the name of the person who has to agree.",
            "jonas",
            needs=("board-columns",),
        ),
        Task("board-keys", "Move through the board with the keyboard", DONE, None, "priya", needs=("board-drag",)),
        Task(
            "board-swimlanes",
            "Group the board by person or agent",
            DONE,
            "With a lane for tasks that nobody has.",
            "priya",
            needs=("board-columns",),
        ),
        Task(
            "board-contrast",
            "Raise the contrast of status colours",
            DONE,
            "IN_REVIEW on white was 2.9 to 1. All are above 4.5 to 1 now, and each has a shape besides its colour.",
            "quill",
        ),
    ),
)

GRAPH_VIEW = Milestone(
    "graph-view",
    "See the dependencies as a graph",
    "IN_PROGRESS",
    -71,
    -20,
    "The plan as a picture: what comes first, what can run side by side.",
    "Up to 300 tasks without a pause; diamonds keep both of their arrows.",
    "priya",
    (
        Task(
            "view-layout",
            "Lay out layers from left to right",
            DONE,
            "Longest path first, then few crossings. 300 tasks in 40 ms.",
            "scout",
        ),
        Task(
            "view-diamond",
            "Keep both arrows of a diamond",
            DONE,
            "The first version drew a tree and dropped every second arrow.",
            "scout",
            needs=("view-layout",),
        ),
        Task(
            "view-critical",
            "Highlight the longest chain of open tasks",
            IN_PROGRESS,
            "Paused with the project; the branch `critical-chain` works for graphs without cancelled tasks.",
            "scout",
            needs=("view-diamond",),
        ),
        Task(
            "view-zoom",
            "Zoom to a task and its neighbours",
            DONE,
            "Two steps in each direction; everything else fades.",
            "scout",
            needs=("view-layout",),
        ),
        Task(
            "view-export",
            "Export the graph as an image",
            BLOCKED,
            None,
            "priya",
            needs=("view-critical",),
            log=(says("priya", "Asked for twice, both times for a slide. Not before the chain is right."),),
        ),
        Task(
            "view-physics",
            "Let the graph float with simulated springs",
            CANCELLED,
            "Pretty for 20 tasks, seasick at 200.",
            "jonas",
        ),
    ),
)

REWRITE = Milestone(
    "rewrite",
    "Read from the graph API",
    "PLANNED",
    -18,
    60,
    "Replace twelve round trips by one query, as soon as the API is fast enough.",
    "The project rests until *One statement per query* is done.",
    "jonas",
    (
        Task(
            "rewrite-queries",
            "Replace the client's reads by three queries",
            TODO,
            "Tree, board, context. Everything else is one of these with other arguments.",
            "jonas",
            needs=("render-json",),
            log=(waits_for("jonas", "render-json"), says("jonas", "On hold until the renderer is reviewed.")),
        ),
        Task(
            "rewrite-live",
            "Replace polling by the feed",
            TODO,
            "Today every open board asks every five seconds: 40 people, 480 requests a minute, almost all of them for nothing.",
            needs=("feed-sse", "rewrite-queries"),
        ),
        Task(
            "rewrite-remove",
            "Remove the old client's data layer",
            TODO,
            None,
            needs=("rewrite-queries", "rewrite-live"),
        ),
    ),
)

MEMORY_DASHBOARD = Project(
    "dashboard",
    "Memory Dashboard",
    "The web view of the shared memory. On hold until it can read from the graph API.",
    "# Memory Dashboard\n\nA board, a graph and a feed. It reads the tables directly, twelve round trips for one task, and that is why it rests: the next version asks the graph API.",
    {"language": "TypeScript", "framework": "React", "hosting": {"provider": "static files", "cdn": True}},
    (BOARD, GRAPH_VIEW, REWRITE),
    status="ON_HOLD",
)

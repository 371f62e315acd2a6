"""The door for agents: the second project of the workspace in `story_convoy`."""

from __future__ import annotations

from convoy_graphql.demo.story import (
    DONE,
    IN_PROGRESS,
    IN_REVIEW,
    TODO,
    Milestone,
    Project,
    Task,
    edits,
    moves,
    says,
)

CONTEXT_PLAN = """\
## The question an agent asks

> I am about to work on this task. What do I need to know?

## The answer, in one request

1. the task and its plan
2. the way up: parent, milestone, project, workspace
3. what it waits for, and what waits for it
4. the last 20 activities, newest first
5. patterns and practices that apply, nearest scope first
6. the stage it is in, and whether a person has to agree before the next

## Bounds

Every section has a limit, and says how much it left out. The whole stays under 8,000 tokens; a context that does not fit helps nobody.
"""

TOOLS = Milestone(
    "tools",
    "A small set of tools",
    "COMPLETED",
    -52,
    -24,
    "Eight tools at most: a model reads their descriptions on every turn.",
    "Measured before: 59 tools, 45,000 tokens of descriptions, and the model picked the wrong one in a fifth of the cases.",
    "priya",
    (
        Task(
            "tool-survey",
            "Count which tools agents really call",
            DONE,
            "Two weeks of sessions, 11,200 calls. Which tools carry the work, which only cost tokens?",
            "priya",
            workflow="decision",
            log=(
                says("scout", "Six tools make 94 % of the calls. 31 were never called."),
                says("priya", "Then eight is generous."),
            ),
        ),
        Task(
            "tool-context",
            "Answer a task's whole context in one call",
            DONE,
            CONTEXT_PLAN,
            needs=("scopes", "nested-pages", "tool-survey"),
            log=(
                moves("scout", "REVIEW_PLAN"),
                says("priya", "What would *you* leave out when it does not fit?"),
                says(
                    "scout",
                    "Old activities first, then practices from the global scope. Never the plan, never what the task waits for.",
                ),
                moves("mira", "IMPLEMENT"),
                says("scout", "One request instead of eleven; 2.6 KB for the median task."),
                moves("scout", "REVIEW"),
                says("jonas", "It cuts a comment in the middle of a sentence and does not say so."),
                moves("jonas", "IMPLEMENT"),
                edits("scout", "description"),
                says("scout", "Cut texts now carry `truncated` and their full length."),
                moves("scout", "REVIEW"),
                moves("jonas", "DOCUMENT"),
                moves("quill", "COMPLETE"),
                edits("quill", "status", "completion_date"),
            ),
            subtasks=(
                Task(
                    "tool-budget",
                    "Fit the context into a token budget",
                    DONE,
                    "Count with the cheap estimate (bytes by 3.6); it was never more than 9 % off.",
                    "scout",
                ),
                Task(
                    "tool-omitted",
                    "Say how much each section left out",
                    DONE,
                    "`omitted: 14` beside a list of 20. An agent that does not know what it does not see makes things up.",
                    "scout",
                ),
            ),
        ),
        Task(
            "tool-names",
            "Name the tools as sentences",
            DONE,
            "`what_blocks(task)` was called rightly in 97 of 100 trials, `get_dependencies(task)` in 71.",
            "quill",
            needs=("tool-survey",),
        ),
        Task(
            "tool-markdown",
            "Offer the context as Markdown",
            DONE,
            "Headings for the sections, the plan as it is, ids in code. People paste it into mails.",
            "quill",
            needs=("tool-context",),
        ),
        Task(
            "tool-errors",
            "Make refusals teach the next step",
            DONE,
            "Every refusal names what would be accepted. *Checkpoint: a person has to approve REVIEW_PLAN first* instead of *invalid transition*.",
            "scout",
            needs=("tool-names",),
        ),
    ),
)

CLAIMS = Milestone(
    "claims",
    "Two agents never take the same task",
    "IN_PROGRESS",
    -23,
    5,
    "Claiming the next ready task is one atomic step with a lease.",
    "- With 8 callers at once exactly one gets the task.\n- A dead agent's task is free again when its lease ends.\n- A person can always take a task away from an agent.",
    "mira",
    (
        Task(
            "claim-race",
            "Stop two agents from starting the same task",
            DONE,
            "Since Tuesday 14:10 two agents have worked on one task four times. Both read it as ready, both set it to IN_PROGRESS, the second overwrote the first one's plan.",
            workflow="incident",
            log=(
                says(
                    "priya",
                    "Four tasks have two sets of commits. The plans of the first agents are gone from the description.",
                ),
                moves("mira", "MITIGATE"),
                says("mira", "One worker only until this is fixed. Plans restored from the activity."),
                moves("jonas", "FIX"),
                edits("jonas", "description"),
                moves("jonas", "VERIFY"),
                says("scout", "8 callers, 500 rounds: in 3 rounds two of them won. Reproduced with the fix in place."),
                moves("mira", "FIX"),
                says(
                    "jonas",
                    "The status was checked in a sub-select, outside the row lock. Now it is in the update itself.",
                ),
                moves("jonas", "VERIFY"),
                says("scout", "5,000 rounds, one winner in each."),
                moves("mira", "LEARN"),
                says("mira", "What would have caught it: the drill above, which now runs every night."),
                moves("mira", "COMPLETE"),
                edits("mira", "status", "completion_date"),
            ),
        ),
        Task(
            "claim-next",
            "Claim the next ready task in one statement",
            DONE,
            "```sql\nupdate tasks\n   set status = 'IN_PROGRESS'\n where id = (select id from tasks where status = 'TODO' order by created_at, id limit 1 for update skip locked)\nreturning id;\n```\n\nReady means: open, nothing open that it waits for, no open subtask.",
            "jonas",
            needs=("claim-race",),
        ),
        Task(
            "claim-lease",
            "Give each claim a lease that runs out",
            IN_PROGRESS,
            "Fifteen minutes, renewed by any activity of the holder. The ready list honours an expired lease without a cleaning job.",
            "jonas",
            needs=("claim-next",),
            log=(
                says(
                    "priya",
                    "Please show the remaining minutes; I do not want to take a task from an agent that is about to finish.",
                ),
            ),
        ),
        Task(
            "claim-heartbeat",
            "Count every comment as a sign of life",
            DONE,
            "Agents forget to renew; they never forget to talk.",
            "scout",
            needs=("claim-next",),
        ),
        Task(
            "claim-handover",
            "Let a person take a task over from an agent",
            TODO,
            "The agent's next write is refused with the name of the person who took over.",
            "priya",
            needs=("claim-lease",),
        ),
        Task(
            "claim-explain",
            "Explain why nothing is ready",
            TODO,
            "*Seven tasks wait for the renderer, which jonas is reviewing* is an answer; an empty list is not.",
            "priya",
            needs=("claim-next",),
        ),
        Task(
            "claim-drill",
            "Run the claim drill every night",
            IN_REVIEW,
            "8 callers, 5,000 rounds, one winner in each. It posts to the channel only when it fails.",
            "scout",
            needs=("claim-next",),
        ),
    ),
)

OFFLINE = Milestone(
    "offline",
    "Work through a lost connection",
    "PLANNED",
    -6,
    None,
    "An agent on a train keeps its notes and hands them in later.",
    None,
    "jonas",
    (
        Task(
            "offline-idempotent",
            "Take an idempotency key with every write",
            TODO,
            "Agents retry after a timeout. The second attempt must get the first one's answer.",
            "scout",
        ),
        Task("offline-outbox", "Keep unsent writes in an outbox", TODO, None, needs=("offline-idempotent",)),
        Task("offline-order", "Replay the outbox in the order of the notes", TODO, None, needs=("offline-outbox",)),
        Task(
            "offline-conflicts",
            "Show conflicts with both versions",
            TODO,
            "The loser of a conflict gets the current row with the refusal, so that it can merge without another request.",
            needs=("offline-outbox",),
        ),
    ),
)

AGENT_GATEWAY = Project(
    "agent-gateway",
    "Agent Gateway",
    "The door through which coding agents read and write the shared memory.",
    "# Agent Gateway\n\nAgents are colleagues with a short memory. The gateway gives them what they need for *one* task, lets them claim it, and writes down what they did.\n\n## What we promise an agent\n\n- One request for the context of a task.\n- A claim that nobody else has.\n- A refusal that says what to do next.",
    {"language": "Python 3.11", "protocol": "Model Context Protocol", "database": "PostgreSQL 15+"},
    (TOOLS, CLAIMS, OFFLINE),
)

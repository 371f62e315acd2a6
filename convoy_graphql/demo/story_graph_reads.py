"""The first milestone of `story_graph_api`: the one with the longest told histories."""

from __future__ import annotations

from convoy_graphql.demo.story import (
    CANCELLED,
    DONE,
    Milestone,
    Task,
    edits,
    moves,
    says,
    waits_for,
)

LATERAL_PLAN = """\
## Problem

A page of 50 milestones with the first 10 tasks of each costs 51 statements. An `IN (…)` batch with one `LIMIT` is not the answer: the first milestone takes all the rows, the others get none.

## Plan

1. Send all the parent ids as one array.
2. Join each parent *laterally* with the edge's own select, so that order, filter and limit hold per parent.
3. Ask for one row more than the page: it says whether there is a next page.

```sql
select parent.id as parent_id, child.id, child.title
  from unnest($1::uuid[]) with ordinality as parent(id, position)
 cross join lateral (
        select task.id, task.title, task.created_at
          from tasks as task
         where task.milestone_id = parent.id
         order by task.created_at, task.id
         limit $2
       ) as child
 order by parent.position, child.created_at, child.id;
```

## Proof

- 1 statement for 1 parent and for 500.
- Every parent gets *its* first 10, also those in the middle of the list.
- A milestone without tasks costs nothing and gets an empty list.
"""

EDGES_PLAN = """\
## Why

Today the relation from a milestone to its tasks is written in four places: the resolver, the loader, the filter and the counter. Two of them disagree about the order.

## What an edge says

- its name, its source, its target
- one or many
- the columns that it needs from the parent
- its default order, which always ends in `id`
- one function from a parent to the rows of the target

Everything else is derived. When an arrow changes, one file changes.
"""

READS = Milestone(
    "reads",
    "Read the whole graph",
    "COMPLETED",
    -58,
    -31,
    "From a workspace down to the last subtask in one query, with a number of statements that does not grow with the rows.",
    "## Must\n\n- Every table and every arrow of the graph can be queried, in both directions.\n- Statements per request depend on the *shape* of the query alone.\n- `first` holds per parent, at every level.\n\n## Must not\n\n- Show a row of one workspace in an answer about another.",
    "mira",
    (
        Task(
            "seed-schema",
            "Load the seed schema into an empty database",
            DONE,
            "Column for column, with the names of all 21 indexes, so that tools written for it keep working.",
            "jonas",
        ),
        Task(
            "tables",
            "Describe the nine tables as metadata",
            DONE,
            "Columns, types, defaults, constraints and comments in one module. A column's comment becomes the field's description, so write it for somebody who explores the API.",
            "scout",
        ),
        Task(
            "edges",
            "Write every arrow of the graph once, as an edge",
            DONE,
            EDGES_PLAN,
            needs=("tables",),
            log=(
                edits("mira", "description"),
                moves("scout", "REVIEW_PLAN"),
                says(
                    "mira",
                    "Good, but what does an edge need from its parent? If it may read any column, we always have to fetch all of them.",
                ),
                moves("mira", "PLAN"),
                says(
                    "scout",
                    "Right. An edge now names the columns that it needs, and a test reads the rows with only those.",
                ),
                edits("scout", "description"),
                moves("scout", "REVIEW_PLAN"),
                moves("mira", "IMPLEMENT"),
                says(
                    "scout",
                    "All 31 arrows are written. Two pairs turned out to be one arrow with two names; I kept the names that read as sentences.",
                ),
                moves("scout", "REVIEW"),
                says("jonas", "I deleted 420 lines of resolvers after this. Approved."),
                moves("jonas", "DOCUMENT"),
                moves("quill", "COMPLETE"),
                edits("quill", "status", "completion_date"),
            ),
        ),
        Task(
            "nested-pages",
            "Answer nested pages without a statement per row",
            DONE,
            "Boards ask for pages inside pages. The number of statements has to depend on the levels of the query, never on how many rows they hold.",
            "jonas",
            needs=("edges",),
            subtasks=(
                Task(
                    "lateral-batches",
                    "Batch children with one lateral join per edge",
                    DONE,
                    LATERAL_PLAN,
                    needs=("edges", "tables"),
                    log=(
                        edits("jonas", "description"),
                        moves("scout", "REVIEW_PLAN"),
                        says(
                            "mira",
                            "The plan does not say what happens to a parent without children. Today each of them costs a count.",
                        ),
                        moves("mira", "PLAN"),
                        says(
                            "scout",
                            "Added to the proof: a milestone without tasks costs nothing. The lateral join simply yields no row for it.",
                        ),
                        edits("scout", "description"),
                        waits_for("scout", "tables"),
                        moves("scout", "REVIEW_PLAN"),
                        moves("mira", "IMPLEMENT"),
                        says("scout", "200 parents with 10 children each: 4.1 ms in one statement, 190 ms in 201."),
                        moves("scout", "REVIEW"),
                        says(
                            "jonas",
                            "Tried it with the same relation under two aliases and different arguments: two statements, both right.",
                        ),
                        moves("jonas", "DOCUMENT"),
                        edits("quill", "description"),
                        moves("quill", "COMPLETE"),
                        edits("quill", "status", "completion_date"),
                    ),
                    subtasks=(
                        Task(
                            "lateral-align",
                            "Align rows to the keys that asked for them",
                            DONE,
                            "The loader gets keys in one order and rows in another. Absence has to be an empty list, never a shift by one.",
                            "scout",
                        ),
                        Task(
                            "lateral-probe",
                            "Probe for the next page with one extra row",
                            DONE,
                            "`hasNextPage` must be honest when the page is exactly full: 10 of 10 is not the same as 10 of 11.",
                            "scout",
                            needs=("lateral-align",),
                        ),
                    ),
                ),
                Task(
                    "keyset-cursors",
                    "Give pages cursors that survive inserts",
                    DONE,
                    "An offset skips or repeats rows as soon as somebody inserts before it. The cursor holds the sort keys of the last row and its id.",
                    "jonas",
                    needs=("lateral-batches",),
                ),
                Task(
                    "page-walks",
                    "Walk random pages forwards and backwards in a property test",
                    DONE,
                    "Whatever the order, with ties and nulls: walking all pages gives exactly the set, each row once.",
                    "scout",
                    needs=("keyset-cursors",),
                ),
            ),
        ),
        Task(
            "scopes",
            "Resolve knowledge by scope: project, then workspace, then global",
            DONE,
            "Same name and type: the nearest one wins, and the answer says which scope it came from.\n\nThe old client asked for *workspace or project or null*, which is always true, so it handed every tenant's patterns to every agent. Test with two workspaces.",
            "mira",
            needs=("edges",),
        ),
        Task(
            "json-filters",
            "Filter by what is inside JSON columns",
            DONE,
            'Contains, has a key, and comparison at a path. `{language: "python"}` finds every pattern with Python code.',
            "scout",
            needs=("edges",),
        ),
        Task("to-one-filters", "Filter tasks by their milestone and project", DONE, None, "scout", needs=("edges",)),
        Task(
            "unknown-values",
            "Answer rows whose status nobody has heard of",
            DONE,
            "Status is free text in the table. A row that somebody imported with `WONTFIX` must not fail the query that meets it.",
            "scout",
        ),
        Task(
            "offset-pages",
            "Support page numbers beside cursors",
            CANCELLED,
            "Asked for by one dashboard. It would need a count for each page, and it repeats rows under writes.",
            log=(says("priya", "The dashboard now loads more on scroll; nobody misses page 7 of 23."),),
        ),
    ),
)

"""What happens to a task on its way: stages, status, another place, words about it."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import strawberry

from convoy_graphql.domain import activities as telling
from convoy_graphql.domain import moves, stages
from convoy_graphql.graph.mutations.frame import activities, fact, mutation, row
from convoy_graphql.graph.mutations.rows import IF_UPDATED_AT
from convoy_graphql.graph.scalars import JSON
from convoy_graphql.model.entities import ACTIVITY, TASK
from convoy_graphql.model.vocab import ACTIVITY_TYPES


@strawberry.enum(description="What somebody decided about a task's work, at a checkpoint as a rule.")
class StageDecision(Enum):
    APPROVE = strawberry.enum_value(
        "APPROVE", description="It is good: the task goes forward. Nothing else leaves a checkpoint forward."
    )
    REVISE = strawberry.enum_value("REVISE", description="It needs more work: the task goes back.")
    REJECT = strawberry.enum_value(
        "REJECT",
        description="It is not wanted: the task ends. It stays in its stage, and its status becomes CANCELLED.",
    )


_TASK: Final = (strawberry.ID, "The task.")
_ENDS_CLAIM: Final = "A task that enters a terminal status (DONE, COMPLETED, CANCELLED) loses the claim on it."
_COMMENT_LENGTH: Final = f"{telling.MAX_COMMENT:,} characters at most."

_transition = mutation(
    stages.TRANSITION,
    "Takes a task to another stage of its workflow, or of the default one: to the next stage, or back to any earlier one;"
    " where a stage lists its `transitions`, exactly to those. A checkpoint is left forward with APPROVE only. A task whose"
    " stage the workflow does not know may enter any. To be in the stage already is no error: nothing changes, and the feed"
    " is told nothing. Else the feed is told a STAGE_CHANGE; of a REJECT, which changes the status, a TASK_UPDATED."
    f" {_ENDS_CLAIM}",
    takes={
        "task_id": _TASK,
        "to": (
            str | None,
            "The name of the stage. Left out: the nearest one forward, with REVISE the nearest one back. With REJECT it is not needed.",
        ),
        "decision": (StageDecision | None, "What was decided, which the feed is told."),
        "force": (
            bool | None,
            "Go to any stage of the workflow, whatever it allows. Where there is authentication, it needs the role owner. The feed is told `forced` where the workflow would have refused.",
        ),
        "comment": (str | None, f"Why, for the feed: it stands beside the change. {_COMMENT_LENGTH}"),
        "if_updated_at": IF_UPDATED_AT,
    },
    shows={"task": row(TASK), "activities": activities()},
)

_set_status = mutation(
    moves.SET_STATUS,
    "Gives a task another status, any text; TODO, IN_PROGRESS, IN_REVIEW, BLOCKED, DONE, COMPLETED and CANCELLED are"
    f" known. `completionDate` follows, and the feed is told both. {_ENDS_CLAIM}",
    takes={
        "task_id": _TASK,
        "status": (str, "The status. 500 characters at most."),
        "if_updated_at": IF_UPDATED_AT,
    },
    shows={"task": row(TASK), "activities": activities()},
)

_move = mutation(
    moves.MOVE,
    "Takes a task to another milestone of its workspace, in whichever project; to another parent; or to both at once. What"
    " is below it, at every depth, goes along where it is in the milestone that the task leaves; the feed is told of each."
    " Another parent alone leaves the milestone as it is.",
    takes={
        "task_id": _TASK,
        "milestone_id": (strawberry.ID | None, "The milestone that it goes to. It stays where this is left out."),
        "parent_task_id": (
            strawberry.ID | None,
            "The task that it becomes a subtask of: none that is below it. Null takes it to the top level; it stays where this is left out.",
        ),
        "if_updated_at": IF_UPDATED_AT,
    },
    shows={
        "task": row(TASK),
        "activities": activities(),
        "subtasks_moved": fact(
            int,
            "How many of the tasks below it went along to the other milestone.",
            lambda outcome: outcome.facts.get("subtasks", 0),
        ),
    },
)

_KNOWN_TYPES: Final = (
    "These are known, with the keys of their details, and written by the other mutations themselves:\n"
    + "\n".join(f"- {name}: {meaning}." for name, meaning in ACTIVITY_TYPES.items())
)

_add_activity = mutation(
    telling.ADD_ACTIVITY,
    "Tells the feed that something happened to a task, and changes nothing else: for what other systems did, and for types"
    " of a client's own.",
    takes={
        "task_id": _TASK,
        "activity_type": (
            str,
            f"What kind of thing happened: any text of 500 characters at most. {_KNOWN_TYPES}",
        ),
        "details": (
            JSON | None,
            "A JSON object with snake_case keys, 65,536 bytes at most. `timestamp` is set to the time of writing, whatever it holds.",
        ),
    },
    shows={"activity": row(ACTIVITY, "The activity; null when none was written.")},
)

_add_comment = mutation(
    telling.ADD_COMMENT,
    "Says something about a task, in the feed: a COMMENT whose details hold the `text`.",
    takes={
        "task_id": _TASK,
        "text": (str, f"What to say, in Markdown. {_COMMENT_LENGTH}"),
    },
    shows={"activity": row(ACTIVITY, "The comment as it stands in the feed; null when none was written.")},
)

#: The fields of `Mutation`, by their names in Python.
FIELDS: Final[dict[str, Any]] = {
    "transition_task_stage": _transition,
    "set_task_status": _set_status,
    "move_task": _move,
    "add_task_activity": _add_activity,
    "add_task_comment": _add_comment,
}

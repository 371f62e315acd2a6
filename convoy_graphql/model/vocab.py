"""Known values of the columns that are free text in the database.

None of these is an enum in the API: rows with other values exist and must be answered. They are documented in the column
comments, and the ones that decide something are named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The workflow that a task follows when its `workflow_id` is null. The oldest of that name counts.
DEFAULT_WORKFLOW_NAME: Final = "Standard Development Workflow"

#: A task with one of these statuses is finished. The database function `task_is_open` is the definition that queries and
#: triggers use; a contract test holds the two together.
TERMINAL_TASK_STATUSES: Final = ("DONE", "COMPLETED", "CANCELLED", "CANCELED")

#: Where a pattern or a best practice comes from, the nearest first: the nearer shadows the farther.
SCOPES: Final = ("PROJECT", "WORKSPACE", "GLOBAL")

STAGE_CHANGE: Final = "STAGE_CHANGE"
TASK_CREATED: Final = "TASK_CREATED"
TASK_UPDATED: Final = "TASK_UPDATED"
DEPENDENCY_ADDED: Final = "DEPENDENCY_ADDED"
DEPENDENCY_REMOVED: Final = "DEPENDENCY_REMOVED"
COMMENT: Final = "COMMENT"
TASK_CLAIMED: Final = "TASK_CLAIMED"
TASK_RELEASED: Final = "TASK_RELEASED"

#: What the types of activity mean, and the keys of their details: the original client's, and two for claims. All but COMMENT
#: are written beside the change that they tell of; each has a `timestamp` besides.
ACTIVITY_TYPES: Final[Mapping[str, str]] = {
    STAGE_CHANGE: "the task went to another stage (`from_stage`, `to_stage`; `decision`, `forced`, `comment` where there are any)",
    TASK_CREATED: "the task was created (`milestone_id`, `parent_task_id`)",
    TASK_UPDATED: "fields of the task changed (`updated_fields`, and `changes` with `from` and `to` of each; `decision` and `comment` where a checkpoint rejected it)",
    DEPENDENCY_ADDED: "the task came to wait for another (`depends_on_task_id`)",
    DEPENDENCY_REMOVED: "it no longer does (`depends_on_task_id`)",
    COMMENT: "somebody said something (`text`)",
    TASK_CLAIMED: "somebody took the task up (`claim_id`, `expires_at`; `taken_over_from`, the actor whose claim had expired)",
    TASK_RELEASED: "its claim was given up before it expired (`claim_id`, `claimed_by`); a claim that ends with the task is not told apart",
}

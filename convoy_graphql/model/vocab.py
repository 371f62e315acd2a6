"""Known values of the columns that are free text in the database.

None of these is an enum in the API: rows with other values exist and must be answered. They are documented in the column
comments, and the ones that decide something are named here.
"""

from __future__ import annotations

from typing import Final

#: The workflow that a task follows when its `workflow_id` is null. The oldest of that name counts.
DEFAULT_WORKFLOW_NAME: Final = "Standard Development Workflow"

#: A task with one of these statuses is finished. The database function `task_is_open` is the definition that queries and
#: triggers use; a contract test holds the two together.
TERMINAL_TASK_STATUSES: Final = ("DONE", "COMPLETED", "CANCELLED", "CANCELED")

#: Where a pattern or a best practice comes from, the nearest first: the nearer shadows the farther.
SCOPES: Final = ("PROJECT", "WORKSPACE", "GLOBAL")

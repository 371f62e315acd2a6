"""Many rows in one change: read one by one, then looked up, checked and written as sets.

The number of statements does not depend on the number of rows, nor on how many of them fail. Which rows fail is known before
anything is written. What only the database can refuse, because another writer came in between, ends the whole change.

    ledger     which row has which problems, and what follows from that
    arrays     rows as one array for each column
    new_tasks  tasks to create that may name each other: reading, checks, the insert
    circles    rows that need each other in a circle
    creates    `createTasks` and `importMilestone`
    updates    `updateTasks`
    deletes    `deleteTasks`
"""

from __future__ import annotations

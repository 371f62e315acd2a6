"""Tasks to create, as they are read: with the references between them, by a name that lives as long as the call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from convoy_graphql.domain.bulk.circles import circles
from convoy_graphql.domain.bulk.ledger import MAX_ROWS, Ledger, Note, Rows, read_rows
from convoy_graphql.domain.ids import new_ids
from convoy_graphql.domain.problems import InvalidInput, Path, ReferenceCycle, ReferenceRefused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import read_values, refuse_missing
from convoy_graphql.domain.writable import TASK, Field, Values
from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.values import read_text, read_uuid

T = TypeVar("T")

#: The list in the input.
LIST: Final = "tasks"

#: Characters in a client reference.
MAX_REF: Final = 100

#: Other tasks that one task may wait for in one input.
MAX_DEPENDENCIES: Final = 1_000

ONE_PARENT = "A task has one parent at most: give parentTaskId or parentRef."
REF_TAKEN = "Another task of this call has this clientRef already. Give each its own."
ID_TAKEN = "Another task of this call has this id already. Give each its own, or none."
REF_UNKNOWN = "No task of this call has this clientRef."
TWICE = "The task waits for this one already. Name it once."


@dataclass(frozen=True, slots=True)
class NewTask:
    """One task of the input. `dependencies` are the places of what it names, as they stand in the input."""

    id: str
    has_own_id: bool
    ref: str | None
    values: Values
    parent_ref: str | None
    depends_on_refs: Sequence[str | None] = ()
    depends_on_ids: Sequence[str | None] = ()

    @property
    def name(self) -> str:
        """How a client knows it."""
        return self.ref or self.id


@dataclass(frozen=True, slots=True)
class Need:
    """That one task of the input names another one, and where. It is its parent, or it waits for it."""

    row: int
    needed: int
    path: Path
    is_parent: bool


@dataclass(frozen=True)
class NewTasks:
    """The tasks of an input, how they need each other, and for whom else they wait: (row, id, path)."""

    rows: Rows[NewTask]
    needs: Sequence[Need]
    waits: Sequence[tuple[int, str, Path]]

    @property
    def facts(self) -> dict[str, Any]:
        """What clients call them, where they call any of them something."""
        refs = [task.ref for task in self.rows.rows]
        return {"refs": refs} if any(refs) else {}

    def spread(self, ledger: Ledger) -> None:
        """A task whose parent failed, or one for which it waits, fails too: without it, it would look ready."""
        needing: dict[int, list[Need]] = defaultdict(list)
        for need in self.needs:
            needing[need.needed].append(need)
        failed = [*ledger.failed]
        for place in failed:
            for need in needing[place]:
                if not ledger.has_failed(need.row):
                    ledger.note(need.row, ReferenceRefused(need.path, self.rows.rows[place].name))
                    failed.append(need.row)


def read_new_tasks(reading: Reading, fields: Sequence[Field], *, taken_for_granted: Iterable[str] = ()) -> NewTasks:
    """The tasks of an input. `fields` are what it says of each; what else a task needs is `taken_for_granted`."""
    granted = dict.fromkeys(taken_for_granted)
    needs: list[Need] = []
    waits: list[tuple[int, str, Path]] = []
    fresh = iter(new_ids(min(len(reading.given.get(LIST) or ()), MAX_ROWS)))

    def read(each: Reading) -> NewTask:
        values = read_values(each, fields)
        refuse_missing(each, TASK, {**granted, **values})
        given = each.id("id")
        parent_ref = each.text("parentRef")
        if parent_ref is not None and values.get("parent_task_id") is not None:
            each.refuse("parentRef", ONE_PARENT)
        return NewTask(
            given or next(fresh),
            given is not None,
            each.label("clientRef", longest=MAX_REF),
            values,
            parent_ref,
            _each(each, "dependsOnRefs", read_text),
            _each(each, "dependsOnTaskIds", read_uuid),
        )

    def relate(tasks: Sequence[NewTask], note: Note) -> None:
        _relate(tasks, note, needs, waits)

    rows = read_rows(reading, LIST, read, relate)
    reading.facts.update(NewTasks(rows, (), ()).facts)
    return NewTasks(rows, needs, waits)


def _each(reading: Reading, name: str, read: Callable[[str, Any], T]) -> Sequence[T | None]:
    given = reading.given.get(name) or ()
    if len(given) > MAX_DEPENDENCIES:
        reading.refuse(name, f"{name} has {len(given):,} tasks; at most {MAX_DEPENDENCIES:,} are taken.")
        return ()
    values: list[T | None] = []
    for place, value in enumerate(given):
        try:
            values.append(read(f"{name}[{place}]", value))
        except BadUserInput as error:
            reading.note(InvalidInput((*reading.path_of(name), place), error.message))
            values.append(None)
    return values


def _relate(tasks: Sequence[NewTask], note: Note, needs: list[Need], waits: list[tuple[int, str, Path]]) -> None:
    """Finds whom each task names: another one of the input, by its reference or its id, or one that exists."""
    by_ref, by_id = _directory(tasks, note)
    for place, task in enumerate(tasks):
        if task.parent_ref is not None:
            parent, path = by_ref.get(task.parent_ref), (LIST, place, "parentRef")
            if parent is None:
                note(place, InvalidInput(path, REF_UNKNOWN))
        else:
            parent, path = by_id.get(task.values.get("parent_task_id")), (LIST, place, "parentTaskId")
        if parent is not None:
            needs.append(Need(place, parent, path, is_parent=True))
        seen: set[int | str | None] = {None}
        for awaited, path_of in _awaited(task, place, by_ref, by_id):
            if awaited in seen:
                note(place, InvalidInput(path_of, REF_UNKNOWN if awaited is None else TWICE))
            elif isinstance(awaited, int):
                needs.append(Need(place, awaited, path_of, is_parent=False))
            elif awaited is not None:
                waits.append((place, awaited, path_of))
            seen.add(awaited)
    for is_parent in (True, False):
        _refuse_circles(tasks, [need for need in needs if need.is_parent is is_parent], note)


def _directory(tasks: Sequence[NewTask], note: Note) -> tuple[Mapping[str, int], Mapping[str | None, int]]:
    """The places of tasks by their references, and by the ids that clients chose. Of two of one name the first counts."""
    by_ref: dict[str, int] = {}
    by_id: dict[str | None, int] = {}
    for place, task in enumerate(tasks):
        if task.ref is not None and by_ref.setdefault(task.ref, place) != place:
            note(place, InvalidInput((LIST, place, "clientRef"), REF_TAKEN))
        if task.has_own_id and by_id.setdefault(task.id, place) != place:
            note(place, InvalidInput((LIST, place, "id"), ID_TAKEN))
    return by_ref, by_id


def _awaited(
    task: NewTask, place: int, by_ref: Mapping[str, int], by_id: Mapping[str | None, int]
) -> Iterator[tuple[int | str | None, Path]]:
    """For whom a task waits: a place in the input, the id of a task that exists, or None for a name that nobody has."""
    for step, ref in enumerate(task.depends_on_refs):
        if ref is not None:
            yield by_ref.get(ref), (LIST, place, "dependsOnRefs", step)
    for step, task_id in enumerate(task.depends_on_ids):
        if task_id is not None:
            yield by_id.get(task_id, task_id), (LIST, place, "dependsOnTaskIds", step)


def _refuse_circles(tasks: Sequence[NewTask], needs: Sequence[Need], note: Note) -> None:
    """Notes each circle at the first of its rows. The others fail with it, since they need it."""
    needed: dict[int, list[int]] = defaultdict(list)
    paths: dict[tuple[int, int], Path] = {}
    for need in needs:
        needed[need.row].append(need.needed)
        paths[need.row, need.needed] = need.path
    for circle in circles(needed):
        turned = _from_the_first(circle)
        path = paths[turned[0], turned[1]]
        note(turned[0], ReferenceCycle(path, tuple(tasks[place].name for place in turned)))


def _from_the_first(circle: Sequence[int]) -> Sequence[int]:
    rows = circle[:-1]
    first = rows.index(min(rows))
    return [*rows[first:], *rows[:first], rows[first]]

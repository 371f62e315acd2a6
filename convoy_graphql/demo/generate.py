"""Workspaces put together from `vocabulary`: as many as wanted, every count exact, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from convoy_graphql.demo import knowledge, vocabulary
from convoy_graphql.demo.ids import chance
from convoy_graphql.demo.story import (
    BLOCKED,
    CANCELLED,
    DONE,
    IN_PROGRESS,
    IN_REVIEW,
    TERMINAL,
    TODO,
    Happening,
    Milestone,
    Pattern,
    Practice,
    Project,
    Task,
    Workspace,
    edits,
    moves,
    says,
    waits_for,
)
from convoy_graphql.demo.workflows import workflow_of

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

#: Patterns and practices that each workspace and each project has of its own.
WORKSPACE_KNOWLEDGE = (3, 3)
PROJECT_KNOWLEDGE = (2, 1)
MEMBERS = 9

#: Of ten projects, how many milestones are complete in each; in the next one work goes on. Eight of eight: the project is over.
_FRONTS = (3, 1, 5, 2, 8, 4, 0, 3, 6, 2)
_ON_HOLD = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """How much to make. `dependencies` is per milestone, `activities` per workspace; the others are per parent."""

    workspaces: int
    projects: int = 10
    milestones: int = 8
    tasks: int = 25
    dependencies: int = 46
    activities: int = 10_000

    def counts(self) -> dict[str, int]:
        """Rows per table, exactly, of the workspaces alone."""
        projects = self.workspaces * self.projects
        milestones = projects * self.milestones
        known = [
            self.workspaces * here + projects * there
            for here, there in zip(WORKSPACE_KNOWLEDGE, PROJECT_KNOWLEDGE, strict=True)
        ]
        return {
            "workspaces": self.workspaces,
            "workspace_members": self.workspaces * MEMBERS,
            "projects": projects,
            "milestones": milestones,
            "tasks": milestones * self.tasks,
            "task_dependencies": milestones * self.dependencies,
            "activity_feed": self.workspaces * self.activities,
            "patterns": known[0],
            "best_practices": known[1],
        }


@dataclass(slots=True)
class _Draft:
    """A task in the making. `ancestors` are drafts above it, the nearest last."""

    key: str
    title: str
    part: str
    by: str
    lead: str
    ancestors: tuple[_Draft, ...]
    needs: list[_Draft] = field(default_factory=list)
    children: list[_Draft] = field(default_factory=list)
    status: str = ""
    workflow: str | None = None
    log: list[Happening] = field(default_factory=list)
    description: str | None = None


def workspaces(prefix: str, shape: Shape) -> Iterator[Workspace]:
    """The workspaces of `shape`, one at a time. Their keys are `prefix`-1 and so on."""
    for number in range(shape.workspaces):
        yield _workspace(f"{prefix}-{number + 1}", number, shape)


def milestone_key(project: int, milestone: int) -> str:
    """The key of a milestone, counted from 1. Its tasks' keys are this with `-t1` and so on."""
    return f"p{project}-m{milestone}"


def _workspace(key: str, number: int, shape: Shape) -> Workspace:
    dice = chance("generate", key)
    name, description = vocabulary.COMPANIES[number % len(vocabulary.COMPANIES)]
    people = [*dice.sample(vocabulary.PEOPLE, MEMBERS - 2), *dice.sample(vocabulary.AGENTS, 2)]
    kinds = dice.sample(vocabulary.PROJECTS, shape.projects)
    drafts: list[_Draft] = []
    projects = []
    for position, kind in enumerate(kinds):
        projects.append(_project(dice, position, kind, people=people, shape=shape, drafts=drafts))
    _fill_logs(dice, drafts, people, shape.activities - len(drafts))
    patterns, practices = _knowledge(dice, name, WORKSPACE_KNOWLEDGE)
    return Workspace(
        key,
        name,
        description,
        {person: ("owner", "admin")[rank] if rank < 2 else "member" for rank, person in enumerate(people)},
        tuple(
            replace(project, milestones=tuple(replace(milestone, tasks=_tasks(roots)) for milestone, roots in told))
            for project, told in projects
        ),
        patterns,
        practices,
    )


def _project(
    dice: random.Random,
    position: int,
    kind: tuple[str, str, tuple[str, ...]],
    *,
    people: Sequence[str],
    shape: Shape,
    drafts: list[_Draft],
) -> tuple[Project, list[tuple[Milestone, list[_Draft]]]]:
    name, does, parts = kind
    front = min(_FRONTS[position % len(_FRONTS)], shape.milestones)
    titles = dice.sample(
        [(title, part) for title in vocabulary.TITLES for part in parts], shape.milestones * shape.tasks
    )
    told = []
    before: list[_Draft] = []
    for number, (opens, due) in enumerate(_calendar(dice, front, shape.milestones)):
        lead = dice.choice(people[:4])
        here = _skeleton(
            dice, milestone_key(position + 1, number + 1), titles[number :: shape.milestones], lead, people
        )
        _depend(dice, here, before, shape.dependencies)
        _settle(dice, here, len(here) if number < front else dice.randint(6, 14) if number == front else 0)
        phase, promise = vocabulary.MILESTONES[number % len(vocabulary.MILESTONES)]
        part = parts[number % len(parts)]
        sentence = _fill(promise, part, dice)
        told.append(
            (
                Milestone(
                    milestone_key(position + 1, number + 1),
                    f"{phase}: {part}",
                    "COMPLETED" if number < front else "IN_PROGRESS" if number == front else "PLANNED",
                    opens,
                    due,
                    sentence[0].upper() + sentence[1:],
                    "## Done when\n\n"
                    + "".join(f"- {_fill(proof, part, dice)}\n" for proof in dice.sample(vocabulary.PROOFS, 3)),
                    lead,
                ),
                [draft for draft in here if not draft.ancestors],
            )
        )
        drafts += here
        before = here
    patterns, practices = _knowledge(dice, name, PROJECT_KNOWLEDGE)
    overview = f"# {name}\n\n{does}\n\n## What it is about\n\n" + "".join(f"- {part}\n" for part in parts)
    status = "COMPLETED" if front == shape.milestones else "ON_HOLD" if position == _ON_HOLD else "ACTIVE"
    return Project(
        f"p{position + 1}", name, does, overview, dice.choice(vocabulary.STACKS), (), status, patterns, practices
    ), told


def _calendar(dice: random.Random, front: int, count: int) -> list[tuple[float, float]]:
    """(opens, due) of each milestone: complete ones one after another in the past, then the present one, then plans."""
    opens = -dice.uniform(8, 20)
    days: list[tuple[float, float]] = []
    for _ in range(front):
        opens, due = opens - dice.uniform(10, 24), opens
        days.insert(0, (opens, due - 0.5))
    due = dice.uniform(-4, 15)
    days.append((days[-1][1] + 0.5 if days else -dice.uniform(8, 20), due))
    while len(days) < count:
        due += dice.uniform(10, 24)
        days.append((-dice.uniform(2, 7), due))
    return days[:count]


def _skeleton(
    dice: random.Random, milestone: str, titles: Sequence[tuple[str, str]], lead: str, people: Sequence[str]
) -> list[_Draft]:
    """Tasks and subtasks in reading order, a third of them subtasks, some of those with subtasks of their own."""
    drafts: list[_Draft] = []
    above: tuple[_Draft, ...] = ()
    for number, (title, part) in enumerate(titles, start=1):
        draft = _Draft(f"{milestone}-t{number}", title.format(part=part), part, dice.choice(people), lead, above)
        if above:
            above[-1].children.append(draft)
        if dice.random() < 0.15:
            draft.workflow = dice.choice(("incident", "decision", "decision"))
        if dice.random() < 0.8:
            proofs = dice.sample(vocabulary.PROOFS, dice.choice((1, 2, 2, 3)))
            draft.description = (
                _fill(dice.choice(vocabulary.REASONS), part, dice)
                + "\n\nDone when:\n\n"
                + "".join(f"- {_fill(proof, part, dice)}\n" for proof in proofs)
            )
        drafts.append(draft)
        if len(above) < 2 and dice.random() < 0.18:
            above = (*above, draft)
        elif above and dice.random() < 0.5:
            above = above[: dice.randrange(len(above))]
    return drafts


def _depend(dice: random.Random, here: Sequence[_Draft], before: Sequence[_Draft], count: int) -> None:
    """Let tasks wait for earlier ones, most of them near, one in ten in the milestone before. Exactly `count` times."""
    made = 0
    while made < count:
        position = dice.randrange(1, len(here))
        draft = here[position]
        if before and dice.random() < 0.1:
            other = dice.choice(before)
        else:
            other = here[max(0, position - 1 - int(dice.expovariate(0.2)))]
        if other not in draft.ancestors and all(other is not need for need in draft.needs) and len(draft.needs) < 6:
            draft.needs.append(other)
            made += 1


def _settle(dice: random.Random, here: Sequence[_Draft], front: int) -> None:
    """Give each task a status that agrees with what it waits for: the first `front` ones are over if they can be."""
    for position, draft in enumerate(here):
        if draft.children:
            continue
        if front == 0 or any(_waits(each) for each in (draft, *draft.ancestors)):
            draft.status = BLOCKED if front and _waits(draft) and dice.random() < 0.3 else TODO
        elif position < front:
            draft.status = DONE if dice.random() < 0.95 else CANCELLED
        else:
            draft.status = dice.choices((IN_PROGRESS, IN_REVIEW, TODO), (4, 2, 3))[0]
    for draft in here:
        _status(draft)
        _course(draft)


def _waits(draft: _Draft) -> bool:
    return any(_status(need) not in TERMINAL for need in draft.needs)


def _status(draft: _Draft) -> str:
    """The draft's status; a parent's follows from its subtasks', which come before anything that waits for the parent."""
    if not draft.status:
        below = {_status(child) for child in draft.children}
        if _waits(draft):
            draft.status = TODO
        elif below <= TERMINAL:
            draft.status = DONE
        else:
            draft.status = TODO if below <= {TODO, BLOCKED} else IN_PROGRESS
    return draft.status


def _course(draft: _Draft) -> None:
    workflow = workflow_of(draft.workflow)
    for origin, stage in workflow.way_to(workflow.where[draft.status]):
        draft.log.append(moves(draft.lead if workflow.is_checkpoint(origin) else draft.by, stage))


def _fill_logs(dice: random.Random, drafts: Sequence[_Draft], people: Sequence[str], room: int) -> None:
    """Bring the logs to `room` lines altogether, with what people said, changed, and found to depend on each other.

    Raises:
        ValueError: the stages alone need more room than that.
    """
    room -= sum(len(draft.log) for draft in drafts)
    if room < 0:
        raise ValueError(f"{-room} activities too few for the stages that the tasks went through")
    lively = [draft for draft in drafts if draft.status != TODO or dice.random() < 0.3]
    while room > 0:
        draft = dice.choice(lively)
        unsaid = [need for need in draft.needs if all(line.detail != need.key for line in draft.log)]
        kind = dice.random()
        if unsaid and kind < 0.4:
            draft.log.insert(0, waits_for(draft.lead, unsaid[0].key))
        elif kind < 0.85:
            who = draft.by if dice.random() < 0.6 else dice.choice(people)
            line = says(who, _fill(dice.choice(vocabulary.COMMENTS), draft.part, dice))
            draft.log.insert(dice.randint(0, len(draft.log)), line)
        else:
            draft.log.insert(
                dice.randint(0, len(draft.log)), edits(draft.by, dice.choice(("description", "title", "status")))
            )
        room -= 1


def _tasks(drafts: Sequence[_Draft]) -> tuple[Task, ...]:
    return tuple(
        Task(
            draft.key,
            draft.title,
            draft.status,
            draft.description,
            draft.by,
            workflow=draft.workflow,
            needs=tuple(need.key for need in draft.needs),
            log=tuple(draft.log),
            subtasks=_tasks(draft.children),
            quiet=True,
        )
        for draft in drafts
    )


def _knowledge(
    dice: random.Random, owner: str, count: tuple[int, int]
) -> tuple[tuple[Pattern, ...], tuple[Practice, ...]]:
    """Knowledge of one scope. Much of it has the name and type of something global, which it shadows."""
    patterns = dice.sample(
        (*knowledge.GLOBAL_PATTERNS, *knowledge.GRAPH_API_PATTERNS[1:], *knowledge.SCHEDULING_PATTERNS), count[0]
    )
    practices = dice.sample((*knowledge.GLOBAL_PRACTICES, *knowledge.TRACKING_PRACTICES), count[1])
    return (
        tuple(
            replace(each, description=f"{owner}: {each.description}", content={**each.content, "owner": owner})
            for each in patterns
        ),
        tuple(
            replace(each, description=f"{owner}: {each.description}", content={**each.content, "owner": owner})
            for each in practices
        ),
    )


def _fill(sentence: str, part: str, dice: random.Random) -> str:
    return sentence.format(part=part, n=dice.choice((3, 7, 12, 18, 24, 40, 65, 90, 140, 210)))

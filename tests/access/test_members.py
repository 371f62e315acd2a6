"""Who belongs to a workspace, who acts, and what a role may not do: through the API."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from asking import Asking
from tenants import ROLES, World, user

from client import GraphClient
from convoy_graphql.domain import permission
from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE, Viewer
from convoy_graphql.settings import Settings

#: Mutations are written in one way; what they show is read in two, which the graph's own tests compare.
ENGINES = ("compiled",)

VIEWER = "{ viewer { userId role memberships { role workspace { id name } } } }"


async def roles_of(writer: asyncpg.Connection, workspace: UUID) -> dict[UUID, str]:
    rows = await writer.fetch("select user_id, role from workspace_members where workspace_id = $1", workspace)
    return {row["user_id"]: row["role"] for row in rows}


# Who asks


async def test_the_viewer_is_who_the_token_says(asking: Asking, here: World) -> None:
    member = here.ours.users["member"]
    belongs = [{"role": "member", "workspace": {"id": str(here.ours.workspace), "name": "Ours workspace"}}]

    assert (await asking.ask(None, VIEWER)).data == {"viewer": None}
    assert (await asking.ask(ANONYMOUS, VIEWER)).data == {"viewer": {"userId": None, "role": "anon", "memberships": []}}
    assert (await asking.ask(member, VIEWER)).data["viewer"] == {
        "userId": str(member),
        "role": "authenticated",
        "memberships": belongs,
    }
    assert (await asking.ask(here.stranger, VIEWER)).data["viewer"]["memberships"] == []
    assert (await asking.ask(SERVICE, VIEWER)).data["viewer"]["role"] == "service_role"


async def test_who_creates_a_workspace_owns_it(asking: Asking, writer: asyncpg.Connection) -> None:
    founder, workspace = uuid4(), uuid4()
    shows = "workspace { id name members { nodes { userId role } } }"
    made = await asking.change(
        founder, "createWorkspace", shows, id=workspace, name="Quay", description="Where ships lie"
    )
    upserted = await asking.change(founder, "upsertWorkspace", "created", id=uuid4(), name="Pier")
    scalars = await asking.change(founder, "createWorkspace", "workspace { name description }", name="Dock")

    assert made.payload["errors"] == []
    assert made.payload["workspace"]["members"]["nodes"] == [{"userId": str(founder), "role": "owner"}]
    assert upserted.payload == {"created": True, "errors": []}
    assert scalars.payload["workspace"] == {"name": "Dock", "description": None}
    assert {founder: "owner"} == await roles_of(writer, workspace)


async def test_the_service_founds_a_workspace_that_nobody_owns_yet(asking: Asking, writer: asyncpg.Connection) -> None:
    workspace, owner = uuid4(), uuid4()
    made = await asking.change(SERVICE, "createWorkspace", "workspace { id }", id=workspace, name="Quay")
    added = await asking.change(SERVICE, "addWorkspaceMember", workspaceId=workspace, userId=owner, role="OWNER")

    assert [] == made.codes + added.codes
    assert {owner: "owner"} == await roles_of(writer, workspace)


# Managing members


async def test_an_admin_adds_somebody_who_then_sees_the_workspace(asking: Asking, here: World) -> None:
    new, ours = uuid4(), here.ours
    shows = "member { id userId role workspace { id } }"
    added = await asking.change(
        ours.users["admin"], "addWorkspaceMember", shows, workspaceId=ours.workspace, userId=new, role="MEMBER"
    )
    again = await asking.change(
        ours.users["admin"], "addWorkspaceMember", workspaceId=ours.workspace, userId=new, role="VIEWER"
    )
    seen = await asking.ask(new, VIEWER)

    assert added.payload["member"] == {
        "id": added.payload["member"]["id"],
        "userId": str(new),
        "role": "member",
        "workspace": {"id": str(ours.workspace)},
    }
    assert ["ALREADY_EXISTS"] == again.codes
    assert [{"role": "member", "workspace": {"id": str(ours.workspace), "name": "Ours workspace"}}] == seen.data[
        "viewer"
    ]["memberships"]


async def test_a_member_who_is_removed_sees_nothing_from_then_on(asking: Asking, here: World) -> None:
    ours = here.ours
    member, task = ours.users["member"], "query($id: ID!) { task(id: $id) { title } }"
    before = await asking.ask(member, task, id=ours.task)
    removed = await asking.change(
        ours.users["admin"], "removeWorkspaceMember", "deletedId", id=ours.memberships["member"]
    )
    after = await asking.ask(member, task, id=ours.task)

    assert {"title": "Ours task"} == before.data["task"]
    assert {"deletedId": str(ours.memberships["member"]), "errors": []} == removed.payload
    assert {"task": None} == after.data


async def test_everybody_leaves_but_the_last_owner(asking: Asking, here: World, writer: asyncpg.Connection) -> None:
    ours = here.ours
    for role in ("viewer", "member", "admin"):
        left = await asking.change(ours.users[role], "leaveWorkspace", "deletedId", workspaceId=ours.workspace)
        assert {"deletedId": str(ours.memberships[role]), "errors": []} == left.payload
    last = await asking.change(ours.users["owner"], "leaveWorkspace", "deletedId", workspaceId=ours.workspace)
    demoted = await asking.change(
        ours.users["owner"], "changeWorkspaceMemberRole", id=ours.memberships["owner"], role="ADMIN"
    )
    removed = await asking.change(ours.users["owner"], "removeWorkspaceMember", id=ours.memberships["owner"])

    assert ["LAST_OWNER"] == last.codes == demoted.codes == removed.codes
    assert "LastOwnerError" == last.error["__typename"]
    assert {ours.users["owner"]: "owner"} == await roles_of(writer, ours.workspace)


async def test_what_a_role_may_not_do_with_members_is_told_with_the_role_that_may(asking: Asking, here: World) -> None:
    ours, new = here.ours, uuid4()

    async def refused(who: str, mutation: str, **values: Any) -> tuple[str, str, list[str]]:
        error = (await asking.change(ours.users[who], mutation, **values)).error
        return error["code"], error.get("needs"), error["field"]

    add = {"workspaceId": ours.workspace, "userId": new}
    for who in ("viewer", "member"):
        assert ("FORBIDDEN", "admin", []) == await refused(who, "addWorkspaceMember", **add, role="VIEWER")
        assert ("FORBIDDEN", "admin", ["id"]) == await refused(
            who, "changeWorkspaceMemberRole", id=ours.memberships["viewer"], role="ADMIN"
        )
        assert ("FORBIDDEN", "admin", ["id"]) == await refused(
            who, "removeWorkspaceMember", id=ours.memberships["admin"]
        )
    assert ("FORBIDDEN", "owner", ["role"]) == await refused("admin", "addWorkspaceMember", **add, role="OWNER")
    assert ("FORBIDDEN", "owner", ["role"]) == await refused(
        "admin", "changeWorkspaceMemberRole", id=ours.memberships["admin"], role="OWNER"
    )
    assert ("FORBIDDEN", "owner", ["id"]) == await refused(
        "admin", "changeWorkspaceMemberRole", id=ours.memberships["owner"], role="VIEWER"
    )
    assert ("FORBIDDEN", "owner", ["id"]) == await refused(
        "admin", "removeWorkspaceMember", id=ours.memberships["owner"]
    )


async def test_of_two_owners_who_leave_at_once_one_stays(
    database: str, here: World, writer: asyncpg.Connection
) -> None:
    opened = [Database(database, Settings()) for _ in range(2)]
    pair = [Asking(GraphClient(each, "compiled")) for each in opened]
    for turn in range(9):
        owners = [uuid4(), uuid4()]
        workspace = await writer.fetchval("insert into workspaces (name) values ('Quay') returning id")
        ids = [
            await writer.fetchval(
                "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'owner') returning id",
                workspace, owner,
            )
            for owner in owners
        ]  # fmt: skip
        ways: list[tuple[str, dict[str, Any]]] = [
            ("leaveWorkspace", {"workspaceId": workspace}),
            ("removeWorkspaceMember", {"id": ids[1]}),
            ("changeWorkspaceMemberRole", {"id": ids[1], "role": "VIEWER"}),
        ]
        first = ("leaveWorkspace", {"workspaceId": workspace})
        # The other one leaves, too; or is removed, or made a viewer, by the one who leaves at that moment.
        second, who = ways[turn % 3], owners[1] if turn % 3 == 0 else owners[0]
        done = await asyncio.gather(
            pair[0].change(owners[0], first[0], **first[1]), pair[1].change(who, second[0], **second[1])
        )
        codes = [code for change in done for code in change.codes]

        assert 1 <= list((await roles_of(writer, workspace)).values()).count("owner"), (second, codes)
        assert set(codes) <= {"LAST_OWNER", "NOT_FOUND", "FORBIDDEN", "CONTENTION"}
        assert 1 == len(codes)
    for each in opened:
        await each.close()


# Who acts


async def test_the_actor_is_who_is_signed_in(asking: Asking, here: World, writer: asyncpg.Connection) -> None:
    ours, member = here.ours, here.ours.users["member"]
    shows = "activities { actorId activityType }"
    done = await asking.change(member, "updateTask", shows, id=ours.task, title="Said")
    same = await asking.change(member, "updateTask", shows, id=ours.task, title="Said again", actorId=member)
    claimed = await asking.change(member, "claimTask", "claim { actorId }", taskId=ours.task)
    other = await asking.change(member, "updateTask", id=ours.task, title="Lied", actorId=ours.users["owner"])
    service = await asking.change(SERVICE, "updateTask", shows, id=ours.task, title="Told", actorId=ours.users["owner"])

    assert [{"actorId": str(member), "activityType": "TASK_UPDATED"}] == done.payload["activities"]
    assert [{"actorId": str(member), "activityType": "TASK_UPDATED"}] == same.payload["activities"]
    assert ["CLAIM_REFUSED"] == claimed.codes  # the fixture's own claim holds
    assert ("INVALID_INPUT", ["actorId"]) == (other.error["code"], other.error["field"])
    assert str(ours.users["owner"]) == service.payload["activities"][0]["actorId"]
    assert "Told" == await writer.fetchval("select title from tasks where id = $1", ours.task)


async def test_a_claim_is_the_claimers_own(asking: Asking, here: World, writer: asyncpg.Connection) -> None:
    ours, member = here.ours, here.ours.users["member"]
    await writer.execute("delete from task_claims where id = $1", ours.claim)
    claimed = await asking.change(member, "claimTask", "claim { id actorId }", taskId=ours.task)
    claim = claimed.payload["claim"]
    refused = await asking.change(ours.users["viewer"], "renewClaim", claimId=claim["id"])
    hidden = await asking.change(here.stranger, "releaseClaim", claimId=claim["id"])
    missing = await asking.change(here.stranger, "releaseClaim", claimId=uuid4())
    renewed = await asking.change(member, "renewClaim", "claim { id }", claimId=claim["id"])

    assert str(member) == claim["actorId"]
    assert ["FORBIDDEN"] == refused.codes
    assert ["CLAIM_LOST"] == hidden.codes == missing.codes
    assert hidden.error["message"] == missing.error["message"]
    assert claim["id"] == renewed.payload["claim"]["id"]


async def test_nobody_changes_anything_without_a_token(asking: Asking, here: World, writer: asyncpg.Connection) -> None:
    for mutation, values in {
        "updateTask": {"id": here.ours.task, "title": "Said"},
        "createWorkspace": {"name": "Q"},
    }.items():
        change = await asking.change(ANONYMOUS, mutation, **values)
        assert ["UNAUTHENTICATED"] == change.codes
        assert change.payload is None

    assert "Ours task" == await writer.fetchval("select title from tasks where id = $1", here.ours.task)


async def test_a_key_belongs_to_who_sent_it(asking: Asking, here: World) -> None:
    ours = here.ours
    send = {"workspaceId": ours.workspace, "name": "Quay", "idempotencyKey": "k"}
    first = await asking.change(ours.users["member"], "createProject", "project { id } replayed", **send)
    again = await asking.change(ours.users["member"], "createProject", "project { id } replayed", **send)
    other = await asking.change(ours.users["owner"], "createProject", "project { id } replayed", **send)
    stranger = await asking.change(here.stranger, "createProject", "project { id } replayed", **send)

    assert (first.payload["project"], True) == (again.payload["project"], again.payload["replayed"])
    assert not other.payload["replayed"]
    assert other.payload["project"] != first.payload["project"]
    assert (["NOT_FOUND"], None, False) == (stranger.codes, stranger.payload["project"], stranger.payload["replayed"])


async def test_who_lost_a_workspace_is_shown_nothing_of_a_change_that_is_answered_again(
    asking: Asking, here: World, writer: asyncpg.Connection
) -> None:
    ours, member = here.ours, here.ours.users["member"]
    send = {"id": ours.task, "title": "Said", "idempotencyKey": "k"}
    shows = "task { title milestone { name } } activities { details } replayed"
    await asking.change(member, "updateTask", shows, **send)
    await writer.execute("delete from workspace_members where id = $1", ours.memberships["member"])
    again = await asking.change(member, "updateTask", shows, **send)

    assert {"task": None, "activities": [], "replayed": True, "errors": []} == again.payload


# What a role may not do


async def test_only_an_owner_forces_a_stage(asking: Asking, here: World, writer: asyncpg.Connection) -> None:
    ours = here.ours
    stages = '[{"name": "PLAN", "order": 1}, {"name": "DO", "order": 2}, {"name": "DONE", "order": 3}]'
    workflow = await writer.fetchval("insert into workflows (name, stages) values ('W', $1) returning id", stages)
    await writer.execute("update tasks set workflow_id = $1 where id = $2", workflow, ours.task)
    force = {"taskId": ours.task, "to": "DONE", "force": True}
    for role in ("member", "admin"):
        refused = await asking.change(ours.users[role], "transitionTaskStage", **force)
        assert ("FORBIDDEN", "owner", ["force"]) == (
            refused.error["code"], refused.error["needs"], refused.error["field"],
        )  # fmt: skip
    forced = await asking.change(ours.users["owner"], "transitionTaskStage", "task { currentStage }", **force)
    # Where the workflow leads there anyway, nothing is forced.
    back = await asking.change(
        ours.users["member"], "transitionTaskStage", "task { currentStage }", taskId=ours.task, to="DO", force=True
    )

    assert {"task": {"currentStage": "DONE"}, "errors": []} == forced.payload
    assert {"task": {"currentStage": "DO"}, "errors": []} == back.payload


def changes(world: World, free: list[UUID]) -> dict[str, dict[str, Any]]:
    """A change of each kind, of what is in `ours`, where tasks that are `free` are ready."""
    ours = world.ours
    named = {
        "Workspace": ours.workspace, "Project": ours.project, "Milestone": ours.milestone, "Task": ours.subtask,
        "Pattern": ours.pattern, "BestPractice": ours.project_practice, "Workflow": world.workflow,
    }  # fmt: skip
    return {
        **{f"update{kind}": {"id": row_id, "description": "Said"} for kind, row_id in named.items() if kind != "BestPractice"},
        **{f"upsert{kind}": {"id": row_id, "description": "Said so"} for kind, row_id in named.items() if kind != "BestPractice"},
        "upsertBestPractice": {"id": ours.project_practice, "name": "Said so"},
        "createBestPractice": {"projectId": ours.project, "name": "N", "category": "Any", "content": {}},
        "addTaskActivity": {"taskId": ours.task, "activityType": "SEEN"},
        "transitionTaskStage": {"taskId": free[1], "to": "DO"},
        "renewClaim": {"claimId": ours.claim},
        "releaseClaim": {"claimId": ours.claim},
        "updateBestPractice": {"id": ours.project_practice, "name": "Said"},
        "createProject": {"workspaceId": ours.workspace, "name": "New"},
        "createMilestone": {"projectId": ours.project, "name": "New"},
        "createTask": {"milestoneId": ours.milestone, "title": "New"},
        "createTasks": {"tasks": [{"milestoneId": str(ours.milestone), "title": "New"}]},
        "createPattern": {"workspaceId": ours.workspace, "name": "N", "patternType": "Any", "content": {}},
        "createWorkflow": {"name": "New", "stages": ["PLAN"]},
        "addTaskComment": {"taskId": ours.task, "text": "Said"},
        "claimTask": {"taskId": free[0]},
        "claimNextTask": {"projectId": ours.project},
        "updateTasks": {"tasks": [{"id": str(ours.task), "title": "Said"}]},
        "deleteTasks": {"tasks": [{"id": str(free[0])}]},
        "importMilestone": {"milestoneId": ours.milestone, "tasks": [{"title": "New"}]},
        "setTaskDependencies": {"taskId": ours.subtask, "dependsOnTaskIds": [str(ours.task)]},
        "setTaskStatus": {"taskId": ours.task, "status": "BLOCKED"},
        "removeTaskDependency": {"taskId": ours.subtask, "dependsOnTaskId": ours.task},
        "addTaskDependency": {"taskId": ours.subtask, "dependsOnTaskId": ours.task},
        "moveTask": {"taskId": ours.subtask, "parentTaskId": None},
        "deleteTask": {"id": ours.subtask},
        "deletePattern": {"id": ours.pattern},
        "deleteBestPractice": {"id": ours.project_practice},
        "deleteMilestone": {"id": ours.milestone},
        "deleteProject": {"id": ours.project},
        "deleteWorkflow": {"id": world.workflow},
        "deleteWorkspace": {"id": ours.workspace},
    }  # fmt: skip


async def test_a_change_needs_the_role_that_its_description_says(asking: Asking, here: World) -> None:
    """Those with less are told so, and nothing changes; the first with as much may."""
    ranks = [*ROLES, "service_role"]
    viewers: dict[str, Viewer] = {**{role: user(here.ours.users[role]) for role in ROLES}, "service_role": SERVICE}
    free = [uuid4() for _ in range(3)]
    for task in free:
        new = {"id": task, "milestoneId": here.ours.milestone, "title": "Free", "workflowId": here.workflow}
        assert [] == (await asking.change(SERVICE, "createTask", **new)).codes
    mutations = changes(here, free)
    mutation_type: Any = executable_schema().mutation_type
    elsewhere = {
        "createWorkspace",
        "leaveWorkspace",
        *(name for name in mutation_type.fields if "WorkspaceMember" in name),
    }
    assert set(mutation_type.fields) == elsewhere | set(mutations), "say above how it is made"
    for mutation, values in mutations.items():
        needs = permission.needed(mutation)
        assert needs in permission.said(mutation)
        for rank in ranks[: ranks.index(needs)]:
            refused = await asking.change(viewers[rank], mutation, **values)
            assert refused.payload is not None, (mutation, rank, refused.answer.errors)
            told = {(error["code"], error.get("needs")) for error in refused.payload["errors"]}
            assert {("FORBIDDEN", needs)} == told, (mutation, rank)
        done = await asking.change(viewers[needs], mutation, **values)
        assert [] == done.codes, (mutation, needs, done.payload, done.answer.errors)


async def test_what_is_global_is_written_by_the_service_alone(asking: Asking, here: World) -> None:
    owner = here.ours.users["owner"]
    pattern = {"name": "N", "patternType": "Any", "content": {}}
    created = await asking.change(owner, "createPattern", **pattern)
    changed = await asking.change(owner, "updatePattern", id=here.global_pattern, name="Mine")
    freed = await asking.change(owner, "updatePattern", id=here.ours.pattern, workspaceId=None)
    service = await asking.change(SERVICE, "createPattern", **pattern)

    assert ("FORBIDDEN", "service_role") == (created.error["code"], created.error["needs"])
    assert ["FORBIDDEN"] == changed.codes == freed.codes
    assert [] == service.codes


async def test_an_id_that_is_taken_elsewhere_is_told_as_taken_and_no_more(
    asking: Asking, here: World, writer: asyncpg.Connection
) -> None:
    ours, theirs = here.ours, here.theirs
    owner = ours.users["owner"]
    for mutation in ("createTask", "upsertTask"):
        hidden = await asking.change(owner, mutation, id=theirs.task, milestoneId=ours.milestone, title="Mine")
        assert ["ALREADY_EXISTS"] == hidden.codes
    for mutation in ("createWorkspace", "upsertWorkspace"):
        hidden = await asking.change(owner, mutation, id=theirs.workspace, name="Mine")
        assert ["ALREADY_EXISTS"] == hidden.codes

    assert "Theirs task" == await writer.fetchval("select title from tasks where id = $1", theirs.task)
    assert ours.users["owner"] not in await roles_of(writer, theirs.workspace)

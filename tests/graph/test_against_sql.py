"""The four queries that the project is measured by, against SQL written by hand that knows nothing of the model."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from client import GraphClient

TREE = """
query Tree($id: ID!) {
  workspace(id: $id) {
    id name
    projects(orderBy: [{field: NAME, direction: ASC}]) {
      totalCount
      nodes { id name status techStack
        milestones(orderBy: [{field: TARGET_DATE, direction: ASC, nulls: LAST}]) {
          nodes { id name status targetDate
            tasks(first: 50, filter: {parentTaskId: {isNull: true}}, orderBy: [{field: CREATED_AT, direction: ASC}]) {
              totalCount
              pageInfo { hasNextPage endCursor }
              nodes { id title status currentStage isBlocked isReady createdAt
                subtasks { nodes { id title status } }
                dependencies { nodes { id title status } }
                blockedBy { totalCount } } } } } } } } }
"""

TREE_SQL = """
with open_task as (
    select id from tasks where coalesce(status, '') not in ('DONE', 'COMPLETED', 'CANCELLED', 'CANCELED')
),
open_blocker as (
    select task_id, depends_on_task_id as id from task_dependencies join open_task on open_task.id = depends_on_task_id
),
task_json as (
    select task.id, task.milestone_id, task.created_at,
           json_build_object(
               'id', task.id, 'title', task.title, 'status', task.status, 'currentStage', task.current_stage,
               'isBlocked', task.id in (select task_id from open_blocker),
               'isReady', task.id in (select id from open_task)
                          and task.id not in (select task_id from open_blocker)
                          and not exists (select from tasks as sub join open_task using (id) where sub.parent_task_id = task.id),
               'createdAt', task.created_at,
               'subtasks', json_build_object('nodes', coalesce((
                   select json_agg(json_build_object('id', id, 'title', title, 'status', status) order by created_at, id)
                     from tasks as sub where sub.parent_task_id = task.id), '[]')),
               'dependencies', json_build_object('nodes', coalesce((
                   select json_agg(json_build_object('id', needed.id, 'title', needed.title, 'status', needed.status)
                                   order by needed.created_at, needed.id)
                     from task_dependencies as link join tasks as needed on needed.id = link.depends_on_task_id
                    where link.task_id = task.id), '[]')),
               'blockedBy', json_build_object('totalCount', (select count(*) from open_blocker where task_id = task.id))
           ) as json
      from tasks as task
     where task.parent_task_id is null
)
select json_build_object('workspace', json_build_object('id', workspace.id, 'name', workspace.name, 'projects',
    json_build_object(
        'totalCount', (select count(*) from projects where workspace_id = workspace.id),
        'nodes', (select json_agg(json_build_object(
            'id', project.id, 'name', project.name, 'status', project.status, 'techStack', project.tech_stack,
            'milestones', json_build_object('nodes', (select json_agg(json_build_object(
                'id', milestone.id, 'name', milestone.name, 'status', milestone.status, 'targetDate', milestone.target_date,
                'tasks', json_build_object(
                    'totalCount', (select count(*) from task_json where milestone_id = milestone.id),
                    'pageInfo', json_build_object('hasNextPage', false, 'endCursor', (
                        select id from task_json where milestone_id = milestone.id order by created_at desc, id desc limit 1)),
                    'nodes', (select json_agg(json order by created_at, id) from task_json where milestone_id = milestone.id))
                ) order by milestone.target_date nulls last, milestone.id)
                from milestones as milestone where milestone.project_id = project.id))
            ) order by project.name, project.id)
            from projects as project where project.workspace_id = workspace.id))))
  from workspaces as workspace
 where workspace.name = $1
"""

CONTEXT = """
query Context($id: ID!) {
  task(id: $id) {
    id title description status currentStage
    currentStageDefinition { name description order isCheckpoint }
    workflow { id name stages { name order isCheckpoint } }
    parentTask { id title } ancestors { id title } subtasks { nodes { id title status } }
    dependencies { nodes { id title status } } dependents { nodes { id title status } }
    activities(first: 20, orderBy: [{field: CREATED_AT, direction: DESC}]) { nodes { id activityType actorId details createdAt } }
    effectivePatterns { nodes { id name patternType content scope } }
    effectiveBestPractices { nodes { id name category content scope } }
    milestone { id name requirements project { id name overview techStack workspace { id name } } } } }
"""

CONTEXT_SQL = """
with recursive ancestor as (
    select up.id, up.title, up.parent_task_id, 1 as distance
      from tasks as up join tasks as task on up.id = task.parent_task_id where task.id = $1
    union all
    select up.id, up.title, up.parent_task_id, distance + 1 from tasks as up join ancestor on up.id = ancestor.parent_task_id
),
stage as (
    select task.id as task_id, stage.value ->> 'name' as name, (stage.value ->> 'order')::int as "order",
           stage.value ->> 'description' as description, (stage.value ->> 'is_checkpoint')::boolean as "isCheckpoint"
      from tasks as task
      join workflows as workflow on workflow.id = coalesce(
               task.workflow_id, (select id from workflows where name = 'Standard Development Workflow'))
     cross join jsonb_array_elements(
               case jsonb_typeof(workflow.stages) when 'array' then workflow.stages else workflow.stages -> 'stages' end) as stage
),
brief as (select id, created_at, json_build_object('id', id, 'title', title, 'status', status) as json from tasks),
pattern as (
    select distinct on (pattern.name, pattern_type) pattern.*, case when pattern.project_id is not null then 'PROJECT'
               when pattern.workspace_id is not null then 'WORKSPACE' else 'GLOBAL' end as scope
      from patterns as pattern, tasks as task join milestones as milestone on milestone.id = task.milestone_id
     where task.id = $1
       and (pattern.project_id = milestone.project_id or pattern.workspace_id = task.workspace_id
            or pattern.project_id is null and pattern.workspace_id is null)
     order by pattern.name, pattern_type, pattern.project_id is null, pattern.workspace_id is null
),
practice as (
    select distinct on (practice.name, category) practice.*, case when practice.project_id is not null then 'PROJECT'
               when practice.workspace_id is not null then 'WORKSPACE' else 'GLOBAL' end as scope
      from best_practices as practice, tasks as task join milestones as milestone on milestone.id = task.milestone_id
     where task.id = $1
       and (practice.project_id = milestone.project_id or practice.workspace_id = task.workspace_id
            or practice.project_id is null and practice.workspace_id is null)
     order by practice.name, category, practice.project_id is null, practice.workspace_id is null
)
select json_build_object('task', json_build_object(
    'id', task.id, 'title', task.title, 'description', task.description, 'status', task.status, 'currentStage', task.current_stage,
    'currentStageDefinition', (
        select json_build_object('name', name, 'description', description, 'order', "order", 'isCheckpoint', "isCheckpoint")
          from stage where task_id = task.id and name = task.current_stage),
    'workflow', (
        select json_build_object('id', id, 'name', name, 'stages', (
                   select json_agg(json_build_object('name', name, 'order', "order", 'isCheckpoint', "isCheckpoint") order by "order")
                     from stage where task_id = task.id))
          from workflows where id = coalesce(
               task.workflow_id, (select id from workflows where name = 'Standard Development Workflow'))),
    'parentTask', (select json_build_object('id', id, 'title', title) from ancestor where distance = 1),
    'ancestors', (select coalesce(json_agg(json_build_object('id', id, 'title', title) order by distance), '[]') from ancestor),
    'subtasks', json_build_object('nodes', (
        select coalesce(json_agg(json order by brief.created_at, id), '[]')
          from brief join tasks as sub using (id) where sub.parent_task_id = task.id)),
    'dependencies', json_build_object('nodes', (
        select coalesce(json_agg(json order by brief.created_at, brief.id), '[]')
          from brief join task_dependencies as link on link.depends_on_task_id = brief.id where link.task_id = task.id)),
    'dependents', json_build_object('nodes', (
        select coalesce(json_agg(json order by brief.created_at, brief.id), '[]')
          from brief join task_dependencies as link on link.task_id = brief.id where link.depends_on_task_id = task.id)),
    'activities', json_build_object('nodes', (
        select coalesce(json_agg(json_build_object('id', id, 'activityType', activity_type, 'actorId', actor_id,
                                                   'details', details, 'createdAt', created_at) order by created_at desc, id), '[]')
          from (select * from activity_feed where task_id = task.id order by created_at desc, id limit 20) as latest)),
    'effectivePatterns', json_build_object('nodes', (
        select json_agg(json_build_object('id', id, 'name', name, 'patternType', pattern_type, 'content', content, 'scope', scope)
                        order by array_position(array['PROJECT', 'WORKSPACE', 'GLOBAL'], scope), name, id) from pattern)),
    'effectiveBestPractices', json_build_object('nodes', (
        select json_agg(json_build_object('id', id, 'name', name, 'category', category, 'content', content, 'scope', scope)
                        order by array_position(array['PROJECT', 'WORKSPACE', 'GLOBAL'], scope), name, id) from practice)),
    'milestone', (
        select json_build_object('id', milestone.id, 'name', milestone.name, 'requirements', milestone.requirements, 'project',
                   json_build_object('id', project.id, 'name', project.name, 'overview', project.overview,
                                     'techStack', project.tech_stack,
                                     'workspace', json_build_object('id', workspace.id, 'name', workspace.name)))
          from milestones as milestone join projects as project on project.id = milestone.project_id
          join workspaces as workspace on workspace.id = project.workspace_id where milestone.id = task.milestone_id)))
  from tasks as task
 where task.id = $1
"""

OPEN = """
query Open { tasks(first: 20, filter: {and: [{status: {ne: "DONE"}}, {isReady: {eq: true}}, {milestone: {project: {name: {iContains: "a"}}}}, {dependencies: {none: {status: {ne: "DONE"}}}}]}, orderBy: [{field: UPDATED_AT, direction: DESC}]) { totalCount edges { cursor node { id title milestone { project { name } } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
"""

OPEN_SQL = """
with open_task as (
    select id from tasks where coalesce(status, '') not in ('DONE', 'COMPLETED', 'CANCELLED', 'CANCELED')
),
found as (
    select task.id, task.title, task.updated_at, project.name as project,
           row_number() over (order by task.updated_at desc nulls first, task.id) as place
      from tasks as task join open_task using (id)
      join milestones as milestone on milestone.id = task.milestone_id
      join projects as project on project.id = milestone.project_id
     where task.status is distinct from 'DONE'
       and lower(project.name) like '%a%'
       and not exists (select from tasks as sub join open_task using (id) where sub.parent_task_id = task.id)
       and not exists (select from task_dependencies as link join open_task on open_task.id = link.depends_on_task_id
                        where link.task_id = task.id)
       and not exists (select from task_dependencies as link join tasks as needed on needed.id = link.depends_on_task_id
                        where link.task_id = task.id and needed.status is distinct from 'DONE')
)
select json_build_object('tasks', json_build_object(
    'totalCount', (select count(*) from found),
    'edges', (select json_agg(json_build_object('cursor', id, 'node', json_build_object(
                  'id', id, 'title', title, 'milestone', json_build_object('project', json_build_object('name', project))))
                  order by place) from found where place <= 20),
    'pageInfo', json_build_object(
        'hasNextPage', (select count(*) > 20 from found), 'hasPreviousPage', false,
        'startCursor', (select id from found where place = 1),
        'endCursor', (select id from found where place <= 20 order by place desc limit 1))))
"""

WILD = """
query Wild { patterns(filter: {content: {contains: {language: "python"}}}) { nodes { id name } } workflows { nodes { id name stages { name } } } }
"""

WILD_SQL = """
select json_build_object(
    'patterns', json_build_object('nodes', (
        select json_agg(json_build_object('id', id, 'name', name)
                        order by case when project_id is not null then 1 when workspace_id is not null then 2 else 3 end, name, id)
          from patterns where content ->> 'language' = 'python')),
    'workflows', json_build_object('nodes', (
        select json_agg(json_build_object('id', id, 'name', name, 'stages', (
                   select json_agg(json_build_object('name', stage ->> 'name') order by (stage ->> 'order')::int)
                     from jsonb_array_elements(
                          case jsonb_typeof(stages) when 'array' then stages else stages -> 'stages' end) as stage))
               order by name, id)
          from workflows)))
"""


async def expected(connection: asyncpg.Connection, sql: str, *values: object) -> Any:
    """The JSON that `sql` builds, its instants in UTC as answers have them."""
    await connection.execute("set timezone to 'UTC'")
    return json.loads(await connection.fetchval(sql, *values))


async def row_at(client: GraphClient, cursor: str, **arguments: str) -> str:
    """The id of the row that a cursor of `tasks` stands for: the last one that is not after it."""
    after = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    data = await client.query(
        f"query ($cursor: String) {{ to: tasks(first: 500, {after}) {{ nodes {{ id }} }}"
        f" beyond: tasks(first: 500, after: $cursor, {after}) {{ nodes {{ id }} }} }}",
        cursor=cursor,
    )
    every, beyond = ([node["id"] for node in data[name]["nodes"]] for name in ("to", "beyond"))
    assert every[len(every) - len(beyond) :] == beyond
    return every[-len(beyond) - 1]


async def test_tree_is_what_sql_says_of_every_workspace(demo: GraphClient, demo_connection: asyncpg.Connection) -> None:
    for workspace in await demo_connection.fetch("select id::text, name from workspaces"):
        answer = await demo.query(TREE, id=workspace["id"])
        for project in answer["workspace"]["projects"]["nodes"]:
            for milestone in project["milestones"]["nodes"]:
                page = milestone["tasks"]["pageInfo"]
                page["endCursor"] = await row_at(
                    demo,
                    page["endCursor"],
                    filter=f'{{milestoneId: {{eq: "{milestone["id"]}"}}, parentTaskId: {{isNull: true}}}}',
                    orderBy="[{field: CREATED_AT}]",
                )

        assert await expected(demo_connection, TREE_SQL, workspace["name"]) == answer


async def test_context_is_what_sql_says_of_every_task(demo: GraphClient, demo_connection: asyncpg.Connection) -> None:
    tasks = [row["id"] for row in await demo_connection.fetch("select id::text from tasks")]
    for task in tasks:
        assert await expected(demo_connection, CONTEXT_SQL, task) == await demo.query(CONTEXT, id=task)

    assert 145 == len(tasks)


async def test_open_is_what_sql_says(demo: GraphClient, demo_connection: asyncpg.Connection) -> None:
    answer = await demo.query(OPEN)
    order = {"orderBy": "[{field: UPDATED_AT, direction: DESC}]"}
    for edge in answer["tasks"]["edges"]:
        edge["cursor"] = await row_at(demo, edge["cursor"], **order)
    page = answer["tasks"]["pageInfo"]
    for name in ("startCursor", "endCursor"):
        page[name] = await row_at(demo, page[name], **order)

    assert await expected(demo_connection, OPEN_SQL) == answer


async def test_wild_is_what_sql_says(demo: GraphClient, demo_connection: asyncpg.Connection) -> None:
    assert await expected(demo_connection, WILD_SQL) == await demo.query(WILD)

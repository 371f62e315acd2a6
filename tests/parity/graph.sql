-- Ties, nulls, odd text, odd instants, odd JSON, empty places. Ids end in a letter for the table and a number.
-- A graph that is small enough for a page of 500 to hold all of any list.

insert into workspaces (id, name, description, created_at, updated_at) values
    ('00000000-0000-4000-8000-0000000000a1', 'Harbour', E'quotes: '' " ` ´ ‘ ’ “ ” \\ / <b>&amp;</b>', '2026-01-31T09:30:00Z', null),
    ('00000000-0000-4000-8000-0000000000a2', 'harbour', null, '2026-01-31T09:30:00.1Z', 'infinity'),
    ('00000000-0000-4000-8000-0000000000a3', '', E'\x01\x08\t\n\x0b\x0c\r\x1f\x7f\u0085\u2028\u2029\ufeff\uffff', null, '10000-01-01T00:00:00Z');

insert into projects (id, workspace_id, name, description, overview, tech_stack, status, created_at, updated_at) values
    ('00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1', 'Pier 🚢', 'a', '# one',
     '{"language": "python", "version": 3, "tags": ["a", "b"], "deep": {"n": 1.50, "yes": true, "none": null}}', 'ACTIVE',
     '2026-01-31T09:30:00Z', '2026-01-31T09:30:00Z'),
    ('00000000-0000-4000-8000-0000000000b2', '00000000-0000-4000-8000-0000000000a1', 'Pier 🚢', null, null, null, null,
     '2026-01-31T09:30:00Z', null),
    ('00000000-0000-4000-8000-0000000000b3', '00000000-0000-4000-8000-0000000000a2', 'Quay', 'שלום ' || U&'\202e' || ' abc', '', 'null', 'odd word',
     '0044-03-15 12:00:00+00 BC', '-infinity'),
    ('00000000-0000-4000-8000-0000000000b4', '00000000-0000-4000-8000-0000000000a1', 'A%_\', '👩‍👩‍👧‍👦 🇳🇱 é é', E'one\r\ntwo',
     ('[123456789012345678901234567890, 1e400, -0.0, 1.10, "' || repeat('x', 40) || '"]')::jsonb, 'ARCHIVED',
     '2026-01-31T09:30:00.000001Z', '294276-12-31T23:59:59.999999Z'),
    -- One id in two tables: hand-written ids often count from the same number.
    ('00000000-0000-4000-8000-0000000000a2', '00000000-0000-4000-8000-0000000000a2', 'Twin', null, null,
     (repeat('[', 100) || repeat(']', 100))::jsonb, 'ACTIVE', '2026-01-31T09:30:00.999999Z', null);

insert into milestones (id, project_id, name, description, requirements, status, target_date, created_at, updated_at) values
    ('00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-0000000000b1', 'Piles', 'deep', 'R', 'IN_PROGRESS',
     '2026-02-01T00:00:00Z', '2026-01-31T09:30:00Z', '2026-01-31T09:30:00Z'),
    ('00000000-0000-4000-8000-0000000000c2', '00000000-0000-4000-8000-0000000000b1', 'piles', null, null, null, null, null, null),
    ('00000000-0000-4000-8000-0000000000c3', '00000000-0000-4000-8000-0000000000b1', 'No tasks', '', '', 'PLANNED', '-infinity', null, null),
    ('00000000-0000-4000-8000-0000000000c4', '00000000-0000-4000-8000-0000000000b2', 'Piles', null, null, 'erledigt', 'infinity',
     '2026-01-31T09:30:00Z', null),
    ('00000000-0000-4000-8000-0000000000c5', '00000000-0000-4000-8000-0000000000b3', 'Planks', null, null, 'PLANNED',
     '2026-02-01T00:00:00.5Z', '2026-01-31T09:30:00Z', null);

-- Stages in the two forms, and in forms that are none. The default workflow is there twice; the older one counts.
insert into workflows (id, name, description, stages, created_at, updated_at) values
    ('00000000-0000-4000-8000-0000000000d1', 'Standard Development Workflow', null,
     '[{"name": "PLAN", "order": 1}, {"name": "REVIEW", "order": 3, "is_checkpoint": true, "checkpoint_type": "HUMAN", "description": "ß"},
       {"name": "IMPLEMENT", "order": 2, "is_checkpoint": "yes", "checkpoint_type": 5, "more": [1e30, null]}]', '2026-01-02T00:00:00Z', null),
    ('00000000-0000-4000-8000-0000000000d2', 'Standard Development Workflow', 'younger', '["PLAN"]', '2026-01-03T00:00:00Z', null),
    ('00000000-0000-4000-8000-0000000000d3', 'Bare names', null, '{"stages": ["PLAN", "plan", {"name": "PLAN", "order": -1}], "version": 3}', null, null),
    ('00000000-0000-4000-8000-0000000000d4', 'Broken', null,
     '[{}, {"name": 5}, {"name": null}, null, 7, [], ["B"], {"name": "A", "order": 99999999999999999999}, {"name": "", "order": 1.5}, "A"]', null, null),
    ('00000000-0000-4000-8000-0000000000d5', 'Word', null, '"PLAN"', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00.25Z'),
    ('00000000-0000-4000-8000-0000000000d6', 'Null', null, 'null', null, null),
    ('00000000-0000-4000-8000-0000000000d7', 'Number', '', '5', null, null),
    ('00000000-0000-4000-8000-0000000000d8', 'Object', null, '{"stages": {"stages": [{"name": "A"}]}}', null, null),
    ('00000000-0000-4000-8000-0000000000d9', 'Empty', null, '[]', null, null);

insert into tasks (id, milestone_id, parent_task_id, title, description, current_stage, status, created_at, updated_at, workflow_id)
select ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(task.number), 2, '0'))::uuid,
       ('00000000-0000-4000-8000-0000000000c' || task.milestone)::uuid,
       ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(task.parent), 2, '0'))::uuid,
       task.title, task.description, task.stage, task.status, task.created_at::timestamptz, task.updated_at::timestamptz,
       ('00000000-0000-4000-8000-0000000000d' || task.workflow)::uuid
  from (values
        -- A diamond of dependencies over 1 to 4, and a line of subtasks from 5 down to 11.
        (1, 1, null, 'a', null, 'PLAN', 'TODO', '2026-01-31T09:30:00Z', null, null),
        (2, 1, null, 'A', '', 'REVIEW', 'DONE', '2026-01-31T09:30:00Z', null, 1),
        (3, 1, null, 'ä', 'a', 'plan', null, '2026-01-31T09:30:00.1Z', '2026-01-31T09:30:00Z', 3),
        (4, 1, 1, 'a_b%', E'\\', null, 'IN_PROGRESS', '2026-01-31T09:30:00.000001Z', null, 4),
        (5, 1, null, 'b', null, 'A', 'CANCELLED', '2026-01-31T09:30:00Z', null, 4),
        (6, 1, 5, '', null, '', 'TODO', null, null, 4),
        (7, 2, 6, ' ', null, 'PLAN', 'TODO', null, null, 2),
        (8, 2, 7, '👩‍👩‍👧‍👦', '日本', 'PLAN', 'fertig', '10000-01-01T00:00:00Z', 'infinity', 5),
        (9, 1, 8, E'"\\/\b\f\n\r\t\x01\x1f\x7f', E'\u2028', 'PLAN', 'TODO', '0044-03-15 12:00:00+00 BC', null, 6),
        (10, 1, 9, '''"`´', 'x', 'PLAN', 'BLOCKED', 'infinity', '-infinity', 7),
        (11, 1, 10, 'é', null, 'A', 'COMPLETED', '-infinity', null, 8),
        (12, 4, null, 'a', null, 'PLAN', 'TODO', '2026-01-31T09:30:00Z', null, null),
        (13, 4, 12, 'a', null, 'PLAN', 'todo', '2026-01-31T09:30:00Z', null, null),
        (14, 4, 12, 'a', null, null, null, '2026-01-31T09:30:00Z', null, 9),
        (15, 5, null, 'elsewhere', null, 'PLAN', 'TODO', '2026-01-31T09:30:00.5Z', null, null),
        (16, 5, 15, 'elsewhere', null, 'IMPLEMENT', 'DONE', '2026-01-31T09:30:00.5Z', null, 1),
        (17, 5, null, '$1 :name %(name)s %s ? {{x}}', null, 'PLAN', 'CANCELED', null, null, 1)
       ) as task (number, milestone, parent, title, description, stage, status, created_at, updated_at, workflow);

insert into task_dependencies (id, task_id, depends_on_task_id, created_at)
select ('00000000-0000-4000-8000-00000000f0' || lpad(pair.task::text, 2, '0'))::uuid,
       ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(pair.task), 2, '0'))::uuid,
       ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(pair.needs), 2, '0'))::uuid,
       pair.created_at::timestamptz
  from (values (4, 2, '2026-01-31T09:30:00Z'), (3, 1, null), (2, 1, '2026-01-31T09:30:00Z'), (12, 1, null), (14, 13, null),
               (16, 15, '2026-01-31T09:30:00.000001Z'), (17, 16, null)) as pair (task, needs, created_at);
insert into task_dependencies (id, task_id, depends_on_task_id)
values ('00000000-0000-4000-8000-00000000f099', '00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000003');

insert into activity_feed (id, task_id, actor_id, activity_type, details, created_at)
select ('00000000-0000-4000-8000-00000000ac' || lpad(to_hex(entry.number), 2, '0'))::uuid,
       ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(entry.task), 2, '0'))::uuid,
       entry.actor::uuid, entry.type, entry.details::jsonb, entry.created_at::timestamptz
  from (values
        (1, 1, null, 'COMMENT', '{"message": "\"é\" \u0001 🚢", "a": null}', '2026-01-31T09:30:00Z'),
        (2, 1, '00000000-0000-4000-8000-0000000000a1', 'COMMENT', null, '2026-01-31T09:30:00Z'),
        (3, 1, null, 'STAGE_CHANGE', '{"from": "PLAN", "to": "REVIEW"}', null),
        (4, 4, null, 'STAGE_CHANGE', '[]', '2026-01-31T09:30:00.25Z'),
        (5, 12, null, '', '7', 'infinity'),
        (6, 15, null, 'odd', 'null', '-infinity'),
        (7, 15, null, 'odd', '"text"', '2026-01-31T09:30:00Z'),
        (8, 9, '00000000-0000-4000-8000-00000000ffff', 'COMMENT', 'true', '0044-03-15 12:00:00+00 BC')
       ) as entry (number, task, actor, type, details, created_at);

-- Claims that hold for ever or for long, and claims that have expired: on open tasks, a finished one, one that is blocked.
insert into task_claims (id, task_id, actor_id, claimed_at, expires_at)
select ('00000000-0000-4000-8000-00000000c1' || lpad(to_hex(claim.task), 2, '0'))::uuid,
       ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(claim.task), 2, '0'))::uuid,
       ('00000000-0000-4000-8000-00000000ff' || claim.actor)::uuid, claim.claimed_at::timestamptz, claim.expires_at::timestamptz
  from (values
        (1, 'ff', '2026-01-31T09:30:00Z', 'infinity'),
        (2, 'ff', '2026-01-31T09:30:00Z', '9999-12-31T23:59:59.999999Z'),
        (4, 'fe', '2026-01-31T09:30:00.000001Z', '2026-01-31T09:30:00.000002Z'),
        (7, 'fe', '-infinity', '2026-01-31T09:45:00Z'),
        (15, 'ff', '2026-01-31T09:30:00Z', '10000-01-01T00:00:00Z'),
        (17, 'fe', '2026-01-31T09:30:00Z', '9999-01-01T00:00:00Z')
       ) as claim (task, actor, claimed_at, expires_at);

-- One name in every scope; one that a nearer scope shadows for some tasks and not for others; names that differ by case.
insert into patterns (id, workspace_id, project_id, name, pattern_type, description, content, created_at, updated_at)
select ('00000000-0000-4000-8000-0000000000e' || known.number)::uuid,
       ('00000000-0000-4000-8000-0000000000a' || known.workspace)::uuid,
       ('00000000-0000-4000-8000-0000000000b' || known.project)::uuid,
       known.name, known.kind, known.description, known.content::jsonb, known.created_at::timestamptz, null
  from (values
        (1, null, null, 'Truss', 'CODE', null, '{}', '2026-01-31T09:30:00Z'),
        (2, 1, null, 'Truss', 'CODE', 'é', '{"a": [1, {"b": null}], "language": "python"}', '2026-01-31T09:30:00Z'),
        (3, 1, null, 'Truss', 'CODE', null, '[]', '2026-01-31T09:30:00Z'),
        (4, null, 1, 'Truss', 'CODE', '', 'null', null),
        (5, 2, null, 'Truss', 'UI', null, '"text"', null),
        (6, null, null, 'truss', 'CODE', null, '0.10', 'infinity'),
        (7, null, 3, 'Beam', 'odd', null, 'false', '2026-01-31T09:30:00.1Z')
       ) as known (number, workspace, project, name, kind, description, content, created_at);

insert into best_practices (id, workspace_id, project_id, name, category, description, content, created_at, updated_at)
select ('00000000-0000-4000-8000-00000000be' || right(pattern.id::text, 2))::uuid, pattern.workspace_id, pattern.project_id,
       pattern.name, pattern.pattern_type, pattern.description, pattern.content, pattern.created_at, pattern.created_at
  from patterns as pattern;

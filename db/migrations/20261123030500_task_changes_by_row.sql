-- convoy-graphql: what a change costs its writer for being told: a task's 25 us instead of 50, and a notification where somebody counts
-- on it.
drop trigger activity_feed_announce on public.activity_feed;
drop function public.announce_activity();
drop trigger tasks_record_updated on public.tasks;

create or replace function public.record_created_tasks() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.task_changes (kind, task_id, workspace_id, milestone_id)
    select 'CREATED', task.id, task.workspace_id, task.milestone_id
      from created as task;
    return null;
end $$;

-- updated_at moves with every statement: on its own it is no change. Of one row this is a third cheaper than a join of the
-- statement's old and new rows, and in bulk 4 us a row dearer. No WHEN: PostgreSQL reads its text anew with each statement,
-- which takes 14 us for these columns. And the branches are two statements, since a plan is set up whole, whatever it comes to.
create or replace function public.record_updated_tasks() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if old.milestone_id <> new.milestone_id or old.parent_task_id is distinct from new.parent_task_id then
        insert into public.task_changes (
            kind, task_id, workspace_id, milestone_id, left_milestone_id, left_project_id, left_ancestor_ids
        ) values (
            'UPDATED', new.id, new.workspace_id, new.milestone_id,
            nullif(old.milestone_id, new.milestone_id),
            case when old.milestone_id <> new.milestone_id then
                (select milestone.project_id from public.milestones as milestone where milestone.id = old.milestone_id)
            end,
            case when old.parent_task_id is distinct from new.parent_task_id then
                public.ancestors_of_task(old.parent_task_id)
            end
        );
    elsif (
        old.title, old.description, old.current_stage, old.status, old.created_at, old.completion_date, old.workflow_id
    ) is distinct from (
        new.title, new.description, new.current_stage, new.status, new.created_at, new.completion_date, new.workflow_id
    ) then
        insert into public.task_changes (kind, task_id, workspace_id, milestone_id)
        values ('UPDATED', new.id, new.workspace_id, new.milestone_id);
    end if;
    return null;
end $$;

create trigger tasks_record_updated after update on public.tasks
    for each row execute function public.record_updated_tasks();

-- What the rows were below is looked for among those that went with them, and then in the table.
create or replace function public.record_deleted_tasks() returns trigger
language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
begin
    if not exists (select from deleted) then
        return null;
    end if;
    insert into public.task_changes (kind, task_id, workspace_id, milestone_id, left_project_id)
    select 'DELETED', task.id, task.workspace_id, task.milestone_id,
           (select milestone.project_id from public.milestones as milestone where milestone.id = task.milestone_id)
      from deleted as task
     where task.parent_task_id is null;
    if exists (select from deleted as task where task.parent_task_id is not null) then
        insert into public.task_changes (kind, task_id, workspace_id, milestone_id, left_project_id, left_ancestor_ids)
        with recursive above as (
            select task.id, task.parent_task_id as ancestor_id, 1 as distance
              from deleted as task
             where task.parent_task_id is not null
            union
            select above.id, task.parent_task_id, above.distance + 1
              from above
              join deleted as task on task.id = above.ancestor_id
             where task.parent_task_id is not null
        ), chain as (
            select above.id, array_agg(above.ancestor_id order by above.distance) as ancestor_ids
              from above
             group by above.id
        )
        select 'DELETED', task.id, task.workspace_id, task.milestone_id,
               (select milestone.project_id from public.milestones as milestone where milestone.id = task.milestone_id),
               chain.ancestor_ids || (public.ancestors_of_task(chain.ancestor_ids[cardinality(chain.ancestor_ids)]))[2:]
          from deleted as task
          join chain on chain.id = task.id;
    end if;
    return null;
end $$;

drop function public.wake_followers();

-- A wake-up and nothing more. A payload would stop at 8,000 bytes, equal ones in a transaction are folded into one, and who
-- does not listen at that moment misses it; the reader looks into the table, from its own last snapshot.
-- Who notifies commits alone: PostgreSQL has one lock for all who do, until the commit is on disk. Four writers made a quarter
-- fewer commits for it, and on a slow disk a third of them. So it is done for those who count on it, who hold a lock of their own
-- shared: who gets that lock alone is told that there is nobody. Between its two calls nothing is awaited, and nothing can be
-- interrupted; two writers who meet there may both notify. The API's connections bear the name that is asked for here, and leave
-- it to their server, which notifies once for all of its commits of some milliseconds.
create function public.wake_followers() returns trigger
language plpgsql set search_path = '' as $$
begin
    if current_setting('application_name') <> 'convoy-graphql'
       and (case when pg_try_advisory_lock(109330245775226) then pg_advisory_unlock(109330245775226) end) is not true
    then
        perform pg_notify('convoy_feed', '');
    end if;
    return null;
end $$;

comment on function public.wake_followers() is
    'Trigger: wakes whoever listens for activity and changes of tasks, but for the API, which does so itself.';

-- Per statement: a COPY of 200,000 rows is one notification.
create trigger activity_feed_announce after insert on public.activity_feed
    for each statement execute function public.wake_followers();

create trigger tasks_announce after insert or update or delete on public.tasks
    for each statement execute function public.wake_followers();

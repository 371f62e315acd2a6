-- convoy-graphql: a claim ends with the work on its task, and the feed has words for claims.

-- Who finishes a task needs no claim on it any more, by whatever statement it was finished: so this stands here, beside the
-- completion date. A claim that has expired holds nothing and stays, until the task is claimed again.
-- A security definer, since who may finish a task may end the claim on it, whoever holds it.
create function public.release_claim_of_finished() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from public.task_claims as claim where claim.task_id = new.id and claim.expires_at > now();
    return null;
end $$;

comment on function public.release_claim_of_finished() is 'Trigger: a task that enters a terminal status loses the claim on it.';

create trigger tasks_release_claim after update on public.tasks
    for each row when (public.task_is_open(old.status) and not public.task_is_open(new.status))
    execute function public.release_claim_of_finished();

comment on column public.activity_feed.activity_type is
    'STAGE_CHANGE, TASK_CREATED, TASK_UPDATED, DEPENDENCY_ADDED, DEPENDENCY_REMOVED, COMMENT, TASK_CLAIMED, TASK_RELEASED, or any other text.';

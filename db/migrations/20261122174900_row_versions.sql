-- convoy-graphql: updated_at as the version of a row.

-- updated_at is the row's version, so it moves forward whatever the writer sets: clock_timestamp() and not now(), since two
-- changes in one transaction are two versions; one microsecond past the old value where the clock stands or goes back.
-- Infinity has no successor: a row that somebody stamped so comes back to the clock.
create function public.advance_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.updated_at := greatest(
        clock_timestamp(), nullif(old.updated_at, 'infinity') + interval '1 microsecond'
    );
    return new;
end $$;

comment on function public.advance_updated_at() is 'Trigger: keeps updated_at strictly increasing per row.';

create trigger workspaces_advance_updated_at before update on public.workspaces
    for each row execute function public.advance_updated_at();

create trigger projects_advance_updated_at before update on public.projects
    for each row execute function public.advance_updated_at();

create trigger milestones_advance_updated_at before update on public.milestones
    for each row execute function public.advance_updated_at();

create trigger workflows_advance_updated_at before update on public.workflows
    for each row execute function public.advance_updated_at();

create trigger tasks_advance_updated_at before update on public.tasks
    for each row execute function public.advance_updated_at();

create trigger patterns_advance_updated_at before update on public.patterns
    for each row execute function public.advance_updated_at();

create trigger best_practices_advance_updated_at before update on public.best_practices
    for each row execute function public.advance_updated_at();

-- convoy-graphql: a project's patterns and best practices are read by whoever sees the project.
--
-- As before, but asked of the few rows that are read, by the project's key: the policies listed all visible projects for each
-- statement, which cost all for a task an eighth of its time with 200 of them, and more with more. The policy of projects says
-- who sees one, and is not said again.
alter policy patterns_read on public.patterns
    using (workspace_id is null and project_id is null
        or workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[])
        or exists (select from public.projects as project where project.id = patterns.project_id));
alter policy best_practices_read on public.best_practices
    using (workspace_id is null and project_id is null
        or workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[])
        or exists (select from public.projects as project where project.id = best_practices.project_id));

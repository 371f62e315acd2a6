-- convoy-graphql: what each table and column is. The API's descriptions are the same sentences.

comment on table public.workspaces is
    'The top-level container: a team or an organisation with its projects and its knowledge.';
comment on column public.workspaces.id is
    'Unique identifier of the workspace.';
comment on column public.workspaces.name is
    'Name of the workspace.';
comment on column public.workspaces.description is
    'What the workspace is for.';
comment on column public.workspaces.created_at is
    'When the workspace was created.';
comment on column public.workspaces.updated_at is
    'When the workspace last changed. Strictly increasing with every change, so that it serves as the row''s version.';

comment on table public.projects is
    'A project within a workspace.';
comment on column public.projects.id is
    'Unique identifier of the project.';
comment on column public.projects.workspace_id is
    'The workspace that the project belongs to, for life.';
comment on column public.projects.name is
    'Name of the project.';
comment on column public.projects.description is
    'What the project is, in a sentence or two.';
comment on column public.projects.overview is
    'Detailed overview of the project, in Markdown.';
comment on column public.projects.tech_stack is
    'The technology stack: a JSON object of layers and what each is built with.';
comment on column public.projects.status is
    'Project status: ACTIVE, ON_HOLD, COMPLETED, ARCHIVED, or any other text.';
comment on column public.projects.created_at is
    'When the project was created.';
comment on column public.projects.updated_at is
    'When the project last changed. Strictly increasing with every change, so that it serves as the row''s version.';

comment on table public.milestones is
    'A deliverable within a project.';
comment on column public.milestones.id is
    'Unique identifier of the milestone.';
comment on column public.milestones.project_id is
    'The project that the milestone belongs to.';
comment on column public.milestones.name is
    'Name of the milestone.';
comment on column public.milestones.description is
    'What the milestone delivers, in a sentence or two.';
comment on column public.milestones.requirements is
    'Detailed requirements of the milestone, in Markdown.';
comment on column public.milestones.status is
    'Milestone status: PLANNED, IN_PROGRESS, COMPLETED, CANCELLED, or any other text.';
comment on column public.milestones.target_date is
    'When the milestone is meant to be complete.';
comment on column public.milestones.created_at is
    'When the milestone was created.';
comment on column public.milestones.updated_at is
    'When the milestone last changed. Strictly increasing with every change, so that it serves as the row''s version.';
comment on column public.milestones.workspace_id is
    'The workspace that the milestone lives in, for life. Filled from its parent when a writer leaves it out.';

comment on table public.workflows is
    'A process definition: the stages that a task passes, some of them checkpoints for a human.';
comment on column public.workflows.id is
    'Unique identifier of the workflow.';
comment on column public.workflows.name is
    'Name of the workflow.';
comment on column public.workflows.description is
    'What kind of work the workflow is for.';
comment on column public.workflows.stages is
    'The stages as stored: a JSON array, or an object {"stages": [...]}.';
comment on column public.workflows.created_at is
    'When the workflow was created.';
comment on column public.workflows.updated_at is
    'When the workflow last changed. Strictly increasing with every change, so that it serves as the row''s version.';

comment on table public.tasks is
    'A piece of work within a milestone, possibly with subtasks and with dependencies on other tasks.';
comment on column public.tasks.id is
    'Unique identifier of the task.';
comment on column public.tasks.milestone_id is
    'The milestone that the task belongs to.';
comment on column public.tasks.parent_task_id is
    'The task that this one is a subtask of; null at the top level.';
comment on column public.tasks.title is
    'Title of the task.';
comment on column public.tasks.description is
    'Detailed description of the task, in Markdown.';
comment on column public.tasks.current_stage is
    'Name of the workflow stage that the task is in: PLAN, IMPLEMENT, REVIEW, or whatever its workflow names.';
comment on column public.tasks.status is
    'Task status: TODO, IN_PROGRESS, IN_REVIEW, BLOCKED, DONE, COMPLETED, CANCELLED, or any other text.';
comment on column public.tasks.created_at is
    'When the task was created.';
comment on column public.tasks.updated_at is
    'When the task last changed. Strictly increasing with every change, so that it serves as the row''s version.';
comment on column public.tasks.completion_date is
    'When the task entered a terminal status (DONE, COMPLETED, CANCELLED); null while it is open.';
comment on column public.tasks.workspace_id is
    'The workspace that the task lives in, for life. Filled from its parent when a writer leaves it out.';
comment on column public.tasks.workflow_id is
    'The workflow that the task follows; null means the default workflow.';

comment on table public.task_dependencies is
    'One arrow of the dependency graph: a task that waits for another. The arrows never close a cycle.';
comment on column public.task_dependencies.id is
    'Unique identifier of the dependency.';
comment on column public.task_dependencies.task_id is
    'The task that depends on another.';
comment on column public.task_dependencies.depends_on_task_id is
    'The task that is depended upon.';
comment on column public.task_dependencies.created_at is
    'When the dependency was created.';
comment on column public.task_dependencies.workspace_id is
    'The workspace that the dependency lives in, for life. Filled from its parent when a writer leaves it out.';

comment on table public.activity_feed is
    'What happened to a task, when, and by whom.';
comment on column public.activity_feed.id is
    'Unique identifier of the activity.';
comment on column public.activity_feed.task_id is
    'The task that the activity relates to.';
comment on column public.activity_feed.actor_id is
    'The user or agent who acted, where known.';
comment on column public.activity_feed.activity_type is
    'STAGE_CHANGE, TASK_CREATED, TASK_UPDATED, DEPENDENCY_ADDED, DEPENDENCY_REMOVED, COMMENT, or any other text.';
comment on column public.activity_feed.details is
    'What happened, as a JSON object with snake_case keys.';
comment on column public.activity_feed.created_at is
    'When the activity was created.';
comment on column public.activity_feed.workspace_id is
    'The workspace that the activity lives in, for life. Filled from its parent when a writer leaves it out.';
comment on column public.activity_feed.tx is
    'The transaction that wrote the row: the feed''s cursor, since created_at is the transaction''s start and not its commit.';

comment on table public.patterns is
    'A reusable way to implement something: global, or scoped to a workspace or a project.';
comment on column public.patterns.id is
    'Unique identifier of the pattern.';
comment on column public.patterns.workspace_id is
    'The workspace that this is scoped to, if it is scoped to one.';
comment on column public.patterns.project_id is
    'The project that this is scoped to, if it is scoped to one. Global when both scopes are null.';
comment on column public.patterns.name is
    'Name of the pattern.';
comment on column public.patterns.description is
    'What problem the pattern solves.';
comment on column public.patterns.pattern_type is
    'CODE, UI, ARCHITECTURE, or any other text.';
comment on column public.patterns.content is
    'The pattern itself, as a JSON object.';
comment on column public.patterns.created_at is
    'When the pattern was created.';
comment on column public.patterns.updated_at is
    'When the pattern last changed. Strictly increasing with every change, so that it serves as the row''s version.';

comment on table public.best_practices is
    'A rule of good work: global, or scoped to a workspace or a project.';
comment on column public.best_practices.id is
    'Unique identifier of the best practice.';
comment on column public.best_practices.workspace_id is
    'The workspace that this is scoped to, if it is scoped to one.';
comment on column public.best_practices.project_id is
    'The project that this is scoped to, if it is scoped to one. Global when both scopes are null.';
comment on column public.best_practices.name is
    'Name of the best practice.';
comment on column public.best_practices.description is
    'What the practice asks for.';
comment on column public.best_practices.category is
    'CODE, TESTING, DOCUMENTATION, or any other text.';
comment on column public.best_practices.content is
    'The practice itself, as a JSON object.';
comment on column public.best_practices.created_at is
    'When the best practice was created.';
comment on column public.best_practices.updated_at is
    'When the best practice last changed. Strictly increasing with every change, so that it serves as the row''s version.';

comment on table public.workspace_members is
    'Who belongs to a workspace, and in which role.';
comment on column public.workspace_members.workspace_id is
    'The workspace.';
comment on column public.workspace_members.user_id is
    'The member: the subject of the token that they sign in with.';
comment on column public.workspace_members.role is
    'viewer, member, admin or owner.';
comment on column public.workspace_members.created_at is
    'When the membership began.';

comment on table public.task_graph_versions is
    'The lock of the cycle guards: one row a workspace. Not part of the knowledge graph.';
comment on column public.task_graph_versions.workspace_id is
    'The workspace.';
comment on column public.task_graph_versions.version is
    'Moved on by every statement that adds an edge to the workspace''s task graph.';

-- convoy-graphql: members are part of the graph, and what their role is about is said in its description.
comment on column public.workspace_members.role is
    'What the member may do: viewer, member, admin or owner.';

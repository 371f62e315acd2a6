// Compiles under `tsc --strict` exactly where the types are what the API gives and takes. What must not compile says so.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type FragmentType, read } from "./generated/fragment-masking";
import { AnyRow, Card, Context, Create, Follow, Import, Move, Poll, Problem, Tree } from "./operations";

// What any client does with a typed document: only the types matter here.
declare function ask<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data>;
declare function follow<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): AsyncIterable<Data>;

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Equal<A, B>) => undefined;

function shown(task: FragmentType<typeof Card>): string {
  const card = read(Card, task);
  same<typeof card.updatedAt, string | null>(true);
  same<typeof card.status, string | null>(true);
  same<NonNullable<typeof card.claim>["expiresAt"], string>(true);
  same<typeof card.isReady, boolean>(true);
  // @ts-expect-error: what the fragment does not select cannot be read
  void card.description;
  return card.claim ? `${card.title}, ${card.claim.actorId} until ${card.claim.expiresAt}` : card.title;
}

export async function reading(id: string): Promise<string[]> {
  const { workspace } = await ask(Tree, { id, status: "IN_PROGRESS", since: "2026-01-01T00:00:00Z" });
  // @ts-expect-error: null where no row has the id
  void workspace.name;
  const projects = workspace?.projects.nodes ?? [];
  same<NonNullable<typeof workspace>["projects"]["totalCount"], number>(true);
  // @ts-expect-error: JSON is unknown, and is to be looked at before it is used
  void projects[0]?.techStack.language;
  const milestones = projects.flatMap((project) => project.milestones.nodes);
  same<(typeof milestones)[number]["targetDate"], string | null>(true);

  const { task } = await ask(Context, { task: id });
  for (const { cursor, node } of task?.activities.edges ?? []) {
    same<typeof cursor, string>(true);
    if (typeof node.details === "object" && node.details && "to_stage" in node.details) void node.details.to_stage;
  }
  const scopes = task?.effectivePatterns.nodes.map((pattern) => pattern.scope) ?? [];
  same<typeof scopes, string[]>(true);

  const { node } = await ask(AnyRow, { id });
  const name = node?.__typename === "Task" ? node.title : node?.__typename === "Project" ? node.name : node?.id;
  same<typeof name, string | undefined>(true);

  const page = await ask(Poll, { filter: { workspaceId: id, types: ["COMMENT"] } });
  await ask(Poll, { after: page.activityFeed.cursor });

  // @ts-expect-error: the id is needed
  await ask(Tree, {});
  // @ts-expect-error: a time is text, as it travels
  await ask(Tree, { id, since: new Date() });
  return milestones.flatMap((milestone) => milestone.tasks.nodes.map(shown));
}

export async function changing(milestoneId: string): Promise<string> {
  const { createTask } = await ask(Create, { input: { milestoneId, title: "Typed", description: null } });
  // @ts-expect-error: null beside a GraphQL error, where the change was not even looked at
  void createTask.errors;
  for (const error of createTask?.errors ?? []) {
    const problem = read(Problem, error);
    switch (problem.__typename) {
      case "ConflictError":
        return problem.current?.__typename === "Task" ? shown(problem.current) : problem.message;
      case "DependencyCycleError":
        return problem.path.join(" → ");
      case "StageTransitionError":
        return problem.allowed.join();
      default:
        return `${problem.field.join(".")}: ${problem.message}`;
    }
  }
  // @ts-expect-error: a title is needed
  await ask(Create, { input: { milestoneId } });
  // @ts-expect-error: null empties a title, which cannot be empty
  await ask(Create, { input: { milestoneId, title: null } });
  await ask(Import, { input: { milestoneId, errorPolicy: "SKIP_FAILED", tasks: [{ title: "A", dependsOnRefs: [] }] } });
  // @ts-expect-error: no such policy
  await ask(Import, { input: { milestoneId, errorPolicy: "SKIP", tasks: [] } });
  const { transitionTaskStage } = await ask(Move, { input: { taskId: milestoneId, decision: "APPROVE" } });
  return transitionTaskStage?.task?.currentStage ?? "";
}

export async function following(workspaceId: string): Promise<void> {
  let after: string | undefined;
  for await (const { activityAdded: event } of follow(Follow, { filter: { workspaceId }, after })) {
    after = event.cursor;
    switch (event.__typename) {
      case "ActivityAdded":
        same<typeof event.activity.details, unknown>(true);
        break;
      case "Discontinuity":
        void event.reason;
        break;
      case "Ready":
        break;
      default:
        // Every message is one of these.
        same<typeof event, never>(true);
    }
  }
}

// What Relay's store makes of answers: page.cjs <url of /graphql> <id of a workspace> <id of a task>
// Prints what the page shows after each step, a JSON value a line, and on standard error whatever Relay warns of.
const {
  Environment,
  Network,
  RecordSource,
  Store,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getSingularSelector,
} = require("relay-runtime");

const [url, workspace, task] = process.argv.slice(2);
const print = (value) => console.log(JSON.stringify(value));
const artifact = (name) => require(`./__generated__/${name}.graphql.js`);

async function ask({ id }, variables) {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
  // The server trusts the manifest that the compiler wrote: only the id goes over the wire.
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ doc_id: id, variables }) });
  return answer.json();
}

const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });
const get = (name, variables) => fetchQuery(environment, artifact(name), variables).toPromise();
const change = (name, variables) =>
  new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation: artifact(name),
      variables,
      onCompleted: (data, errors) => (errors ? reject(errors) : resolve(data)),
      onError: reject,
    });
  });

// What a component reads through its fragment, from the store alone.
function shown(query, variables, pick, fragment) {
  const { data } = environment.lookup(createOperationDescriptor(artifact(query), variables).fragment);
  return environment.lookup(getSingularSelector(artifact(fragment), pick(data))).data;
}

function subtasks() {
  const { edges, __id } = shown("TaskCardSubtasksQuery", { task }, (data) => data.task, "TaskSubtasks_task").subtasks;
  return { titles: edges.map(({ node }) => node.title), connection: __id };
}

async function main() {
  const typename = (id) => environment.getStore().getSource().get(id)?.__typename ?? null;

  await get("BoardQuery", { workspace });
  const { projects } = shown("BoardQuery", { workspace }, (data) => data.workspace, "BoardProjects_workspace");
  print({ projects: projects.edges.length });
  await get("BoardProjectsPaginationQuery", { id: workspace, count: 5, cursor: projects.pageInfo.endCursor });
  const all = shown("BoardQuery", { workspace }, (data) => data.workspace, "BoardProjects_workspace").projects;
  print({ projects: all.edges.length, more: all.pageInfo.hasNextPage });

  await get("TaskCardSubtasksQuery", { task });
  const { connection, titles } = subtasks();
  print({ subtasks: titles });
  const input = { parentTaskId: task, milestoneId: process.argv[5], title: "Appended by Relay" };
  const { createTask } = await change("ChangesCreateMutation", { input, connections: [connection] });
  print({ appended: subtasks().titles.at(-1) });

  const { id } = createTask.task;
  await change("ChangesCreateMutation", { input: { ...input, id }, connections: [] });
  print({ "after a refusal it is still a": typename(id) });
  await change("ChangesUpdateMutation", { input: { id, title: "Renamed", ifUpdatedAt: "2020-01-01T00:00:00Z" } });
  print({ "after a conflict it is still": subtasks().titles.at(-1) });
  await change("ChangesUpdateMutation", { input: { id, title: "Renamed" } });
  print({ renamed: subtasks().titles.at(-1) });
  await get("TaskCardRefetchQuery", { id });
  await change("ChangesDeleteMutation", { input: { id }, connections: [connection] });
  print({ subtasks: subtasks().titles });
}

main();

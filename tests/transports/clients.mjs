// Follows a task as the programs of users do, with the client that is named: clients.mjs <client> <url> <task>
// Prints what it gets, a JSON value a line, until it is told of an activity of type STOP.
import { createClient as createEventsClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";

const [client, url, task] = process.argv.slice(2);
const socketUrl = url.replace(/^http/, "ws");
const print = (value) => console.log(JSON.stringify(value));
const soon = () => new Promise((resolve) => setTimeout(resolve, 100));

const FOLLOW = `subscription Follow($task: ID!, $after: String) {
  activityAdded(filter: {taskId: $task}, after: $after) {
    __typename
    ... on Ready { cursor }
    ... on ActivityAdded { cursor activity { activityType task { title milestone { name } } } }
    ... on Discontinuity { cursor reason }
  }
}`;
const RENAME = `mutation Rename($task: ID!) { updateTask(input: {id: $task, description: "Oak"}) { task { description } errors { code } } }`;

// What is known of a client in one line each: a query, a mutation, and what an error is for it.
async function ask(client) {
  const answer = (request) =>
    new Promise((resolve) => {
      let last;
      client.subscribe(request, { next: (value) => (last = value), error: (error) => resolve({ error }), complete: () => resolve(last) });
    });
  print(await answer({ query: "query Title($task: ID!) { task(id: $task) { title } }", variables: { task } }));
  print(await answer({ query: RENAME, variables: { task } }));
  print(await answer({ query: "{ nothing }" }));
}

// The client sends the same variables each time that it connects: they hold the last cursor.
function follow(client) {
  const variables = { task };
  client.subscribe(
    { query: FOLLOW, variables },
    {
      next({ data: { activityAdded } }) {
        variables.after = activityAdded.cursor;
        show(activityAdded, () => client.dispose());
      },
      error: (error) => print({ error: Array.isArray(error) ? error : `${error.constructor.name} ${error.code} ${error.reason ?? error.message}` }),
      complete: () => print("complete"),
    },
  );
}

function show({ __typename, activity }, stop) {
  print(activity ? `${activity.activityType} ${activity.task.title} ${activity.task.milestone.name}` : __typename);
  if (activity?.activityType === "STOP") {
    stop();
  }
}

const clients = {
  async "graphql-ws"() {
    const client = createSocketClient({
      url: socketUrl,
      retryAttempts: 50,
      retryWait: soon,
      shouldRetry: () => true, // also when nobody listens
      lazyCloseTimeout: 1000, // one socket for all that is asked
      // 1006: nobody listens while the server is down
      on: { closed: ({ code }) => code === 1006 || print({ closed: code }) },
    });
    await ask(client);
    follow(client);
  },
  async "graphql-sse"() {
    const client = createEventsClient({ url, retryAttempts: 50, retry: soon });
    await ask(client);
    follow(client);
  },
  // What every browser has. It comes back by itself, with Last-Event-ID.
  EventSource() {
    const query = new URLSearchParams({ query: FOLLOW, variables: JSON.stringify({ task }) });
    const events = new EventSource(`${url}?${query}`);
    const awake = setInterval(() => {}, 1000); // Node would not wait for the reconnect
    const stop = () => {
      events.close();
      clearInterval(awake);
    };
    events.addEventListener("next", ({ data }) => show(JSON.parse(data).data.activityAdded, stop));
  },
  legacy() {
    const socket = new WebSocket(socketUrl, "graphql-ws");
    socket.addEventListener("close", ({ code, reason }) => print({ code, reason }));
  },
};
await clients[client]();

// From an operation to its answers: POST for queries and mutations, graphql-transport-ws for subscriptions, one URL for both.
import { Kind, parse } from "graphql";
import { createClient } from "graphql-ws";

export function createFetcher(url) {
  return ({ query, variables, operationName }, { headers = {} } = {}) => {
    const selected = operationOf(query, operationName);
    const operation = { query, variables, operationName: selected?.name?.value };
    return selected?.operation === "subscription" ? subscribe(url, operation, headers) : post(url, operation, headers);
  };
}

// The one that is named; else the only one, since for a tenth of a second after a change of tabs GraphiQL names the operation of
// the tab before. Null where the server has to say what is wrong.
function operationOf(query, name) {
  let operations;
  try {
    operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  } catch {
    return null;
  }
  return operations.find((operation) => operation.name?.value === name) ?? (operations.length === 1 ? operations[0] : null);
}

// Always resolves to something the response pane can show, whatever came back.
async function post(url, operation, headers) {
  let response;
  let text;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json",
        ...headers,
      },
      body: JSON.stringify(operation),
    });
    text = await response.text();
  } catch (cause) {
    return failure(`The server cannot be reached (${cause.message}).`);
  }
  try {
    return JSON.parse(text);
  } catch {
    return failure(`The server answered ${response.status} ${response.statusText} without JSON.`, { body: text.slice(0, 2000) });
  }
}

function subscribe(url, operation, headers) {
  const socket = new URL(url);
  socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
  // No silent reconnect: whoever watches a stream here should see that it broke.
  const client = createClient({ url: socket.href, connectionParams: headers, retryAttempts: 0 });
  const events = client.iterate(operation);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => events.next().catch((cause) => ({ done: false, value: subscriptionFailure(cause) })),
    // Straight to the client's own `return`: a generator around it would hold the stop back until the next event.
    return: () => events.return(),
  };
}

function subscriptionFailure(cause) {
  if (Array.isArray(cause)) {
    return { errors: cause };
  }
  if (cause instanceof CloseEvent) {
    return failure(`The subscription's connection was closed (${cause.code}${cause.reason ? `: ${cause.reason}` : ""}).`);
  }
  return failure(cause instanceof Error ? cause.message : "The subscription's connection failed.");
}

function failure(message, extensions) {
  return { errors: [extensions ? { message, extensions } : { message }] };
}

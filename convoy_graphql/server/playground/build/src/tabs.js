// Which tabs the page opens with, and how the address follows the active one.
export const TABS = "graphiql:tabState";
const DELIVERED = "examples";
// Servers and proxies refuse request lines from 8 KB on.
const LONGEST_ADDRESS = 8000;

// The tabs to show, written where GraphiQL reads them: the visitor's own from last time, else the examples; a deep link in front.
export function openTabs({ storage, examples, link }) {
  const delivered = read(storage, DELIVERED) ?? [];
  const kept = read(storage, TABS);
  const state = kept?.tabs?.length
    ? { ...kept, tabs: kept.tabs.map((tab) => refreshed(tab, delivered, examples)) }
    : { tabs: examples.map(tabOf), activeTabIndex: 0 };
  if (link) {
    const open = state.tabs.findIndex((tab) => isSame(tab, link));
    if (open < 0) {
      state.tabs.unshift(tabOf(link));
    }
    state.activeTabIndex = Math.max(open, 0);
  }
  if (!state.tabs.length) {
    state.tabs.push(tabOf({ query: null, variables: null }));
  }
  state.activeTabIndex = Math.min(Math.max(state.activeTabIndex, 0), state.tabs.length - 1);
  storage.setItem(TABS, JSON.stringify(state));
  storage.setItem(DELIVERED, JSON.stringify(examples));
  return state;
}

// A tab that still is an example as it was delivered last time becomes that example as it is now: ids change with the data.
function refreshed(tab, delivered, examples) {
  const before = delivered.find((example) => isSame(tab, example));
  const now = before && examples.find((example) => example.name === before.name);
  return now ? { ...tab, query: now.query, variables: now.variables } : tab;
}

function tabOf({ name, query, variables, operationName }) {
  return {
    id: Math.random().toString(36).slice(2),
    title: name ?? operationName ?? firstName(query) ?? "<untitled>",
    query,
    variables,
    headers: null,
    operationName: operationName ?? name ?? firstName(query),
    response: null,
  };
}

function firstName(query) {
  return /^(?!#).*?\b(?:query|mutation|subscription)\s+(\w+)/m.exec(query ?? "")?.[1] ?? null;
}

function isSame(tab, other) {
  return (tab.query ?? "") === (other.query ?? "") && compact(tab.variables) === compact(other.variables);
}

function compact(variables) {
  try {
    return JSON.stringify(JSON.parse(variables || "{}"));
  } catch {
    return variables.trim();
  }
}

// `?query=…&variables=…&operationName=…`, or null.
export function readLink(address) {
  const given = new URL(address).searchParams;
  const query = given.get("query");
  if (!query?.trim()) {
    return null;
  }
  return { query, variables: indented(given.get("variables")), operationName: given.get("operationName") || null };
}

function indented(variables) {
  try {
    return variables && JSON.stringify(JSON.parse(variables), null, 2);
  } catch {
    return variables;
  }
}

// Storage that keeps the address in step with the active tab. Stored and shown state change at one moment, so that a reload
// finds the tab that its address names. The address stays as it was opened until the active tab differs from the first one.
export function followingAddress(storage, opened) {
  let follows = false;
  return {
    ...storage,
    setItem(key, value) {
      storage.setItem(key, value);
      if (key === TABS) {
        const { tabs, activeTabIndex } = JSON.parse(value);
        const tab = tabs[activeTabIndex];
        follows ||= !isSame(tab, opened);
        if (follows) {
          window.history.replaceState(null, "", addressOf(tab));
        }
      }
    },
    get length() {
      return storage.length;
    },
  };
}

function addressOf({ query, variables, operationName }) {
  const address = new URL(window.location.href);
  address.search = "";
  if (query?.trim()) {
    address.searchParams.set("query", query);
    if (compact(variables) !== "{}") {
      address.searchParams.set("variables", compact(variables));
    }
    // Where it says something: the first operation runs anyway, and GraphiQL stores a new name before it stores the new query.
    if (operationName && operationName !== firstName(query) && query.includes(operationName)) {
      address.searchParams.set("operationName", operationName);
    }
  }
  return address.href.length > LONGEST_ADDRESS ? address.pathname : address.href;
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

// The playground: GraphiQL over this server's endpoint, with the examples that the page carries.
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useRef } from "react";
import { createRoot } from "react-dom/client";

import { createFetcher } from "./fetcher.js";
import { openStorage } from "./storage.js";
import { followingAddress, openTabs, readLink } from "./tabs.js";

// Read while the script runs: later it is null.
const home = document.currentScript.src;

// WORKER is the worker's file name with its content's hash, put in by the bundler.
globalThis.MonacoEnvironment = { getWorker: (_, label) => new Worker(new URL(WORKER, home), { name: label }) };

const { endpoint, examples } = JSON.parse(document.getElementById("playground-configuration").textContent);
const storage = openStorage();
const link = readLink(window.location.href);
const { tabs, activeTabIndex } = openTabs({ storage, examples, link });
const opened = tabs[activeTabIndex];
// Headers hold tokens: they stay in memory until the visitor asks for more in the settings.
const keepsHeaders = storage.getItem("graphiql:shouldPersistHeaders") === "true";

// A document with several operations starts with its first; a link may name another.
function SelectedOperation({ name }) {
  const { setOperationName } = useGraphiQLActions();
  const operations = useGraphiQL((state) => state.operations);
  const done = useRef(false);
  useEffect(() => {
    if (!done.current && operations?.length) {
      done.current = true;
      if (operations.some((operation) => operation.name?.value === name)) {
        setOperationName(name);
      }
    }
  }, [name, operations, setOperationName]);
  return null;
}

createRoot(document.getElementById("playground")).render(
  <GraphiQL
    fetcher={createFetcher(new URL(endpoint, window.location.href).href)}
    storage={followingAddress(storage, opened)}
    initialQuery={opened.query ?? ""}
    initialVariables={opened.variables ?? ""}
    initialHeaders={opened.headers ?? ""}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={keepsHeaders}
    showPersistHeadersSettings
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      Convoy <em>GraphQL</em>
    </GraphiQL.Logo>
    {link && <SelectedOperation name={link.operationName} />}
  </GraphiQL>,
);

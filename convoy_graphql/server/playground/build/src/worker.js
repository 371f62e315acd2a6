// The one worker file: Monaco starts it once per language service and names the worker after it.
// esbuild turns each import into code that runs before the first message is delivered.
switch (self.name) {
  case "json":
    import("monaco-editor/esm/vs/language/json/json.worker.js");
    break;
  case "graphql":
    import("monaco-graphql/esm/graphql.worker.js");
    break;
  default:
    import("monaco-editor/esm/vs/editor/editor.worker.js");
}

// Takes the place of prettier's JavaScript parser and printer, 550 KB that GraphiQL uses for one thing: tidying the JSON of the
// variables and headers editors. A prettier plugin over the JSON formatter that is in the bundle already.
import { applyEdits, format } from "jsonc-parser";

const tidy = (text) => applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true, eol: "\n" })).trim();

export const parsers = {
  jsonc: { astFormat: "jsonc-text", parse: (text) => ({ text }), locStart: () => 0, locEnd: (node) => node.text.length },
};
export const printers = { "jsonc-text": { print: (path) => tidy(path.node.text) } };

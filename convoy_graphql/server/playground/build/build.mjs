// Bundles ./src into the folder given: playground.js, playground.css and worker.js, each gzipped, codicon.ttf, and the licences of
// everything inside. The server hands the gzipped bytes on as they are, so that 4.9 MB are 1.4 MB in the repository too.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const target = resolve(process.argv[2]);
mkdirSync(target, { recursive: true });

const replace = (replacements) => ({
  name: "replace",
  setup({ onResolve }) {
    for (const [filter, path] of replacements) {
      onResolve({ filter }, () => ({ path: resolve(path) }));
    }
  },
});

const inPage = replace([
  [/^monaco-graphql\/esm\/monaco-editor\.js$/, "src/monaco.js"],
  [/^\.\/monaco-editor$/, "src/monaco.js"],
  [/\/(diffEditorWidget|multiDiffEditorWidget)\.js$/, "src/no-diff-editor.js"],
  [/^prettier\/parser-graphql$/, "node_modules/prettier/plugins/graphql.mjs"], // the same module twice otherwise
  [/^prettier\/(plugins\/estree|parser-babel)$/, "src/jsonc-format.js"],
]);
const inWorker = replace([[/^prettier\//, "src/no-prettier.js"]]);

const inputs = new Set();
// As playground.py computes it, of the bytes that are stored.
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

async function bundle(entry, name, options) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    jsx: "automatic",
    outfile: name,
    ...options,
    define: { "process.env.NODE_ENV": '"production"', ...options.define },
  });
  for (const output of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (bytesInOutput) inputs.add(path);
    }
  }
  const [{ contents }] = outputFiles;
  const gzipped = gzipSync(contents, { level: 9 });
  writeFileSync(join(target, `${name}.gz`), gzipped);
  console.log(`${String(contents.length).padStart(9)} ${name}, minified`);
  return `${name}?v=${hash(gzipped)}`;
}

// The style sheet of the package holds Monaco's too, and web fonts that we leave out; its icon font becomes a file.
const stylesheet = {
  name: "stylesheet",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^\.\/codicon\.ttf/ }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /graphiql\/dist\/style\.css$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8").replace(/@font-face\s*\{[^}]*\}/g, (face) => {
        const icons = /font-family:codicon;.*url\(data:font\/ttf;base64,([^)]+)\)/s.exec(face);
        if (!icons) return "";
        const font = Buffer.from(icons[1], "base64");
        writeFileSync(join(target, "codicon.ttf"), font);
        return `@font-face{font-family:codicon;font-display:block;src:url(./codicon.ttf?v=${hash(font)}) format("truetype")}`;
      });
      return { contents, loader: "css" };
    });
  },
};

const worker = await bundle("src/worker.js", "worker.js", { plugins: [inWorker] });
await bundle("src/main.jsx", "playground.js", {
  plugins: [inPage],
  loader: { ".css": "empty" },
  define: { WORKER: JSON.stringify(worker) },
});
await bundle("src/playground.css", "playground.css", { plugins: [stylesheet] });

writeFileSync(join(target, "THIRD_PARTY_LICENSES.txt"), licences());

let total = 0;
for (const name of readdirSync(target).sort()) {
  const { size } = statSync(join(target, name));
  total += size;
  console.log(`${String(size).padStart(9)} ${name}`);
}
console.log(`${String(total).padStart(9)} bytes to commit`);

// One entry per licence text, under the names of all packages that carry it: React's alone is that of a dozen.
function licences() {
  const folders = new Set();
  for (const path of inputs) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [];
    if (folder) folders.add(folder);
  }
  const packagesByText = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license, author, repository } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const holder = typeof author === "string" ? author : (author?.name ?? repository?.url);
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice|thirdpartynotices)/i.test(file)).sort();
    const text = files.length
      ? files.map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()).join("\n\n")
      : `The package carries no licence file; it declares: ${license}${holder ? `, ${holder}` : ""}.`;
    packagesByText.set(text, (packagesByText.get(text) ?? new Set()).add(`${name} ${version} (${license})`));
  }
  const head =
    "playground.js, playground.css, worker.js and codicon.ttf are bundled from the packages below.\n" +
    "codicon.ttf is Microsoft's Codicons icon font (https://github.com/microsoft/vscode-codicons), CC BY 4.0, as it comes inside monaco-editor.";
  const entries = [...packagesByText].map(([text, packages]) => `${[...packages].sort().join("\n")}\n\n${text}`).sort();
  return `${[head, ...entries].join(`\n\n${"=".repeat(100)}\n\n`)}\n`;
}

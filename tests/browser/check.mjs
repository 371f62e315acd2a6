// What a visitor of the playground relies on, checked in a real browser that can reach the server and nothing else.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, screenshot, executablePath, profile] = process.argv.slice(2);
const { origin, hostname } = new URL(url);

const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1440, height: 900 },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`,
  ],
});

// Everything that must not happen, collected over the whole run.
const complaints = [];
context.on("request", (request) => {
  if (new URL(request.url()).origin !== origin && !/^(data|blob):/.test(request.url())) {
    complaints.push(`request to another origin: ${request.url()}`);
  }
});
context.on("response", (response) => {
  if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
});
await context.exposeFunction("complain", (text) => complaints.push(text));
await context.addInitScript(() =>
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
    window.complain(`policy violated: ${violatedDirective} ${blockedURI} at ${sourceFile}:${lineNumber}`),
  ),
);

async function open(address) {
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack}`));
  await page.goto(address);
  await page.getByRole("tab").first().waitFor();
  // Monaco is there, and the schema has been read: from now on a click runs something.
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  await page.locator(".graphiql-spinner").waitFor({ state: "detached" });
  return page;
}

async function openTab(name) {
  const page = await open(url);
  await page.getByRole("tab").filter({ hasText: name }).locator(".graphiql-tab-button").click();
  // The tab before may have had two operations: until GraphiQL has read this one, its button opens a menu of those.
  await page.locator(".graphiql-execute-button[aria-haspopup]").waitFor({ state: "detached" });
  return page;
}

const tabsOf = (page) => page.getByRole("tab").allInnerTexts();
const activeTab = (page) => page.locator('[role="tab"][aria-selected="true"]').innerText();
// Monaco shows spaces as no-break spaces, and lines in the order it likes.
const textOf = async (page, editor) => (await page.locator(`${editor} .view-lines`).first().innerText()).replaceAll("\u00a0", " ");
const answerOf = (page) => textOf(page, ".graphiql-response");

async function run(page, expected) {
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await page.waitForFunction(
    (text) => document.querySelector(".graphiql-response .view-lines")?.innerText.replaceAll("\u00a0", " ").includes(text),
    expected,
  );
}

async function check(promise, body) {
  try {
    await body();
  } catch (error) {
    const pages = context.pages();
    await pages.at(-1).screenshot({ path: screenshot.replace(/(\.png)?$/, "-failed.png") });
    console.log(`no  ${promise}`, complaints);
    throw error;
  }
  console.log(`ok  ${promise}`);
}

let examples;
let page = await open(url);

await check("the page has its title and its language", async () => {
  assert.equal(await page.title(), "Convoy GraphQL");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
});

await check("a first visit shows the examples as tabs, the first one active, and leaves the address alone", async () => {
  examples = await tabsOf(page);
  assert.ok(examples.length > 1, `tabs: ${examples}`);
  assert.equal(await activeTab(page), examples[0]);
  assert.equal(page.url(), url);
});

await check("the first example runs and its answer is shown", async () => {
  await run(page, '"data"');
  assert.doesNotMatch(await answerOf(page), /"errors"/);
  await page.screenshot({ path: screenshot });
});

await check("the docs explorer lists the schema", async () => {
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").getByText("Root Types").waitFor();
  await page.locator(".graphiql-doc-explorer").getByRole("link", { name: "Query", exact: true }).click();
  await page.locator(".graphiql-doc-explorer-field-name, .graphiql-doc-explorer-item").first().waitFor();
  await page.screenshot({ path: screenshot.replace(/(\.png)?$/, "-docs.png") });
});

await check("the history holds what was run", async () => {
  await page.getByRole("button", { name: "Show History" }).click();
  await page.locator(".graphiql-history-item").filter({ hasText: examples[0] }).first().waitFor();
});

await check("another tab brings its query, and the address follows", async () => {
  await page.getByRole("tab").nth(1).locator(".graphiql-tab-button").click();
  assert.equal(await activeTab(page), examples[1]);
  await page.waitForURL((address) => new RegExp(`\\bquery ${examples[1]}\\b`).test(address.searchParams.get("query")));
});

await check("an edited tab is kept for the next visit, which opens no tab twice", async () => {
  const before = await tabsOf(page);
  await page.locator(".graphiql-query-editor .view-line").first().click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText("query Mine { __typename }");
  await page.waitForURL((address) => address.searchParams.get("query") === "query Mine { __typename }");
  await page.reload();
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  assert.deepEqual(await tabsOf(page), before.with(1, "Mine"));
  assert.equal(await activeTab(page), "Mine");
  await page.close();
  page = await open(url);
  assert.deepEqual(await tabsOf(page), before.with(1, "Mine"));
});

await check("a deep link opens as the first tab, with its variables, and runs the operation that it names", async () => {
  const link = new URL(url);
  link.searchParams.set("query", "query One { one: __typename }\nquery Two($yes: Boolean!) { two: __typename @include(if: $yes) }");
  link.searchParams.set("variables", '{"yes":true}');
  link.searchParams.set("operationName", "Two");
  const linked = await open(link.href);
  assert.equal((await tabsOf(linked)).length, examples.length + 1);
  assert.equal(await linked.getByRole("tab").first().getAttribute("aria-selected"), "true");
  assert.equal(await activeTab(linked), "Two");
  assert.match(await textOf(linked, '[aria-label="Variables"]'), /"yes": true/);
  // Two operations: the button offers both, the editor's shortcut runs the one under the cursor, so ask by the menu.
  await linked.getByRole("button", { name: /^Execute query/ }).click();
  await linked.getByRole("menuitem", { name: "Two" }).click();
  await linked.waitForFunction(() => document.querySelector(".graphiql-response .view-lines")?.innerText.includes('"two"'));
  await linked.close();
});

await check("a subscription runs, and shows what happens while it does", async () => {
  const live = await openTab("Live");
  await run(live, '"Ready"');
  const comment = await openTab("Comment");
  await run(comment, '"errors": []');
  await comment.close();
  await live.bringToFront();
  await live.waitForFunction(() => document.querySelector(".graphiql-response .view-lines")?.innerText.includes('"ActivityAdded"'));
  assert.match(await answerOf(live), /"activityType": "COMMENT"/);
  await live.screenshot({ path: screenshot.replace(/(\.png)?$/, "-live.png") });
  await live.getByRole("button", { name: /^Stop query/ }).click();
  await live.getByRole("button", { name: /^Execute query/ }).waitFor();
  await live.close();
});

await check("errors of the server are shown in the response pane", async () => {
  const link = new URL(url);
  link.searchParams.set("query", "query Wrong { thisFieldIsNotThere }");
  const wrong = await open(link.href);
  // The one answer with an error status that is meant to be there.
  const known = complaints.length;
  await run(wrong, '"errors"');
  assert.match(await answerOf(wrong), /thisFieldIsNotThere/);
  complaints.splice(known, complaints.length, ...complaints.slice(known).filter((text) => !/\b400\b/.test(text)));
  await wrong.close();
});

await check("the editor knows the schema: it marks what is wrong and suggests what is right", async () => {
  const link = new URL(url);
  link.searchParams.set("query", "query Typo { __typenam }");
  const typo = await open(link.href);
  await typo.locator(".graphiql-query-editor .squiggly-error").first().waitFor();
  await typo.locator(".graphiql-query-editor .view-line").first().click();
  await typo.keyboard.press("End");
  await typo.keyboard.press("ArrowLeft");
  await typo.keyboard.press("ArrowLeft");
  await typo.keyboard.press("ControlOrMeta+Space");
  await typo.locator(".suggest-widget .monaco-list-row").filter({ hasText: "__typename" }).first().waitFor();
  await typo.screenshot({ path: screenshot.replace(/(\.png)?$/, "-suggest.png") });
  await typo.close();
});

await check("prettify tidies query and variables and keeps comments", async () => {
  const link = new URL(url);
  link.searchParams.set("query", "# why\nquery   Untidy($yes:Boolean=true){__typename @include(if:$yes)}");
  const untidy = await open(link.href);
  await untidy.locator('[aria-label="Variables"] .view-line').first().click();
  await untidy.keyboard.insertText('{"yes":true /* because */}');
  await untidy.getByRole("button", { name: /^Prettify query/ }).click();
  await untidy.waitForFunction(() => document.querySelectorAll(".graphiql-query-editor .view-line").length > 3);
  const query = await textOf(untidy, ".graphiql-query-editor");
  assert.match(query, /# why/);
  assert.match(query, /query Untidy\(\$yes: Boolean = true\) \{/);
  assert.match(await textOf(untidy, '[aria-label="Variables"]'), /"yes": true \/\* because \*\//);
  await untidy.close();
});

for (const [scheme, isRight] of [
  ["light", (lightness) => lightness > 0.8],
  ["dark", (lightness) => lightness < 0.3],
]) {
  await check(`the system's ${scheme} colour scheme is followed`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(url);
    await page.locator(".graphiql-query-editor .view-line").first().waitFor();
    await page.getByRole("tab").filter({ hasText: examples[0] }).locator(".graphiql-tab-button").click();
    await run(page, '"data"');
    const lightness = await page.evaluate(() => {
      const pixel = document.createElement("canvas").getContext("2d");
      pixel.fillStyle = getComputedStyle(document.querySelector(".graphiql-container")).backgroundColor;
      pixel.fillRect(0, 0, 1, 1);
      const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data;
      return (red + green + blue) / 765;
    });
    assert.ok(isRight(lightness), `lightness of the background: ${lightness}`);
    await page.screenshot({ path: screenshot.replace(/(\.png)?$/, `-${scheme}.png`) });
  });
}

await check("no console message, no refused request, nothing from another origin, no policy violation", async () => {
  assert.deepEqual(complaints, []);
});

await context.close();

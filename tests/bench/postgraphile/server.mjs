// PostGraphile 5 as its manual advises for production: node's own http server, one pool, no watching, no explaining.
// In the environment: DATABASE_URL, PORT, POOL_SIZE. With JWT_SECRET each request is its token's: role and claims go by
// pgSettings, as its manual says of row-level security. A token is verified once, as ours is.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import { printSchema } from "postgraphile/graphql";

const secret = process.env.JWT_SECRET;
const settings = new Map();

function settingsOf(authorization) {
  if (!authorization?.startsWith("Bearer ")) return { role: "anon", "request.jwt.claims": "{}" };
  if (!settings.has(authorization)) {
    const [header, payload, signature] = authorization.slice("Bearer ".length).split(".");
    const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest();
    if (!timingSafeEqual(expected, Buffer.from(signature, "base64url"))) throw new Error("The token is not taken.");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    settings.set(authorization, { role: claims.role, "request.jwt.claims": JSON.stringify(claims) });
  }
  return settings.get(authorization);
}

const instance = postgraphile({
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset, PostGraphileConnectionFilterPreset],
  // It hides orders and filters that no index serves; ours offers them, so that it has to.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["public"],
      ...(secret && { pgSettings: (context) => settingsOf(context.http?.getHeader("authorization")) }),
      poolConfig: { max: Number(process.env.POOL_SIZE), options: "-c jit=off -c timezone=UTC" },
    }),
  ],
  schema: { dontSwallowErrors: true },
  grafserv: { watch: false, graphiql: false, graphqlPath: "/graphql", maxRequestLength: 262144 },
  grafast: { explain: false },
});

if (process.env.PRINT_SCHEMA) {
  writeFileSync(process.env.PRINT_SCHEMA, printSchema(await instance.getSchema()));
}
const serv = instance.createServ(grafserv);
const server = createServer();
server.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
await serv.addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));

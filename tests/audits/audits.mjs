// Runs the audits against an endpoint, one after the other, and prints what they found: audits.mjs <url of /graphql>
import { serverAudits } from "graphql-http";

const found = [];
for (const audit of serverAudits({ url: process.argv[2] })) {
  const { name, status, reason } = await audit.fn();
  found.push([name, reason ? `${status}: ${reason}` : status]);
}
console.log(JSON.stringify(found));

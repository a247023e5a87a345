// The TypeScript SDK, of its first or second line: sdk.mjs v1|v2 CASES. Promises that it lists every tool, calls it and
// takes its result, which it checks against the output schema. Needs $RINGFENCE_URL and $RINGFENCE_TOKEN.
import { deepStrictEqual } from 'node:assert';
import { readFileSync } from 'node:fs';

const [line, file] = process.argv.slice(2);
const from = line === 'v1'
  ? ['@modelcontextprotocol/sdk/client/index.js', '@modelcontextprotocol/sdk/client/streamableHttp.js']
  : ['@modelcontextprotocol/client', '@modelcontextprotocol/client'];
const [{ Client }, { StreamableHTTPClientTransport }] = await Promise.all(from.map((name) => import(name)));
const cases = JSON.parse(readFileSync(file, 'utf8'));

const client = new Client({ name: 'matrix', version: '1' });
const headers = { Authorization: `Bearer ${process.env.RINGFENCE_TOKEN}` };
await client.connect(new StreamableHTTPClientTransport(new URL(`${process.env.RINGFENCE_URL}/mcp`), { requestInit: { headers } }));

const tools = new Map();
for (let cursor; ;) {
  const page = await client.listTools(cursor ? { cursor } : {});
  for (const tool of page.tools) tools.set(tool.name, tool);
  if (!(cursor = page.nextCursor)) break;
}

const failed = [];
async function row(name, what, check) {
  try { await check(); } catch (error) { failed.push(`${name}: ${what}: ${String(error.message).slice(0, 300)}`); }
}

async function call(name, given, expected) {
  const result = await client.callTool({ name, arguments: { the_value: given } });
  if (result.isError) throw new Error(result.content[0].text);
  let value = result.structuredContent;
  // Older revisions want an object, so other values stand in one.
  const output = tools.get(name).outputSchema;
  if (Object.keys(output.properties ?? {}).join() === 'result' && Object.keys(value).join() === 'result') value = value.result;
  deepStrictEqual(value, expected);
}

for (const { name, kind, optional, calls } of cases.tools) {
  await row(name, 'listed', () => {
    const parameter = tools.get(name).inputSchema.properties.the_value;
    deepStrictEqual(parameter.type, kind);
    deepStrictEqual(tools.get(name).inputSchema.required.includes('the_value'), !optional);
  });
  for (const { value, result } of calls) await row(name, `called with ${JSON.stringify(value)}`, () => call(name, value, result));
}
for (const { name, value, result } of cases.raw) await row(name, `called with ${JSON.stringify(value)}`, () => call(name, value, result));
await row('kinds_nothing', 'called', async () => {
  const result = await client.callTool({ name: 'kinds_nothing', arguments: {} });
  deepStrictEqual([result.isError ?? false, result.content[0].text], [false, 'null']);
});
await client.close();
if (failed.length) { console.error(failed.join('\n')); process.exit(1); }

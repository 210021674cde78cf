// A server on tmcp, as its documentation shows it.
import { createServer } from "node:http";
import { ZodJsonSchemaAdapter } from "@tmcp/adapter-zod";
import { HttpTransport } from "@tmcp/transport-http";
import { McpServer } from "tmcp";
import { z } from "zod";

const server = new McpServer({ name: "tmcp", version: "1.0.0" }, { adapter: new ZodJsonSchemaAdapter(), capabilities: { tools: {} } });
server.tool({ name: "add", description: "Add two numbers.", schema: z.object({ a: z.number(), b: z.number() }) },
  async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }));
const transport = new HttpTransport(server, { path: "/mcp" });
createServer(async (request, response) => {
  const portions = [];
  for await (const portion of request) portions.push(portion);
  const body = portions.length ? Buffer.concat(portions) : undefined;
  const answer = await transport.respond(new Request(`http://${request.headers.host}${request.url}`,
    { method: request.method, headers: request.headers, body }));
  if (!answer) { response.writeHead(404).end(); return; }
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body) for await (const portion of answer.body) response.write(portion);
  response.end();
}).listen(Number(process.argv[2]), "0.0.0.0");

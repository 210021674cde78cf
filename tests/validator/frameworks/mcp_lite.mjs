// A server on mcp-lite, as its documentation shows it.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { McpServer, StreamableHttpTransport } from "mcp-lite";

const server = new McpServer({ name: "mcp-lite", version: "1.0.0" });
server.tool("add", {
  description: "Add two numbers.",
  inputSchema: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } }, required: ["a", "b"] },
  handler: ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }),
});
const handle = new StreamableHttpTransport().bind(server);
const application = new Hono();
application.all("/mcp", (context) => handle(context.req.raw));
serve({ fetch: application.fetch, hostname: "0.0.0.0", port: Number(process.argv[2]) });

// A server on Hono with @hono/mcp, as its documentation shows it.
import { serve } from "@hono/node-server";
import { StreamableHTTPTransport } from "@hono/mcp";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Hono } from "hono";
import { z } from "zod";

const server = new McpServer({ name: "hono", version: "1.0.0" });
server.registerTool("add", { description: "Add two numbers.", inputSchema: { a: z.number(), b: z.number() } },
  async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }));
const transport = new StreamableHTTPTransport();
const application = new Hono();
application.all("/mcp", async (context) => {
  if (!server.isConnected()) await server.connect(transport);
  return transport.handleRequest(context);
});
serve({ fetch: application.fetch, hostname: "0.0.0.0", port: Number(process.argv[2]) });

// A server on the official TypeScript SDK, with sessions, as its examples show it.
import { randomUUID } from "node:crypto";
import express from "express";
import { z } from "zod";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";

const transports = {};
const application = express();
application.use(express.json());
application.all("/mcp", async (request, response) => {
  const session = request.headers["mcp-session-id"];
  let transport = session ? transports[session] : undefined;
  if (!transport && isInitializeRequest(request.body)) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => { transports[id] = transport; },
    });
    const server = new McpServer({ name: "typescript-sdk", version: "1.0.0" });
    server.registerTool("add", { description: "Add two numbers.", inputSchema: { a: z.number(), b: z.number() } },
      async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }));
    await server.connect(transport);
  }
  if (!transport) {
    response.status(400).json({ jsonrpc: "2.0", error: { code: -32000, message: "Bad Request: No valid session ID provided" }, id: null });
    return;
  }
  await transport.handleRequest(request, response, request.body);
});
application.listen(Number(process.argv[2]), "0.0.0.0");

// A server on fastmcp for TypeScript, as its documentation shows it.
import { FastMCP } from "fastmcp";
import { z } from "zod";

const server = new FastMCP({ name: "fastmcp-typescript", version: "1.0.0" });
server.addTool({
  name: "add",
  description: "Add two numbers.",
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: async ({ a, b }) => String(a + b),
});
await server.start({ transportType: "httpStream", httpStream: { host: "0.0.0.0", port: Number(process.argv[2]) } });

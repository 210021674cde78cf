"""List a server's tools with the official client, and print how many it lists, in each era that it finds.

Takes a URL; prints a JSON object. Runs in an environment of its own, with the official SDK.
"""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import asyncio
import json
import sys

from mcp import Client


async def count(url: str, mode: str) -> int | str:
    """Count the tools that the client lists, on all pages."""
    total = 0
    try:
        async with asyncio.timeout(30), Client(url, mode=mode) as client:
            page = await client.list_tools()
            total += len(page.tools)
            while page.next_cursor is not None:
                page = await client.list_tools(cursor=page.next_cursor)
                total += len(page.tools)
    except BaseException as error:  # noqa: BLE001 - whatever the client meets is its answer
        return f"{type(error).__name__}: {error}"[:200]
    return total


async def main() -> None:
    """Print the counts."""
    print(json.dumps({mode: await count(sys.argv[1], mode) for mode in ("auto", "legacy")}))  # noqa: T201


asyncio.run(main())

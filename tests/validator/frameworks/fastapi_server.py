"""An application of FastAPI whose routes fastapi-mcp makes tools of."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

import uvicorn
from fastapi import FastAPI
from fastapi_mcp import FastApiMCP

application = FastAPI(title="fastapi")


@application.get("/items/{number}", operation_id="read_item")
async def read_item(number: int) -> dict[str, int]:
    """Read an item."""
    return {"number": number}


FastApiMCP(application).mount_http()
uvicorn.run(application, host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container

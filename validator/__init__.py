"""The Lambda function that talks MCP to a server and says what it found.

It meets servers written by strangers: every reading of the network is bounded in time and bytes, nothing
that a server declares is ever called, and what it says is shown only escaped. The flow is one direction:

    handler → survey (talks, and only records) → checks (judge what was recorded) → verdict
"""

VERSION = "1.0.0"
"""The validator's own version, written into each verdict."""

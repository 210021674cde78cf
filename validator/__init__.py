"""The Lambda function that talks MCP to a server and says what it found."""

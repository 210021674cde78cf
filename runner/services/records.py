"""DynamoDB here: the emulator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.services.call import failed

if TYPE_CHECKING:
    from runner.emulator import Emulator
    from runner.services.call import Call


def put_item(emulator: Emulator, call: Call) -> Any:
    """Answer `dynamodb:putItem`."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        answer = emulator.client("dynamodb").put_item(**call.parameters)
    except (ClientError, BotoCoreError) as error:
        raise failed("DynamoDB", error) from error
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

"""The Lambda function: an event from the state machine in, a verdict out, whatever happens between."""

import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from validator.checks.internal import Ourselves
from validator.endpoint import Endpoint, EndpointError, parse_endpoint
from validator.judgement import Judgement
from validator.limits import Budget, Limits
from validator.survey import Survey, survey
from validator.verdict import write_verdict

LOGGER = logging.getLogger(__name__)
TIME_LIMIT_VARIABLE = "TIME_LIMIT_SECONDS"
MARGIN_SECONDS = 3.0
"""What is left of the function's own time when the run must be over: a killed function writes no verdict."""


class Context(Protocol):
    """What is used of the context that Lambda passes."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the function."""
        ...


def handler(event: Mapping[str, Any], context: Context | None) -> dict[str, Any]:
    """Judge the server at `event["endpoint"]` (`http://<private IPv4>:8000`) and return its verdict.

    Also read, and only copied: `taskArn` and `imageDigest`. Never raises: what goes wrong here is the check
    `internal.error` and the outcome `inconclusive`.
    """
    try:
        limits = Limits(total_seconds=_seconds(context))
        endpoint = parse_endpoint(event.get("endpoint"))
    except EndpointError as problem:
        return _inconclusive(event, str(problem))
    except Exception as error:  # noqa: BLE001 - nothing that goes wrong here may end without a verdict
        return _failed(event, error)
    return judge(endpoint, limits, event)


def judge(
    endpoint: Endpoint, limits: Limits, event: Mapping[str, Any], pause: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Return the verdict on the server at an endpoint, within the limits; never raises."""
    judgement = Judgement()
    surveyed: Survey | None = None
    try:
        surveyed = survey(endpoint, Budget(limits), judgement, pause)
        return write_verdict(
            surveyed, judgement, image_digest=_text(event, "imageDigest"), task_arn=_text(event, "taskArn")
        )
    except Exception as error:  # noqa: BLE001 - a defect of ours must not become a server's pass, or no verdict
        return _failed(event, error)


def _failed(event: object, error: Exception) -> dict[str, Any]:
    """Leave operators the places of our code that an error came through; its text may be a server's."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    LOGGER.error("internal.error: %s at %s", type(error).__name__, places)
    return _inconclusive(event, f"{type(error).__name__}: {error}")


def _inconclusive(event: object, problem: str) -> dict[str, Any]:
    judgement = Judgement()
    judgement.accepts(Ourselves(problem))
    return write_verdict(
        None, judgement, image_digest=_text(event, "imageDigest"), task_arn=_text(event, "taskArn")
    )


def _text(event: object, key: str) -> str | None:
    value = event.get(key) if isinstance(event, Mapping) else None
    return value if isinstance(value, str) else None


def _seconds(context: Context | None) -> float:
    """Return the seconds that a run may take: what is configured, and never more than the function has left."""
    configured = float(os.environ.get(TIME_LIMIT_VARIABLE) or Limits.total_seconds)
    if context is None:
        return configured
    return max(0.0, min(configured, context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS))

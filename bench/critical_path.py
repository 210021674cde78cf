"""How much an execution takes beyond what AWS itself takes: both pipelines on the virtual clock.

What AWS takes is given: a build, and the start of a task, between the fastest and the slowest that users report. The
rest is waiting. The original waits 60 s whatever the task does, and fails where that is not enough.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from runner.modelled_aws import ModelledAws
from states_language.clock import VirtualClock
from states_language.interpreter import Status
from tests.generator.test_execution import run

BUILD_SECONDS, VALIDATOR_SECONDS = 120, 3
"""What the model's build and validator take."""
ORIGINAL_WAIT = 60
# From RunTask to RUNNING on Fargate, pull of the image included. documentation: AWS's blog on the start of Fargate
# tasks gives 20 to 40 s for ordinary images; a cached or lazily loaded one is faster, one of gigabytes slower.
STARTS = (8, 15, 20, 25, 30, 40, 55)


@dataclass(frozen=True)
class Overhead:
    """What each takes beyond AWS, in seconds, where a task starts in `start` seconds."""

    start: float
    ours: float
    original: float


def paths() -> list[Overhead]:
    """Execute the committed document for each start."""
    result = []
    for start in STARTS:
        aws = ModelledAws(VirtualClock(), seconds_to_run=start)
        execution = run(aws)
        if execution.status is not Status.SUCCEEDED:
            message = f"the pipeline ended as {execution.status}"
            raise RuntimeError(message)
        ours = aws.seconds - BUILD_SECONDS - start - VALIDATOR_SECONDS
        result.append(Overhead(start, ours, max(0.0, ORIGINAL_WAIT - start)))
    return result


if __name__ == "__main__":
    for each in paths():
        print(f"{each.start:>5} s start: {each.ours:6.2f} s beyond AWS, the original {each.original:6.2f} s")

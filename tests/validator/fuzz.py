"""Run the laws of the readers and of the judgement again and again, with new random data, for a given time.

python -m tests.validator.fuzz SECONDS
"""

import itertools
import sys
import time
from collections.abc import Callable

import click
from hypothesis import HealthCheck, seed, settings

EXAMPLES_A_ROUND = 1000

# Before the laws are imported: they take from the profile what they do not say themselves.
settings.register_profile(
    "fuzz",
    max_examples=EXAMPLES_A_ROUND,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("fuzz")

from tests.validator import (  # noqa: E402
    test_decoding,
    test_event_stream,
    test_schema,
    test_shown,
    test_survey,
    test_transport,
)

LAWS: tuple[Callable[[], None], ...] = (
    test_decoding.test_no_bytes_raise,
    test_decoding.test_what_json_writes_is_read_back,
    test_decoding.test_the_bounds_agree_with_the_value,
    test_event_stream.test_cutting_changes_nothing,
    test_transport.test_no_answer_raises,
    test_transport.test_cutting_changes_nothing,
    test_schema.test_the_bounded_judge_agrees_with_the_library,
    test_shown.test_the_result_is_short_and_hides_nothing,
    test_survey.test_no_message_is_too_odd_to_be_judged,
)


def fuzz(seconds: float, first_seed: int = 0) -> int:
    """Run rounds of the laws until the time is over; how many examples were tried."""
    until = time.monotonic() + seconds
    tried = 0
    for number, law in ((number, law) for number in itertools.count(first_seed) for law in LAWS):
        if time.monotonic() > until:
            break
        seed(number)(law)()
        tried += EXAMPLES_A_ROUND
    return tried


if __name__ == "__main__":
    click.echo(f"{fuzz(float(sys.argv[1]), int(time.time()))} examples without a finding")

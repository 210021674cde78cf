"""The endpoint that a local run serves: the emulator's, and what only the run itself can answer.

`server` takes the requests and hands each on to the emulator, byte for byte, unless one of the services here answers
it; `protocol` reads and writes what those are asked, by botocore's models; `state_machines` answers for Step Functions
from our own interpreter.
"""

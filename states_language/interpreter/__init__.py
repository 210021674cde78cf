"""Executes a document here: every state type, on a virtual clock, the same way every time.

`execution` runs a document; `states` runs one state after another, `tasks`, `parallel`, `iteration` and
`distributed` the states that contain something; `handling` retries and catches; `jsonpath` and `jsonata` are what
the two query languages do with data; `history` writes the events; `form` refuses what is no document; `schedule`
lets branches run beside each other in virtual time.

What it does not do: the limits of express workflows; redriving; the integrations themselves, which `call_task`
answers. JSONata needs the package jsonata-python; where it is missing such a document is refused.
"""

from states_language.interpreter.errors import ExecutionStopped, TaskFailed
from states_language.interpreter.execution import (
    Execution,
    StateExecution,
    Status,
    execute,
    execute_state,
)
from states_language.interpreter.form import UnsupportedDocument
from states_language.interpreter.history import Event
from states_language.interpreter.tasks import Took

__all__ = [
    "Event",
    "Execution",
    "ExecutionStopped",
    "StateExecution",
    "Status",
    "TaskFailed",
    "Took",
    "UnsupportedDocument",
    "execute",
    "execute_state",
]

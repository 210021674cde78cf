"""Executes a document here: every state type of JSONPath, on a virtual clock, the same way every time.

`execution` runs a document; `states` runs one state after another, `tasks`, `parallel`, `iteration` and
`distributed` the states that contain something; `handling` retries and catches; `data` and `choice` are what paths
and comparisons do; `history` writes the events; `schedule` lets branches run beside each other in virtual time.

What it does not do: JSONata; express workflows' own limits; redriving; the forty-odd integrations themselves,
which `call_task` answers.
"""

from states_language.interpreter.errors import ExecutionStopped, TaskFailed
from states_language.interpreter.execution import Execution, Status, UnsupportedDocument, execute
from states_language.interpreter.history import Event
from states_language.interpreter.tasks import Took

__all__ = [
    "Event",
    "Execution",
    "ExecutionStopped",
    "Status",
    "TaskFailed",
    "Took",
    "UnsupportedDocument",
    "execute",
]

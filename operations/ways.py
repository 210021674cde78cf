"""How a person comes back to an execution that goes on, or ends it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.console import STACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer.account import Access


@dataclass(frozen=True)
class Ways:
    """The commands for one execution, as they are typed."""

    arn: str
    access: Access
    stack: str = STACK

    def lines(self) -> Iterator[str]:
        """Yield how to follow it again, and how to stop it."""
        yield f"follow it  {self._command('--follow')}"
        yield f"stop it    {self._command('--stop')}"

    def _command(self, option: str) -> str:
        given = {
            "--profile": self.access.profile,
            "--region": self.access.region,
            "--endpoint-url": self.access.endpoint_url,
            "--stack-name": self.stack if self.stack != STACK else None,
        }
        words = [word for name, value in given.items() if value for word in (name, value)]
        return shlex.join(["python", "build.py", "execution", self.arn, option, *words])

"""What executions that are started over the API judge: which source stands for which repository."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.faults_injected import InjectedFault
    from runner.services.stand_ins import Source


@dataclass(frozen=True)
class Repository:
    """A source, and the faults that executions on it are put under."""

    source: Source
    faults: Sequence[InjectedFault] = ()

    def own_faults(self) -> list[InjectedFault]:
        """Return the faults for one execution: each counts its strikes anew."""
        return [replace(fault) for fault in self.faults]


@dataclass(frozen=True)
class Repositories:
    """The source of every repository: one for all, and others by the repository's name."""

    default: Repository
    named: Mapping[str, Repository] = field(default_factory=dict)
    """By `originalRepositoryName`, as `owner/name`."""

    def of(self, given: Any) -> Repository:
        """Return what an execution with some input judges."""
        name = given.get("originalRepositoryName") if isinstance(given, dict) else None
        return self.named.get(name, self.default) if isinstance(name, str) else self.default

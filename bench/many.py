"""Generate many pipelines in one process: `many.py COUNT`.

Each has names of its own, and so documents, policies and state machines of its own; the parts of the template that do
not depend on them are shared (`generator/resources/part.py`).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from generator import artifacts, documents  # noqa: E402 - after the path to them
from generator import settings as settings_file  # noqa: E402


def main(count: int) -> int:
    """Generate, and return how many bytes that were."""
    settings = settings_file.load(ROOT / documents.SETTINGS)
    package = artifacts.read_package(ROOT)
    written = 0
    for index in range(count):
        names = replace(settings.names, state_machine=f"Pipeline-{index}", task_definition_family=f"F{index}")
        own = replace(settings, names=names)
        made = [documents.document(ROOT, own, source, package) for source in documents.SOURCES.values()]
        written += len(documents.stack(own, made, package).text)
        written += sum(len(document.definition.text) for document in made)
    return written


if __name__ == "__main__":
    main(int(sys.argv[1]))

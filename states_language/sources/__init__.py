"""Reads files: JSON and YAML with the place of every value, and the state machines inside templates.

What is wrong with a file is a `SourceError` with a line and a column. Sizes, depths and YAML's aliases are
bounded, so that no file can hang the reader. Places are computed only when something is to be reported.
"""

from states_language.sources.definitions import Definition, find_definitions, read_file
from states_language.sources.errors import SourceError
from states_language.sources.parsed import Parsed
from states_language.sources.reading import decode, parse, read_text

__all__ = [
    "Definition",
    "Parsed",
    "SourceError",
    "decode",
    "find_definitions",
    "parse",
    "read_file",
    "read_text",
]

"""JSONPath as AWS Step Functions accepts it: parsed once into a frozen tree, evaluated as AWS does.

The dialect is Jayway's (`com.jayway.jsonpath`), which the Amazon States Language names as its reference;
`syntax` is the tree, `parser` reads it, `evaluation` applies it. A path is parsed once: `parse_path` caches.
"""

from states_language.paths.evaluation import PathNotFound, evaluate, set_reference_path
from states_language.paths.parser import PathError, parse_path, path_extent
from states_language.paths.syntax import (
    And,
    Comparison,
    CurrentPath,
    Descent,
    Exists,
    Filter,
    Function,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Not,
    Or,
    Path,
    Root,
    Slice,
    Step,
    Test,
    Wildcard,
)

__all__ = [
    "And",
    "Comparison",
    "CurrentPath",
    "Descent",
    "Exists",
    "Filter",
    "Function",
    "Index",
    "Indexes",
    "Literal",
    "Name",
    "Names",
    "Not",
    "Or",
    "Path",
    "PathError",
    "PathNotFound",
    "Root",
    "Slice",
    "Step",
    "Test",
    "Wildcard",
    "evaluate",
    "parse_path",
    "path_extent",
    "set_reference_path",
]

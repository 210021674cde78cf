"""The checks, one small function each; the order of the families is the order in verdicts.

A new check is a function in its family's module, and a page `docs/validator/<id>.md`.
"""

from validator.checks import endpoint, limits, rpc, protocol, tools, text, internal  # noqa: F401, I001
from validator.checks.check import TABLE, Check, Found, Severity

__all__ = ["TABLE", "Check", "Found", "Severity"]

"""The intrinsic functions of JSONPath states (`States.Format('…{}', $.a)`): parsed, described, evaluated.

`parser` reads a call into a frozen tree, `signatures` says as data what each function takes and gives, and
`evaluation` computes it.
"""

from states_language.intrinsics.evaluation import IntrinsicFailure, evaluate_intrinsic
from states_language.intrinsics.parser import (
    MAXIMUM_CALLS,
    Argument,
    Call,
    Constant,
    IntrinsicError,
    parse_intrinsic,
)
from states_language.intrinsics.signatures import SIGNATURES, JsonType, Parameter, Signature

__all__ = [
    "MAXIMUM_CALLS",
    "SIGNATURES",
    "Argument",
    "Call",
    "Constant",
    "IntrinsicError",
    "IntrinsicFailure",
    "JsonType",
    "Parameter",
    "Signature",
    "evaluate_intrinsic",
    "parse_intrinsic",
]

"""The types of the data at every point of a document, followed through all of ASL to a fixed point."""

from states_language.flow.facts import (
    BadSyntax,
    Environment,
    Facts,
    IntrinsicCall,
    PayloadTemplate,
    Purpose,
    Read,
    ServiceCall,
)
from states_language.flow.resolution import Gap, Obstacle, Resolution
from states_language.flow.scopes import analyze

__all__ = [
    "BadSyntax",
    "Environment",
    "Facts",
    "Gap",
    "IntrinsicCall",
    "Obstacle",
    "PayloadTemplate",
    "Purpose",
    "Read",
    "Resolution",
    "ServiceCall",
    "analyze",
]

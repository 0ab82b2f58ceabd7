"""The diary: one listen at once, what is the same play, and what years of listening say.

`load` writes histories as a whole; `add` writes a single play the moment it is heard. What was listened to is linked by `links`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .adding import add

if TYPE_CHECKING:
    from ..db import Database

__all__ = ["add", "freshen", "layout", "metrics", "rollups", "statistics"]


def freshen(db: Database) -> None:
    """After an import was linked and resolved: write down new numbers and likes, and make the rollups of what was listened to."""
    from . import metrics, rollups

    metrics.collect(db)
    rollups.refresh(db)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

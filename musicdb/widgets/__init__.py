"""The notebook screens: each is one line in a cell, keeps its errors on a status line, and calls library functions. No SQL in here.

    musicdb.Grid(db)            musicdb.LinkReview(db)          musicdb.TruthEditor(db, track)

Each is imported when first used, also as `musicdb.<Name>`.
"""

from __future__ import annotations

import importlib
from typing import Any

SCREENS = {
    "Grid": "grid", "LinkReview": "review", "TruthEditor": "truth_editor", "DuplicateReview": "duplicates", "TrackSplit": "splitting", "TrackDetails": "details",
    "PlatformSearch": "searching", "UpstreamChanges": "upstream", "ImagePicker": "pictures", "Tagger": "tagger", "ImportPanel": "imports",
    "HistoryPanel": "history", "Login": "login", "PlaylistSync": "playlist_sync", "Shelf": "shelf", "ReleaseReview": "releases",
}  # fmt: skip
__all__ = [*SCREENS, "h"]


def __getattr__(name: str) -> Any:
    if name in SCREENS:
        return getattr(importlib.import_module(f".{SCREENS[name]}", __name__), name)
    if name == "h":
        from .base import h

        return h
    raise AttributeError(f"module 'musicdb.widgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

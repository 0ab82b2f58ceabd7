"""Playlists: what changed, since when and by whom; what to do about it, approved step by step; and the writing of it.

    diff, patch                         pure: lists of hashable keys in, changes out
    snapshot, history, state, restore   the time machine
    plan, approve, deny, apply, undo    a plan is stored, approved by number and carried out exactly so
    create, add, remove, move, ...      your own lists; each call is one operation of the log
"""

from __future__ import annotations

import importlib
from typing import Any

from .diffing import Change, diff, patch

_WHERE = {
    "snapshot": "snapshots", "state": "snapshots", "history": "snapshots", "restore": "restoring",
    "plan": "planning", "plans": "reviewing", "operations": "reviewing", "approve": "reviewing", "deny": "reviewing", "dismiss": "reviewing",
    "apply": "applying", "undo": "applying", "resume": "applying",
    "merge": "syncing", "create": "editing", "rename": "editing", "delete": "editing", "add": "editing", "remove": "editing", "move": "editing",
    "put": "editing", "find": "editing", "link": "linking", "unlink": "linking", "links": "linking", "likes": "liking",
    "refresh": "smart", "marks": "marking", "status": "overview", "check": "overview", "inspect": "overview", "between": "snapshots",
    "compare": "comparing", "changes": "comparing", "Listing": "comparing", "Event": "comparing",
}  # fmt: skip
__all__ = ["Change", "diff", "patch", *_WHERE]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module 'musicdb.playlists' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

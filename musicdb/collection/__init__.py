"""The shelf: copies and wishes with what you say of them, their sides linked to your tracks, lists to buy, rip and dig, and prices.

What a platform says of a copy stays as it is; what you say is a decision over it, so it survives every import and can be undone.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = dict.fromkeys("copies copy folders sides owned rip_list buy_list dig_list prices value estimates releases items".split(), "shelf")
_PLACES |= dict.fromkeys("CONDITIONS FIELDS STATUSES Edited add clear edit remove sell wish".split(), "editing")
_PLACES |= dict.fromkeys("apart_release candidates link_side same_release unlink_side".split(), "linking")
_PLACES |= dict.fromkeys("LEVELS accept_release reject_release release_candidate release_candidates".split(), "reviewing")
_PLACES |= dict.fromkeys("identified identify ids forget own publisher publishers publish unpublish".split(), "publishers")
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

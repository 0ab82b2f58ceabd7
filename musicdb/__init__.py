"""One ground-truth music database in SQLite: observe, link, decide, publish.

    db = musicdb.open("music.db")
    musicdb.load.run(db, "files", "~/Music")

The parts are modules: load, links, truth, images, ... They are imported when first used, so that `musicdb --help` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
_PARTS = "artwork backup check db demo duplicates editing errors history images links load matching merging playlists review schema shapes tags text truth units upstream widgets".split()
__all__ = ["open", *_PARTS]

if TYPE_CHECKING:
    from .db import open


def __getattr__(name: str) -> Any:
    if name == "open":
        from .db import open

        return open
    if name in _PARTS:
        return importlib.import_module(f".{name}", __name__)
    if name[:1].isupper():
        from . import widgets

        if name in widgets.SCREENS:
            return getattr(widgets, name)
    raise AttributeError(f"module 'musicdb' has no attribute {name!r}")


def __dir__() -> list[str]:
    from . import widgets

    return sorted([*__all__, *widgets.SCREENS])

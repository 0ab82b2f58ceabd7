"""One ground-truth music database in SQLite: observe, link, decide, publish.

    db = musicdb.open("music.db")
    musicdb.load.run(db, "files", "~/Music")

The parts are modules: load, links, truth, images, ... They are imported when first used, so that `musicdb --help` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
_PARTS = {name: name for name in "attributes backup charts check collection db demo errors events genres history images links listens load matching net platforms playlists queries schema shapes tags text truth units widgets".split()}
_PARTS |= {name: f"links.{name}" for name in ("aliases", "attaching", "duplicates", "review")}
_PARTS |= {name: f"truth.{name}" for name in ("editing", "merging", "upstream")}
_PARTS |= {"artwork": "images.artwork", "tables": "exports.tables"}
__all__ = ["open", *_PARTS]

if TYPE_CHECKING:
    from .db import open


def __getattr__(name: str) -> Any:
    if name == "open":
        from .db import open

        return open
    if name in _PARTS:
        return importlib.import_module(f".{_PARTS[name]}", __name__)
    if name[:1].isupper():
        from . import widgets

        if name in widgets.SCREENS:
            return getattr(widgets, name)
    raise AttributeError(f"module 'musicdb' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext musicdb`: cells of SQL."""
    from .magic import load_ipython_extension

    load_ipython_extension(shell)


def __dir__() -> list[str]:
    from . import widgets

    return sorted([*__all__, *widgets.SCREENS])

"""A folder of files for each playlist, numbered in its order: links to your files, or copies where links are not allowed (sticks, Windows).

An index file in each folder says what is ours; only files that it names are ever renamed or deleted. mode: link (a hard link, else a copy),
symlink (else a copy), copy.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput, SourceError
from ..exports import names
from ._kept import Kept, Lists, label, native
from ._redo import Redo

INDEX = ".musicdb-playlist.json"
MODES = ("link", "symlink", "copy")


def open(db: Any, place: str = "", *, mode: str = "copy", **options: Any) -> Folder:
    """Open the folders below a folder. place may begin with a mode: "link:/media/usb". Raises BadInput without a folder."""
    head, colon, rest = place.partition(":")
    if colon and head in MODES:
        mode = head
    else:
        rest = place
    if mode not in MODES:
        raise BadInput(f"mode is {', '.join(MODES)}, not {mode!r}")
    made = Folder(db, place, rest)
    made.mode = mode
    return made


class Folder(Lists):
    """Each list is a folder with an index."""

    name, title, mode = "folder", "Folder", "copy"

    def list_at(self, path: Path, parent: str | None) -> Kept | None:
        if not (path / INDEX).is_file():
            return None
        told = _index(path)
        return Kept(told["id"], told["name"], "playlist", parent, [key for key, _ in told["files"]], True, path)

    def verify(self, expected: Any) -> list[str]:
        told = super().verify(expected)
        lists = [one for one in self.opened().values() if one.id in expected and one.kind != "folder"]
        lost = [name for one in lists for _, name in _index(one.where)["files"] if not (one.where / name).exists()]
        return told + [f"{name} is not there" for name in lost[:5]]

    def store(self, redo: Redo, one: Kept, to: Path, old: Kept | None) -> None:
        rows = self.known(one.items)
        had = _index(old.where)["files"] if old else []
        here = old.where if old else to
        others = {name for name in os.listdir(here)} - {name for _, name in had} - {INDEX} if here.is_dir() else set()
        wanted = self._names(one.items, rows, others)
        by_key = {key: name for key, name in had if (here / name).exists()}
        have = set(had)
        if old is not None and old.where != to:
            redo.make(to.parent)
            redo.rename(old.where, to)
        else:
            redo.make(to)
        for key, name in wanted:
            if (key, name) not in have or not (here / name).exists():  # what is there under another number is not copied again
                near = here / by_key[key] if key in by_key else native(rows[key])
                redo.bring(to / name, lambda part, near=near, key=key: self._put(near, native(rows[key]), part))
        redo.put(to / INDEX, json.dumps({"id": one.id, "name": one.name, "files": wanted}, ensure_ascii=False).encode())
        same = {names.folded(name): name for _, name in wanted}
        for name in {name for _, name in had} - {name for _, name in wanted}:
            if (again := same.get(names.folded(name))) is None:
                redo.remove(to / name)
            else:  # on a stick that is the new one by now
                redo.rename(to / name, to / again)

    def _names(self, items: Sequence[str], rows: Any, others: set[str]) -> list[tuple[str, str]]:
        width = max(2, len(str(len(items))))
        taken = {names.folded(name) for name in others}
        found = []
        for number, key in enumerate(items, 1):
            source = native(rows[key])
            name = names.free_name(f"{number:0{width}d} {label(rows[key])}", source.suffix.lower(), taken)
            taken.add(names.folded(name))
            found.append((key, name))
        return found

    def _put(self, near: Path, source: Path, to: Path) -> None:
        """A link or copy of a file; `near` is what is in the folder already."""
        if not source.is_file():
            raise SourceError(f"{source} is not there; `musicdb reconcile` says what became of it")
        try:
            if self.mode == "symlink":
                os.symlink(source, to)
            elif self.mode == "link":
                os.link(source, to)
            elif near != source:  # the copy that is here under another number
                os.link(near, to)
            else:
                shutil.copy2(source, to)
        except (OSError, NotImplementedError):  # another drive, or a file system without links
            shutil.copy2(source, to)

    def discard(self, redo: Redo, one: Kept) -> None:
        if not (one.where / INDEX).is_file():
            return
        for _, name in _index(one.where)["files"]:
            redo.remove(one.where / name)
        redo.remove(one.where / INDEX)
        redo.drop(one.where)  # what somebody else put there stays, and so does the folder


def _index(place: Path) -> dict[str, Any]:
    try:
        told = json.loads((place / INDEX).read_text("utf-8"))
        files = [(str(key), str(name)) for key, name in told["files"]]
        if any(Path(name).name != name for _, name in files):
            raise ValueError("a name leads out of the folder")
        return {"id": str(told["id"]), "name": str(told["name"]), "files": files}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(f"{place / INDEX} cannot be read ({error}); delete it, and the folder is no longer ours") from error

"""A folder of files for each playlist, numbered in its order: links to your files, or copies where links are not allowed (sticks, Windows).

An index file in each folder says what is ours; only files that it names are ever renamed or deleted. mode: link (a hard link, else a copy),
symlink (else a copy), copy.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput, SourceError
from ..exports import names
from ._kept import Kept, Lists, label, native

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
    made = Folder(db, rest)
    made.place, made.mode = place, mode
    return made


class Folder(Lists):
    """Each list is a folder with an index. The new index is in place before a file that is no longer of the list is deleted."""

    name, mode = "folder", "copy"

    def load(self) -> tuple[dict[str, Kept], set[str]]:
        found: dict[str, Kept] = {}
        folders: set[str] = set()
        for here, inner, files in os.walk(self.root):
            place = Path(here)
            if INDEX in files:
                told = _index(place)
                found[told["id"]] = Kept(
                    told["id"], told["name"], self.id_of_folder(place.parent), [key for key, _ in told["files"]], True, place
                )
                inner.clear()
            else:
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                if place != self.root:
                    folders.add(self.id_of_folder(place) or "")
        return found, folders

    def verify(self, expected: Any) -> list[str]:
        told = super().verify(expected)
        lists, _ = self.load()
        lost = [
            name
            for one in lists.values()
            for _, name in _index(one.where)["files"]
            if one.id in expected and not (one.where / name).exists()
        ]
        return told + [f"{name} is not there" for name in lost[:5]]

    def store(self, one: Kept, place: Path) -> None:
        rows = self.path_of(one.items)
        to = self._place(one, place)
        if one.where and one.where != to:
            os.rename(one.where, to)
        to.mkdir(parents=True, exist_ok=True)
        old = _index(to)["files"] if (to / INDEX).is_file() else []
        wanted = self._names(one.items, rows, {name for name in os.listdir(to)} - {name for _, name in old} - {INDEX})
        ours = {name for _, name in old}
        # what is there under another number is linked to its new name first: nothing is copied twice, and a kill loses nothing
        by_key = {key: name for key, name in old if (to / name).exists()}
        have = set(old)
        for key, name in wanted:
            if (key, name) in have and (to / name).exists():
                continue
            self._put(to / by_key[key] if key in by_key else native(rows[key]), native(rows[key]), to / f".{name}.part")
        moved = [name for _, name in wanted if (to / f".{name}.part").exists() or (to / f".{name}.part").is_symlink()]
        _write_index(to, {"id": one.id, "name": one.name, "files": [*wanted, *[pair for pair in old if pair not in wanted]]})
        for name in moved:
            os.replace(to / f".{name}.part", to / name)
        for name in ours - {name for _, name in wanted}:
            (to / name).unlink(missing_ok=True)
        _write_index(to, {"id": one.id, "name": one.name, "files": wanted})
        one.where = to

    def _names(self, items: Sequence[str], rows: Any, others: set[str]) -> list[tuple[str, str]]:
        width = max(2, len(str(len(items))))
        taken = {name.casefold() for name in others}
        found = []
        for number, key in enumerate(items, 1):
            source = native(rows[key])
            name = names.free_name(f"{number:0{width}d} {label(rows[key])}", source.suffix.lower(), taken)
            taken.add(name.casefold())
            found.append((key, name))
        return found

    def _put(self, near: Path, source: Path, to: Path) -> None:
        """A link or copy of a file; `near` is what is in the folder already."""
        to.unlink(missing_ok=True)
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

    def _place(self, one: Kept, place: Path) -> Path:
        if one.where and one.where.parent == place and one.where.name.casefold().startswith(names.file_name(one.name).casefold()):
            return one.where
        taken = Counter(p.name.casefold() for p in place.iterdir() if p != one.where) if place.is_dir() else Counter()
        return place / names.free_name(one.name, "", taken)

    def discard(self, one: Kept) -> None:
        if one.where is None or not (one.where / INDEX).is_file():
            return
        for _, name in _index(one.where)["files"]:
            (one.where / name).unlink(missing_ok=True)
        (one.where / INDEX).unlink()
        if not any(one.where.iterdir()):  # what somebody else put there stays, and so does the folder
            one.where.rmdir()


def _index(place: Path | None) -> dict[str, Any]:
    try:
        told = json.loads((place / INDEX).read_text("utf-8"))
        files = [(str(key), str(name)) for key, name in told["files"]]
        if any(Path(name).name != name for _, name in files):
            raise ValueError("a name leads out of the folder")
        return {"id": str(told["id"]), "name": str(told["name"]), "files": files}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(f"{place / INDEX} cannot be read ({error}); delete it, and the folder is no longer ours") from error


def _write_index(place: Path, told: dict[str, Any]) -> None:
    names.replace(place / INDEX, json.dumps(told, ensure_ascii=False).encode())

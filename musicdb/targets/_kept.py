"""What M3U lists and folders of copies have in common: lists of local files below one folder, in folders that carry an id of their own.

A write is one `_redo`: old or new, also for a stick that is pulled out. Files and folders of others are never touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, NotLinked, SourceError
from ..exports import names
from . import _redo
from ._tree import Kept, Tree, from_the_top

FOLDER = ".musicdb-folder.json"
PATHS = """
select p.external_id, f.path, f.path_bytes, p.title, p.artists, p.duration_ms
from json_each(:keys) as j cross join platform_tracks as p on p.platform = 'local' and p.external_id = j.value
cross join media_files as f on f.platform_track_id = p.id
"""


class Lists(Tree):
    """A target, see `playlists.targets.Target`. What is a list on the disk is told by `list_at`, `store` and `discard`."""

    platform = "local"

    def __init__(self, db: Any, place: str, root: str | None = None):
        root = place if root is None else root
        if not root:
            raise BadInput(f"which folder? For instance: musicdb sync --plan --to {self.name} --place {self.name}=~/Music/Playlists")
        self.root = Path(os.path.abspath(Path(root).expanduser()))
        self.what = str(self.root)
        if self.root.exists() and not self.root.is_dir():
            raise BadInput(f"{self.root} is a file; name a folder")
        super().__init__(db, place.removesuffix(root) + str(self.root))  # however it is spelled, it is one place

    # ---- of each kind
    def list_at(self, path: Path, parent: str | None) -> Kept | None:
        """The list that a file or folder is; None for what is none."""
        raise NotImplementedError

    def store(self, redo: _redo.Redo, one: Kept, to: Path, old: Kept | None) -> None:
        """Write a list to its place; old: as it is now, if it is there."""
        raise NotImplementedError

    def discard(self, redo: _redo.Redo, one: Kept) -> None:
        """Take a list of ours off the disk."""
        raise NotImplementedError

    ending = ""

    # ---- reading
    def load(self) -> dict[str, Kept]:
        found: dict[str, Kept] = {}
        if not self.root.is_dir():
            if n := self.db.value("select count(*) from playlist_links where platform = ? and place = ?", [self.name, self.place]):
                raise SourceError(f"{self.root} is not there, but {n} of your lists are kept in it: is its drive plugged in? Nothing is concluded from that")
            return found
        _redo.recover(self.root)
        self._walk(self.root, None, found)
        return found

    def _walk(self, place: Path, parent: str | None, found: dict[str, Kept]) -> None:
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            raise SourceError(f"{place} cannot be read ({error.strerror or error}): nothing is concluded from that") from error
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            one = self.list_at(path, parent)
            if one is not None:
                self._keep(found, one)
            elif entry.is_dir(follow_symlinks=False):
                one = self._keep(found, self._folder_at(path, parent))
                self._walk(path, one.id, found)

    def _keep(self, found: dict[str, Kept], one: Kept) -> Kept:
        """Of two with the same id one is a copy that somebody made: that which has another name than we gave it, and it is theirs."""
        other = found.get(one.id)
        if other is not None:
            fake = one if _is_named(other) or not _is_named(one) else other
            found[one.id] = other if fake is one else one
            fake.id, fake.ours = f"file:{fake.where.relative_to(self.root).as_posix()}", False
            found[fake.id] = fake
        else:
            found[one.id] = one
        return one

    def _folder_at(self, path: Path, parent: str | None) -> Kept:
        """A folder of ours has a mark with its id; another's is known by its path."""
        try:
            told = json.loads((path / FOLDER).read_text("utf-8"))
            id, name = str(told["id"]), str(told["name"])
        except (OSError, ValueError, LookupError, TypeError):
            return Kept(f"dir:{path.relative_to(self.root).as_posix()}", path.name, "folder", parent, ours=False, where=path)
        one = Kept(id, name, "folder", parent, where=path)
        if not _is_named(one):
            one.name = path.name  # somebody gave it another name
        return one

    # ---- writing
    def write(self) -> None:
        lists, was = self.opened(), self.was
        try:
            redo = _redo.Redo(self.root)
            try:
                self._collect(redo, lists, was)
                redo.commit()
            finally:
                if not (self.root / _redo.INTENT).exists():
                    redo.abandon()
        except OSError as error:
            raise SourceError(f"{self.root} cannot be written: {error.strerror or error}") from error

    def _collect(self, redo: _redo.Redo, lists: dict[str, Kept], was: dict[str, Kept]) -> None:
        taken: dict[Path, set[str]] = {}
        places: dict[str | None, Path] = {None: self.root}
        for one in from_the_top(lists):
            old = was.get(one.id)
            to = self._place(one, old, places[one.parent] if one.parent in places else self.root, taken)
            if one.kind == "folder":
                places[one.id] = to
                if one.ours and (old is None or to != old.where or one.name != old.name):
                    redo.make(to)
                    redo.put(to / FOLDER, json.dumps({"id": one.id, "name": one.name}, ensure_ascii=False).encode())
                    if old is not None and to != old.where:
                        redo.remove(old.where / FOLDER)
                        redo.drop(old.where)
            elif one.ours and (old is None or to != old.where or (one.name, one.items) != (old.name, old.items)):
                self.store(redo, one, to, old)
        for id, old in was.items():
            if old.ours and id not in lists:
                if old.kind == "folder":
                    redo.remove(old.where / FOLDER)
                    redo.drop(old.where)
                else:
                    self.discard(redo, old)

    def _place(self, one: Kept, old: Kept | None, folder: Path, taken: dict[Path, set[str]]) -> Path:
        """Where it belongs: where it is, if that is its folder and its name; else a name that is free there. Pure but for looking."""
        if old is not None and old.where is not None and (not one.ours or (old.where.parent == folder and one.name == old.name)):
            return old.where
        used = taken.setdefault(folder, {names.folded(entry) for entry in os.listdir(folder)} if folder.is_dir() else set())
        name = names.free_name(one.name, "" if one.kind == "folder" else self.ending, used)
        used.add(names.folded(name))
        return names.inside(self.root, *folder.relative_to(self.root).parts, name)

    # ---- help
    def known(self, keys: Sequence[str]) -> dict[str, Any]:
        """{track of platform local: row with its path}. Raises NotLinked for one that is not there."""
        rows = {row.external_id: row for row in self.db.q(PATHS, {"keys": msgspec.json.encode(sorted(set(keys))).decode()})}
        if missing := [key for key in keys if key not in rows]:
            raise NotLinked(f"there is no file {missing[0]}: `musicdb import files` reads what is there")
        return rows


def _is_named(one: Kept) -> bool:
    """Whether a list lies where its name says, give or take a number."""
    return names.folded(one.where.name).startswith(names.folded(names.file_name(one.name)))


def native(row: Any) -> Path:
    """A row's exact path."""
    return Path(os.fsdecode(row.path_bytes) if row.path_bytes else row.path)


def label(row: Any) -> str:
    """ "artist - title" of a file."""
    artists = ", ".join(msgspec.json.decode(row.artists or "[]"))
    return f"{artists} - {row.title}" if artists else row.title



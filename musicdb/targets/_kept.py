"""What M3U lists and folders of copies have in common: lists of local files below one folder, each known by an id of its own.

Steps change lists in memory; `commit` writes those that changed, each of them old or new. Lists and files of others are never touched.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, NotLinked, SourceError
from ..exports import names
from ..playlists.targets import Backup, Listed, State, Step

PATHS = """
select p.external_id, f.path, f.path_bytes, p.title, p.artists, p.duration_ms
from json_each(:keys) as j cross join platform_tracks as p on p.platform = 'local' and p.external_id = j.value
cross join media_files as f on f.platform_track_id = p.id
"""


@dataclass
class Kept:
    """A list as it is, or shall be. id: ours, never its name; folder: the id ("dir:Sets/2024") of the folder it lies in."""

    id: str
    name: str
    folder: str | None = None
    items: list[str] = field(default_factory=list)
    ours: bool = True
    where: Path | None = None  # where it is on the disk now


class Lists:
    """A target, see `playlists.targets.Target`. What is a list on the disk is told by `load`, `store` and `discard`."""

    name, platform, atomic = "", "local", True

    def __init__(self, db: Any, place: str):
        if not place:
            raise BadInput(f"which folder? For instance: musicdb sync --plan --to {self.name} --place {self.name}=~/Music/Playlists")
        self.db, self.place = db, place
        self.root = Path(os.path.abspath(Path(place).expanduser()))
        if self.root.exists() and not self.root.is_dir():
            raise BadInput(f"{self.root} is a file; name a folder")
        if not db.value("select 1 from platforms where name = ?", [self.name]):  # links to its lists name it
            with db.operation("setup", mode="batch"):
                db.execute("insert into platforms (name, title, kind) values (?, ?, 'files')", [self.name, self.name.title()])
        self._forget()

    def _forget(self) -> None:
        self.lists: dict[str, Kept] | None = None
        self.folders: set[str] = set()
        self.changed: dict[str, Kept] = {}
        self.gone: list[Kept] = []

    # ---- of each kind
    def load(self) -> tuple[dict[str, Kept], set[str]]:
        """(lists by id, folders as "dir:..." ids) on the disk."""
        raise NotImplementedError

    def store(self, one: Kept, place: Path) -> None:
        """Write a list into the folder `place`, whole or not at all."""
        raise NotImplementedError

    def discard(self, one: Kept) -> None:
        """Take a list of ours off the disk."""
        raise NotImplementedError

    # ---- the protocol
    def _opened(self) -> dict[str, Kept]:
        if self.lists is None:
            self.lists, self.folders = self.load()
        return self.lists

    def read(self) -> State:
        self._forget()
        lists = self._opened()
        found = {
            one.id: Listed(one.id, one.name, "playlist", None, one.folder, tuple(one.items), writable=one.ours) for one in lists.values()
        }
        return found | {id: Listed(id, id.rpartition("/")[2].removeprefix("dir:"), "folder", None, parent_of(id)) for id in self.folders}

    def backup(self) -> Backup:
        lists = self._opened()
        return Backup(
            {"lists": {one.id: [one.name, one.folder, one.items] for one in lists.values() if one.ours}, "folders": sorted(self.folders)}
        )

    def apply(self, step: Step) -> dict[str, Any]:
        lists = self._opened()
        if step.parent is not None and step.parent not in self.folders:
            raise BadInput(f"{self.root} has no folder {step.parent!r} any more; make a new plan")
        if step.action == "folder":
            name = names.file_name(step.name or "")
            id = f"{step.parent}/{name}" if step.parent else f"dir:{name}"
            self.folders.add(id)
            return {"id": id}
        if step.action == "create":
            one = Kept(
                f"musicdb-{step.operation}" if step.operation else secrets.token_hex(8),
                step.name or "untitled",
                step.parent,
                list(step.after),
            )
            if one.id in lists:  # a run that was cut off has made it
                return {"id": one.id}
            self.path_of(one.items)
            lists[one.id] = self.changed[one.id] = one
            return {"id": one.id}
        if step.action == "delete" and step.list_id in self.folders:
            if any(one.folder == step.list_id for one in lists.values()) or any(parent_of(id) == step.list_id for id in self.folders):
                raise BadInput(f"folder {step.list_id!r} still holds lists: it is not deleted")
            self.folders.discard(step.list_id)
            return {}
        one = lists.get(step.list_id or "")
        if one is None:
            if step.action == "delete":
                return {}
            raise BadInput(f"{self.root} has no list {step.list_id!r} any more; make a new plan")
        if not one.ours:
            raise BadInput(f"{one.where} is another's list: it is not written")
        self._change(lists, one, step)
        return {}

    def _change(self, lists: dict[str, Kept], one: Kept, step: Step) -> None:
        match step.action:
            case "rename":
                one.name = step.name or one.name
            case "describe":
                return  # files have no description
            case "place":
                one.folder = step.parent
            case "add" | "remove" | "move":
                if one.items == list(step.after):
                    return
                if one.items != list(step.before):
                    raise BadInput(f"{one.name!r} has changed since; make a new plan")
                self.path_of([step.key or ""] if step.action == "add" else [])
                one.items = list(step.after)
            case "delete":
                self.gone.append(lists.pop(one.id))
                self.changed.pop(one.id, None)
                return
            case _:
                raise BadInput(f"{self.name} knows no {step.action!r}")
        self.changed[one.id] = one

    def commit(self) -> None:
        try:
            for id in sorted(self.folders):
                self.folder(id).mkdir(parents=True, exist_ok=True)
            for one in self.changed.values():
                self.store(one, self.folder(one.folder))
            for one in self.gone:
                self.discard(one)
        except OSError as error:
            raise SourceError(f"{self.root} cannot be written: {error.strerror or error}") from error
        finally:
            self._forget()

    def verify(self, expected: Mapping[str, Sequence[str]]) -> list[str]:
        now = self.read()
        return [
            f"{self.root}: list {id!r} is not as it was to be"
            for id, items in expected.items()
            if id not in now or list(now[id].items) != list(items)
        ]

    def observe(self) -> None:
        """Nothing: these lists are read when they are planned for."""

    def restore(self, backup: Mapping[str, Any]) -> None:
        if not backup:
            raise SourceError("there is no backup of this write")
        self._forget()
        lists = self._opened()
        made = self.folders - set(backup["folders"])
        self.folders = set(backup["folders"])
        for id in [one.id for one in lists.values() if one.ours and one.id not in backup["lists"]]:
            self.gone.append(lists.pop(id))
        for id, (name, folder, items) in backup["lists"].items():
            one = lists.setdefault(id, Kept(id, name))
            if (one.name, one.folder, one.items) != (name, folder, items) or one.where is None:
                one.name, one.folder, one.items = name, folder, list(items)
                self.changed[id] = one
        self.commit()
        for id in sorted(made, reverse=True):
            try:
                self.folder(id).rmdir()
            except OSError:
                continue  # somebody put something into it: it stays

    def close(self) -> None:
        self._forget()

    # ---- help
    def folder(self, id: str | None) -> Path:
        """The folder on the disk. Raises BadInput where it would not be below the target's."""
        return names.inside(self.root, *(id.removeprefix("dir:").split("/") if id else ()))

    def id_of_folder(self, path: Path) -> str | None:
        return None if path == self.root else "dir:" + path.relative_to(self.root).as_posix()

    def path_of(self, keys: Sequence[str]) -> dict[str, Any]:
        """{track of platform local: row with its path}. Raises NotLinked for one that is not there."""
        rows = {row.external_id: row for row in self.db.q(PATHS, {"keys": msgspec.json.encode(sorted(set(keys))).decode()})}
        if missing := [key for key in keys if key not in rows]:
            raise NotLinked(f"there is no file {missing[0]}: `musicdb import files` reads what is there")
        return rows


def parent_of(id: str) -> str | None:
    """The folder that a folder lies in."""
    above = id.removeprefix("dir:").rpartition("/")[0]
    return f"dir:{above}" if above else None


def native(row: Any) -> Path:
    """A row's exact path."""
    return Path(os.fsdecode(row.path_bytes) if row.path_bytes else row.path)


def label(row: Any) -> str:
    """ "artist - title" of a file."""
    artists = ", ".join(msgspec.json.decode(row.artists or "[]"))
    return f"{artists} - {row.title}" if artists else row.title

"""M3U8 lists below a folder, with relative paths: for players, phones and sticks. A list without our mark is another's and only read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..exports import m3u as writer
from ..exports import names
from ..platforms import m3u as reader
from ._kept import Kept, Lists, label, native

KNOWN = "select f.path, p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id"


def open(db: Any, place: str = "", **options: Any) -> M3U:
    """Open the lists below a folder. Raises BadInput without one."""
    return M3U(db, place)


class M3U(Lists):
    """Each list is a file; it is replaced whole, so that it is old or new."""

    name = "m3u"

    def load(self) -> tuple[dict[str, Kept], set[str]]:
        known = dict(self.db.execute(KNOWN).fetchall())
        found: dict[str, Kept] = {}
        folders: set[str] = set()
        for here, inner, files in os.walk(self.root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            place = Path(here)
            if place != self.root:
                folders.add(self.id_of_folder(place) or "")
            for name in sorted(files):
                if name.lower().endswith(reader.ENDINGS) and not name.startswith("."):
                    try:
                        one = self._read(place / name, known)
                    except BadInput:
                        continue  # what is no list is none of ours
                    found.setdefault(one.id, one)
        return found, folders

    def _read(self, path: Path, known: dict[str, str]) -> Kept:
        entries, lines = reader.parse(reader.read(path))
        items = []
        for entry in entries:
            where = entry.get("url") or reader.resolved(entry["path"], path.parent)[0]
            items.append(known.get(where, where))
        uid = writer.uid_of(path)
        name = next((line[10:].strip() for line in lines if line.upper().startswith("#PLAYLIST:")), "") or path.stem
        id = uid or f"file:{path.relative_to(self.root).as_posix()}"
        return Kept(id, name, self.id_of_folder(path.parent), items, uid is not None, path)

    def store(self, one: Kept, place: Path) -> None:
        rows = self.path_of([key for key in one.items if not os.path.isabs(key)])
        entries = []
        for key in one.items:
            row = rows.get(key)
            line = writer.location(native(row) if row else Path(key), place)
            if line is None:
                raise BadInput(f"{key}: its name has a line break, which no M3U can hold")
            entries.append((line, label(row) if row else Path(key).stem, row.duration_ms if row else None))
        to = self._place(one, place)
        names.replace(to, writer.text(one.name, one.id, entries))
        if one.where and one.where != to:
            one.where.unlink(missing_ok=True)
        one.where = to

    def _place(self, one: Kept, place: Path) -> Path:
        if one.where and one.where.parent == place and one.where.stem.casefold().startswith(names.file_name(one.name).casefold()):
            return one.where
        taken = {p.name.casefold() for p in place.iterdir() if p != one.where} if place.is_dir() else set()
        return place / names.free_name(one.name, ".m3u8", taken)

    def discard(self, one: Kept) -> None:
        if one.where and writer.uid_of(one.where) == one.id:
            one.where.unlink(missing_ok=True)

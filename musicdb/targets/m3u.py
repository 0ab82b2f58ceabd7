"""M3U8 lists below a folder, with relative paths: for players, phones and sticks. A list without our mark is another's and only read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..exports import m3u as writer
from ..platforms import m3u as reader
from ._kept import Kept, Lists, label, native
from ._redo import Redo

KNOWN = "select f.path, p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id"


def open(db: Any, place: str = "", **options: Any) -> M3U:
    """Open the lists below a folder. Raises BadInput without one."""
    return M3U(db, place)


class M3U(Lists):
    """Each list is a file; it is replaced whole, so that it is old or new."""

    name, title, ending = "m3u", "M3U", ".m3u8"

    def load(self) -> dict[str, Kept]:
        self.files = dict(self.db.execute(KNOWN).fetchall())
        return super().load()

    def list_at(self, path: Path, parent: str | None) -> Kept | None:
        if not path.name.lower().endswith(reader.ENDINGS) or not path.is_file():
            return None
        try:
            entries, lines = reader.parse(reader.read(path))
        except BadInput:
            return None  # what is no list is none of ours
        items, folder = [], str(path.parent)
        for entry in entries:
            line = entry.get("url") or entry["path"]
            key = self.files.get(os.path.normpath(os.path.join(folder, line)))  # as we write it; what another program wrote is looked at closer
            if key is None:
                where = line if "url" in entry else reader.resolved(line, path.parent)[0]
                key = self.files.get(where, where)
            items.append(key)
        uid = writer.uid_of(path)
        name = next((line[10:].strip() for line in lines if line.upper().startswith("#PLAYLIST:")), "") or path.stem
        return Kept(uid or f"file:{path.relative_to(self.root).as_posix()}", name, "playlist", parent, items, uid is not None, path)

    def store(self, redo: Redo, one: Kept, to: Path, old: Kept | None) -> None:
        rows = self.known([key for key in one.items if not os.path.isabs(key)])
        entries = []
        for key in one.items:
            row = rows.get(key)
            line = writer.location(native(row) if row else Path(key), to.parent)
            if line is None:
                raise BadInput(f"{key}: its name has a line break, which no M3U can hold")
            entries.append((line, label(row) if row else Path(key).stem, row.duration_ms if row else None))
        redo.make(to.parent)
        redo.put(to, writer.text(one.name, one.id, entries))
        if old is not None and old.where != to:
            redo.remove(old.where)

    def discard(self, redo: Redo, one: Kept) -> None:
        if writer.uid_of(one.where) == one.id:
            redo.remove(one.where)

"""Playlists as M3U8 files: a folder of lists, in folders as your playlists are. Pure text here, and the writing of a whole folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..text import full_title
from . import names
from .lists import files, folders_of, listings, named

if TYPE_CHECKING:
    from ..db import Database

MARK = "#MUSICDB:"  # with the id of the playlist: a list of this name without it is another's and never overwritten


@dataclass
class Report:
    """What was written: paths of lists, how many of them changed, tracks without a file, and lists of others that were left alone."""

    lists: list[Path] = field(default_factory=list)
    changed: int = 0
    without_file: int = 0
    left_alone: list[Path] = field(default_factory=list)


def text(name: str, uid: str, entries: Iterable[tuple[str, str, int | None]]) -> bytes:
    """Return an extended M3U8: entries are (path, "artist - title", milliseconds or None). UTF-8 without a mark; one line each, whatever a name holds."""
    lines = ["#EXTM3U", f"#PLAYLIST:{_line(name)}", f"{MARK}{_line(uid)}"]
    for path, title, ms in entries:
        lines += [f"#EXTINF:{-1 if ms is None else round(ms / 1000)},{_line(title)}", path]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _line(value: str) -> str:
    return " ".join(value.split())


def uid_of(path: Path) -> str | None:
    """Return the id of the playlist that a list of ours is; None for another's list."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return None
    return next((line[len(MARK) :].strip() for line in head.decode("utf-8", "replace").splitlines() if line.startswith(MARK)), None)


def location(file: Path, folder: Path, absolute: bool = False) -> str | None:
    """Return a path as a list in `folder` names it, relative where both are on one drive; None for a name that M3U cannot hold (a line break)."""
    try:
        found = str(file) if absolute else os.path.relpath(file, folder)
    except ValueError:  # another drive of Windows
        found = str(file)
    found = found.replace(os.sep, "/")
    if "\n" in found or "\r" in found:
        return None
    return f"./{found}" if found.startswith("#") or found != found.lstrip() else found


def label(row: Any) -> str:
    """Return "artist - title (version)" of a row of `lists.named`."""
    title = full_title(row.title or "", row.version) or "untitled"
    return f"{row.artist_credit} - {title}" if row.artist_credit else title


def write(db: Database, folder: Path, playlists: Collection[str] | None = None, *, of: str | None = None, absolute: bool = False) -> Report:
    """Write playlists as FOLDER/their folders/NAME.m3u8; unchanged ones are not touched, and a list that is not ours is never overwritten.

    playlists: names, None for all. of: a platform whose lists to write as they are there. Tracks without a file are left out and counted.
    """
    folder = Path(os.path.abspath(folder.expanduser()))
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; name a folder for the lists")
    found = listings(db, playlists, of)
    tracks = {track for one in found for track in one.items}
    where, known, above = files(db, tracks), named(db, tracks), folders_of(found)
    report, taken = Report(), set()
    for one in found:
        if one.kind == "folder":
            continue
        place = names.inside(folder, *map(names.file_name, above[one.id]))
        path = _free(place, one.name, one.uid, taken, report)
        entries = []
        for track in one.items:
            line = location(where[track], place, absolute) if track in where and track in known else None
            if line is None:
                report.without_file += 1
            else:
                entries.append((line, label(known[track]), known[track].duration_ms))
        report.changed += names.replace(path, text(one.name, one.uid, entries))
        report.lists.append(path)
    return report


def _free(place: Path, name: str, uid: str, taken: set[str], report: Report) -> Path:
    """The file of a playlist: of this name, numbered past those of this run and those of others; capital letters tell no files apart."""
    there = {names.folded(p.name): p for p in place.iterdir()} if place.is_dir() else {}
    here = {path.rpartition(os.sep)[2] for path in taken if path.rpartition(os.sep)[0] == names.folded(str(place))}
    while True:
        path = place / names.free_name(name, ".m3u8", here)
        other = there.get(names.folded(path.name))
        if other is None or uid_of(other) == _line(uid):
            taken.add(names.folded(str(path)))
            return path
        here.add(names.folded(path.name))
        if uid_of(other) is None and other not in report.left_alone:
            report.left_alone.append(other)

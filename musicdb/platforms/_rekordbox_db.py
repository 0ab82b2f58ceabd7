"""Reads master.db of Rekordbox 6 and 7, encrypted or not: from a copy, by plain SQL through pyrekordbox's session, never written to.

Payloads, JSON-able, rows of the database as they are ("_rekordbox_rows" understands them):

    content      {"external_id", "content": djmdContent row, "names": {"ArtistID": name, ...}, "cues": [djmdCue rows], "my_tags": [{"ID",
                 "Name", "Group"}], "last_played": newest djmdSongHistory row, "anlz": see `_rekordbox_anlz`, "image": {"path", "size"}}
    db_playlist  {"external_id", "parent", "position", "playlist": djmdPlaylist row, "songs": [djmdSongPlaylist rows, in order]}
    play         {"external_id", "song": djmdSongHistory row, "history": djmdHistory row}

each with "utc_offset_min" where a time names no zone. A track's external_id is its ID, the TrackID of the XML export; a playlist's is the
path of its names, as in the XML, and stays when it is renamed: the two sources speak of the same things.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, Transient, UnknownSource
from ..shapes import Complete, Note, Page, Refused
from ..worker import DEADLINE, Pool
from . import _zones as zones
from ._library_pages import PLAYLISTS_A_PAGE
from ._rekordbox_rows import LocalTimes
from ._rekordbox_xml import EXPORT, external_id_of

READ_ANLZ = "musicdb.platforms._rekordbox_anlz.read"
TRACKS_A_PAGE, PLAYS_A_PAGE, PAGE_BYTES = 500, 2000, 16 << 20
MAX_PICTURE = 20_000_000  # bytes
PAGE_SIZE = 4096  # of SQLCipher 4, and of Rekordbox
FEW = 200  # so many tracks do not pay for a second process
NAMES = {  # column of djmdContent -> table and column of the name
    "ArtistID": ("djmdArtist", "Name"),
    "RemixerID": ("djmdArtist", "Name"),
    "OrgArtistID": ("djmdArtist", "Name"),
    "ComposerID": ("djmdArtist", "Name"),
    "GenreID": ("djmdGenre", "Name"),
    "KeyID": ("djmdKey", "ScaleName"),
    "LabelID": ("djmdLabel", "Name"),
    "ColorID": ("djmdColor", "Commnt"),
}
NOISE = ("pyrekordbox.config", "pyrekordbox.masterdb.database")  # they tell stderr that Linux has no Rekordbox


def pages(
    path: Path, known=None, *, key: str = "", share: Any = None, anlz: bool = True, zone: zones.Zone = None, plays_only: bool = False
) -> Iterator:  # fmt: skip
    """Yield Page, Refused, Note and Complete of a master.db: tracks, then playlists, then plays.

    key: of another encryption than Rekordbox's own. share: the folder with analyses and artwork, where it is not beside the database.
    anlz: read beat grids and phrases. zone: of times that name none, instead of this machine's; kept for later imports.
    plays_only: what was played, nothing else; tracks and playlists stay as they are.
    Raises BadInput, UnknownSource for a file that is none, Transient where Rekordbox keeps writing.
    """
    share = Path(share).expanduser() if share else path.parent / "share"
    with tempfile.TemporaryDirectory(prefix="musicdb-", ignore_cleanup_errors=True) as folder:
        copy = _copied(path, Path(folder) / "master.db")
        with _session(path, copy, key) as session:
            database = _Database(session, path)
            chosen, earlier = zones.kept(known, zone)
            zone = LocalTimes(chosen)
            songs = {row["ID"]: row for row in database.rows("djmdHistory")}
            plays = [row for row in database.rows("djmdSongHistory") if row["HistoryID"] in songs]
            if not plays_only:
                yield from _tracks(database, zone, plays, share, anlz)
                yield from _playlists(database, zone, known)
            yield from _plays(zone, songs, plays)
            yield from zone.note(plays, earlier)


# ---------- the copy
def _copied(path: Path, to: Path) -> Path:
    """Copy the database with what Rekordbox has written and not yet put into it; again when it wrote meanwhile."""
    for _ in range(5):
        before = _stats(path)
        try:
            for name in ("", "-wal", "-shm", "-journal"):
                beside = Path(f"{path}{name}")
                if beside.exists():
                    shutil.copyfile(beside, f"{to}{name}")
        except OSError as error:
            # -shm is an index that SQLite makes again; a running Rekordbox may hold it locked
            if not str(error.filename or "").endswith("-shm"):
                raise BadInput(f"{path} cannot be copied to {to.parent} for reading: {error.strerror or error}") from error
        if _stats(path) == before:
            return to
        time.sleep(0.2)
    raise Transient(f"Rekordbox keeps writing to {path}; close it, or try again")


def _stats(path: Path) -> list[tuple[int, int] | None]:
    found = []
    for name in ("", "-wal", "-journal"):
        try:
            info = os.stat(f"{path}{name}")
        except OSError:
            found.append(None)
        else:
            found.append((info.st_size, info.st_mtime_ns))
    return found


@contextmanager
def _session(path: Path, copy: Path, key: str) -> Iterator[Any]:
    with copy.open("rb") as file:
        head, size = file.read(16), copy.stat().st_size
    plain = head.startswith(b"SQLite format 3\0")
    if not plain and (size < PAGE_SIZE or size % PAGE_SIZE):
        raise UnknownSource(f"{path} is no Rekordbox database: neither SQLite nor encrypted as Rekordbox does it; {EXPORT}")
    for name in NOISE:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():  # it sets a filter for the whole process
        from pyrekordbox import MasterDatabase
    try:
        database = MasterDatabase(copy, db_dir=copy.parent, unlock=not plain, key=key)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
    except ImportError as error:
        raise BadInput(f"{path} is encrypted and sqlcipher3 is not there ({error}); {EXPORT}") from error
    try:
        yield database.session
    finally:
        database.close()
        database.engine.dispose()  # or Windows cannot delete the copy


class _Database:
    """Tables as dicts; rows that Rekordbox deleted left out."""

    def __init__(self, session, path: Path):
        from sqlalchemy import text
        from sqlalchemy.exc import DatabaseError

        self.session, self.path, self.text, self.error = session, path, text, DatabaseError
        try:
            tables = session.execute(text("select name from sqlite_master where type = 'table'")).all()
        except DatabaseError as error:
            raise UnknownSource(
                f"{path} cannot be read: it is no database of Rekordbox, damaged, or encrypted with another key ({_words(error)}); {EXPORT}"
            ) from error
        self.tables = {name for (name,) in tables}
        if "djmdContent" not in self.tables:
            raise UnknownSource(f"{path} is the database of another program: it has no table djmdContent; for Rekordbox: {EXPORT}")

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table; none where this version of Rekordbox has no such table."""
        if table not in self.tables:
            return
        names, found = self._all(table)
        deleted = names.index("rb_local_deleted") if "rb_local_deleted" in names else None
        for row in found:
            if deleted is None or not row[deleted]:
                yield dict(zip(names, row))

    def _all(self, table: str) -> tuple[list[str], list]:
        for lenient in (False, True):
            try:
                result = self.session.execute(self.text(f'select * from "{table}"'))
                return list(result.keys()), result.all()
            except self.error as error:
                if lenient or "decode" not in str(error):
                    raise BadInput(f"{self.path} is damaged: table {table} cannot be read ({_words(error)}); {EXPORT}") from error
                connection = self.session.connection().connection.dbapi_connection
                connection.text_factory = lambda data: data.decode("utf-8", "backslashreplace")
        raise AssertionError  # the second turn returns or raises

    def by(self, table: str, column: str) -> dict[Any, list[dict[str, Any]]]:
        """Rows of a table, grouped."""
        found = defaultdict(list)
        for row in self.rows(table):
            found[row[column]].append(row)
        return found


def _words(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)[:200]


# ---------- tracks
def _tracks(database: _Database, zone: LocalTimes, plays: list[dict], share: Path, anlz: bool) -> Iterator:
    names = {table: {r["ID"]: r[column] for r in database.rows(table)} for table, column in set(NAMES.values())}
    albums = {row["ID"]: row for row in database.rows("djmdAlbum")}
    cues, tags = database.by("djmdCue", "ContentID"), _my_tags(database)
    newest: dict[Any, dict] = {}
    for play in sorted(plays, key=lambda p: (str(p.get("created_at")), str(p["ID"]))):
        newest[play["ContentID"]] = play
    contents = list(database.rows("djmdContent"))
    total = len(contents)
    reader = _Analyses(share, total) if anlz and share.is_dir() else None
    if contents and not share.is_dir():
        yield Note(f"{share} is not there: beat grids, phrases and artwork were not read")
    try:
        for start in range(0, total, TRACKS_A_PAGE):
            payloads = []
            for content in contents[start : start + TRACKS_A_PAGE]:
                key = content["ID"]
                item = {"external_id": str(key), "content": content, "names": _names(content, names, albums), "cues": cues.get(key, [])}
                if key in tags:
                    item["my_tags"] = tags[key]
                if key in newest:
                    item["last_played"] = newest[key]
                payloads.append(item | zone.of(item.get("last_played", content).get("created_at")))
            if reader:
                yield from reader.add(payloads)
            yield from _with_pictures(payloads, share, total)
    finally:
        if reader:
            reader.close()
    yield Complete("track", total=total)


def _names(content: dict, names: dict[str, dict], albums: dict[Any, dict]) -> dict[str, Any]:
    found = {}
    for column, (table, _) in NAMES.items():
        key = content.get(column)
        if key and (name := names[table].get(key)):
            found[column] = name
    if album := albums.get(content.get("AlbumID")):
        found["AlbumID"] = album["Name"]
        if name := names["djmdArtist"].get(album.get("AlbumArtistID")):
            found["AlbumArtistID"] = name
        if album.get("Compilation"):
            found["Compilation"] = album["Compilation"]
    return found


def _my_tags(database: _Database) -> dict[Any, list[dict[str, Any]]]:
    """MyTags by track, in the order of Rekordbox's own list. A group has Attribute 1; a tag's ParentID is its group."""
    rows = {row["ID"]: row for row in database.rows("djmdMyTag")}

    def order(row: dict) -> tuple:
        group = rows.get(row["ParentID"], {})
        return (_number(group.get("Seq")), str(row["ParentID"]), _number(row.get("Seq")), str(row["ID"]))

    found = defaultdict(set)
    for link in database.rows("djmdSongMyTag"):
        if link["MyTagID"] in rows:
            found[link["ContentID"]].add(link["MyTagID"])
    return {
        track: [{"ID": t["ID"], "Name": t["Name"], "Group": rows.get(t["ParentID"], {}).get("Name")} for t in sorted((rows[i] for i in ids), key=order)]
        for track, ids in found.items()
    }  # fmt: skip


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else float("inf")


def _below(share: Path, place: Any) -> Path | None:
    """A file under share/ that the database names ("/PIONEER/Artwork/..."), or None for a path that leads elsewhere."""
    if not isinstance(place, str) or not place.strip() or "\0" in place or ":" in place:
        return None
    parts = [part for part in place.replace("\\", "/").split("/") if part not in ("", ".")]
    return None if ".." in parts or not parts else share.joinpath(*parts)


class _Analyses:
    """Reads analysis files of a page of tracks in worker processes, which start with the first file."""

    def __init__(self, share: Path, total: int):
        self.share = share
        self.pool = Pool([READ_ANLZ], workers=1 if total <= FEW else min(2, os.cpu_count() or 1), deadline=DEADLINE)

    def add(self, payloads: list[dict]) -> Iterator[Refused]:
        """Put "anlz" into the payloads; yield Refused for files that cannot be read: the track itself goes on without them."""
        jobs = []
        for payload in payloads:
            path = _below(self.share, payload["content"].get("AnalysisDataPath"))
            if path and path.is_file():
                jobs.append((payload, str(path)))
        for (payload, path), answer in zip(jobs, self.pool.map(READ_ANLZ, ((path,) for _, path in jobs))):
            reason = answer.value.pop("damaged", None) if answer.ok else answer.reason
            if answer.ok:
                payload["anlz"] = answer.value
            if reason:
                part = "a part of its" if answer.ok else "its"
                yield Refused("content", payload["external_id"], f"imported without {part} analysis: {reason}", {"path": path})

    def close(self) -> None:
        self.pool.close()


def _with_pictures(payloads: list[dict], share: Path, total: int) -> Iterator[Page]:
    """Pages of the payloads with their artwork, smaller ones where the pictures are large."""
    part, images, size = [], {}, 0
    for payload in payloads:
        path = _below(share, payload["content"].get("ImagePath"))
        if path and (data := _picture(path)):
            payload["image"] = {"path": payload["content"]["ImagePath"], "size": len(data)}
            images[payload["external_id"]] = data
            size += len(data)
        part.append(payload)
        if size >= PAGE_BYTES:
            yield Page("content", part, total=total, images=images)
            part, images, size = [], {}, 0
    if part:
        yield Page("content", part, total=total, images=images)


def _picture(path: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            data = file.read(MAX_PICTURE + 1)
    except OSError:  # artwork that is gone is no reason to refuse the track
        return None
    return data if 0 < len(data) <= MAX_PICTURE else None


# ---------- playlists, plays
def _playlists(database: _Database, zone: LocalTimes, known: Any) -> Iterator:
    rows, songs = list(database.rows("djmdPlaylist")), database.by("djmdSongPlaylist", "PlaylistID")
    nodes, lost = _tree(rows, _recalled(known))
    for row in lost:
        yield Refused("db_playlist", str(row["ID"]), f"playlist {row['Name']!r} is in a folder that is not there", row)
    for start in range(0, len(nodes), PLAYLISTS_A_PAGE):
        page = []
        for node in nodes[start : start + PLAYLISTS_A_PAGE]:
            order = sorted(songs.get(node["playlist"]["ID"], []), key=lambda song: (_number(song.get("TrackNo")), str(song["ID"])))
            page.append({**node, "songs": order, **zone.of(node["playlist"].get("updated_at"))})
        yield Page("db_playlist", page)
        for item in page:
            yield Complete("playlist_item", within=item["external_id"], total=len(item["songs"]))
    yield Complete("playlist", total=len(nodes))
    if known is not None:
        ids = msgspec.json.encode({str(node["playlist"]["ID"]): node["external_id"] for node in nodes}).decode()
        if ids != known.recall(_IDS):
            known.remember(_IDS, ids)


_IDS = "playlist ids"  # ID in Rekordbox -> external_id, so that a renamed playlist stays the same


def _recalled(known: Any) -> dict[str, str]:
    try:
        found = msgspec.json.decode((known and known.recall(_IDS)) or "{}", type=dict[str, str])
    except msgspec.MsgspecError:
        return {}
    return found


def _tree(rows: list[dict], kept: dict[str, str]) -> tuple[list[dict], list[dict]]:
    """Playlists from the root down, folders before what they hold, and those that hang in the air."""
    children = defaultdict(list)
    for row in rows:
        children[row["ParentID"]].append(row)
    for siblings in children.values():
        siblings.sort(key=lambda row: (_number(row.get("Seq")), str(row["ID"])))
    taken = {kept[key] for row in rows if (key := str(row["ID"])) in kept}
    nodes, reached = [], set()
    todo = [(None, position, row) for position, row in reversed(list(enumerate(children.get("root", []))))]
    while todo:
        parent, position, row = todo.pop()
        own = kept.get(str(row["ID"])) or external_id_of(row["Name"] or "", parent, taken)
        taken.add(own)
        reached.add(row["ID"])
        nodes.append({"external_id": own, "parent": parent, "position": position, "playlist": row})
        if row["ID"] != "root":
            todo += [(own, at, child) for at, child in reversed(list(enumerate(children.get(row["ID"], []))))]
    return nodes, [row for row in rows if row["ID"] not in reached]


def _plays(zone: LocalTimes, histories: dict[Any, dict], plays: Iterable[dict]) -> Iterator:
    page = []
    for song in plays:
        page.append(
            {"external_id": str(song["ID"]), "song": song, "history": histories[song["HistoryID"]], **zone.of(song.get("created_at"))}
        )
        if len(page) >= PLAYS_A_PAGE:
            yield Page("play", page)
            page = []
    if page:
        yield Page("play", page)

"""Playlists and MyTags of a master.db: rows in, changed rows out. Works on a copy; knows nothing of how the copy becomes the database.

What is written is what pyrekordbox writes, in the same notation: a row that is new or changed gets the next number of `localUpdateCount`.
Source: pyrekordbox 0.5 (MasterDatabase.create_playlist, add_to_playlist, move_song_in_playlist, registry).
"""

from __future__ import annotations

import secrets
import sqlite3
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BadInput, SourceError, UnknownSource

SPECIAL = ("100000", "200000")  # Cloud Library Sync, CUE Analysis Playlist
LISTS = 'select "ID", "Seq", "Name", "Attribute", "ParentID" from "djmdPlaylist" where ifnull("rb_local_deleted", 0) = 0'
SONGS = 'select "ID", "PlaylistID", "ContentID", "TrackNo" from "djmdSongPlaylist" where ifnull("rb_local_deleted", 0) = 0'
TAGS = 'select "ID", "Seq", "Name", "Attribute", "ParentID" from "djmdMyTag" where ifnull("rb_local_deleted", 0) = 0'
TAGGED = 'select "ID" from "djmdSongMyTag" where "MyTagID" = ? and "ContentID" = ? and ifnull("rb_local_deleted", 0) = 0'


def connect(path: Path, key: str = "", timeout: float = 2.0) -> Any:
    """Return a connection to a plain or encrypted master.db, in autocommit. Raises UnknownSource for what is none, BadInput without sqlcipher."""
    with path.open("rb") as file:
        plain = file.read(16) == b"SQLite format 3\0"
    if plain:
        conn: Any = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    else:
        try:
            from pyrekordbox.masterdb.database import BLOB, deobfuscate
            from sqlcipher3 import dbapi2
        except ImportError as error:
            raise BadInput(f"{path} is encrypted and sqlcipher3 is not there ({error})") from error
        conn = dbapi2.connect(str(path), timeout=timeout, isolation_level=None)
        conn.execute("pragma key = '{}'".format((key or deobfuscate(BLOB)).replace("'", "''")))
    try:
        tables = {name for (name,) in conn.execute("select name from sqlite_master where type = 'table'")}
    except Exception as error:
        conn.close()
        if "locked" in str(error) or "busy" in str(error):
            raise
        raise UnknownSource(f"{path} cannot be read: no database of Rekordbox, damaged, or another key ({error})") from error
    if not {"djmdPlaylist", "djmdSongPlaylist", "djmdContent"} <= tables:
        conn.close()
        raise UnknownSource(f"{path} is the database of another program: it has no table djmdPlaylist")
    return conn


@dataclass(slots=True)
class List:
    """A row of djmdPlaylist that is not deleted. kind: playlist, folder, smart or special (Rekordbox's own)."""

    id: str
    seq: int
    name: str
    attribute: int
    parent: str

    @property
    def kind(self) -> str:
        return {0: "playlist", 1: "folder", 4: "smart"}.get(self.attribute, "special")


@dataclass
class Changes:
    """What `Tables.write` did: ids of lists by what happened to them, for the XML."""

    added: list[List] = field(default_factory=list)
    changed: list[List] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rows: int = 0


def _order(value: Any) -> float:
    return value if isinstance(value, int | float) else float("inf")


class Tables:
    """The playlists of an open database, in memory, and what differs from them."""

    def __init__(self, conn: Any):
        self.conn = conn
        self.lists = {str(r[0]): List(str(r[0]), r[1], r[2] or "", r[3] or 0, str(r[4])) for r in conn.execute(LISTS)}
        self.before = {id: (one.name, one.parent, one.seq) for id, one in self.lists.items()}
        found: dict[str, list[tuple]] = defaultdict(list)
        for id, playlist, content, number in conn.execute(SONGS):
            found[str(playlist)].append((str(id), str(content) if content is not None else "", number))
        self.was = {key: sorted(rows, key=lambda r: (_order(r[2]), r[0])) for key, rows in found.items()}
        self.now: dict[str, list[tuple[str, str]]] = {}  # lists that were touched: (id of the row, content)
        self.tags: list[tuple[str, str, bool]] = []  # content, tag, whether it is given
        self.contents: set[str] | None = None

    # ---- reading
    def items(self, id: str) -> tuple[str, ...]:
        """Tracks of a list, in order."""
        if id in self.now:
            return tuple(content for _, content in self.now[id])
        return tuple(content for _, content, _ in self.was.get(id, ()))

    def has(self, content: str) -> bool:
        """Whether the collection has a track."""
        if self.contents is None:
            self.contents = {
                str(id) for (id,) in self.conn.execute('select "ID" from "djmdContent" where ifnull("rb_local_deleted", 0) = 0')
            }
        return content in self.contents

    # ---- changing, in memory
    def create(self, name: str, parent: str, folder: bool, items: tuple[str, ...] = ()) -> List:
        """Make a list, last of its folder: the others keep their places."""
        taken = {str(id) for (id,) in self.conn.execute('select "ID" from "djmdPlaylist"')} | self.lists.keys()
        while (id := str(secrets.randbits(28))) in taken or int(id) < 100 or id in SPECIAL:
            pass
        seq = 1 + max((one.seq for one in self.lists.values() if one.parent == parent and isinstance(one.seq, int)), default=0)
        one = self.lists[id] = List(id, seq, name, 1 if folder else 0, parent)
        self.now[id] = [(str(uuid.uuid4()), self.known(content)) for content in items]
        return one

    def known(self, content: str) -> str:
        """The track's id. Raises BadInput where the collection does not have it."""
        if not self.has(content):
            raise BadInput(f"Rekordbox's collection has no track {content}; add its file there first, then import")
        return content

    def _songs(self, id: str) -> list[tuple[str, str]]:
        return self.now.setdefault(id, [(row, content) for row, content, _ in self.was.get(id, ())])

    def _at(self, id: str, key: str, at: int | None) -> list[tuple[str, str]]:
        songs = self._songs(id)
        if at is None or not 0 <= at < len(songs) or songs[at][1] != key:
            raise BadInput(f"place {at} of {self.lists[id].name!r} does not hold track {key}: it has changed since; make a new plan")
        return songs

    def add(self, id: str, key: str, to: int | None) -> None:
        songs = self._songs(id)
        place = len(songs) if to is None else to
        if not 0 <= place <= len(songs):
            raise BadInput(f"{self.lists[id].name!r} has no place {place}: it has changed since; make a new plan")
        songs.insert(place, (str(uuid.uuid4()), self.known(key)))

    def remove(self, id: str, key: str, at: int | None) -> None:
        self._at(id, key, at).pop(at or 0)

    def move(self, id: str, key: str, at: int | None, to: int | None) -> None:
        songs = self._at(id, key, at)
        one = songs.pop(at or 0)
        songs.insert(len(songs) if to is None else to, one)

    def delete(self, id: str) -> None:
        """Forget a list. Raises BadInput for a folder that still holds something: that is another's, and stays."""
        held = [one.name for one in self.lists.values() if one.parent == id]
        if held:
            raise BadInput(f"folder {self.lists[id].name!r} still holds {', '.join(map(repr, held[:5]))}: it is not deleted")
        del self.lists[id]
        self.now.pop(id, None)

    # ---- writing, in the caller's transaction
    def write(self) -> Changes:
        """Write what differs, and nothing else: rows of untouched lists stay byte by byte as they were."""
        done, stamp = Changes(), self._stamp()
        for id in self.before.keys() - self.lists.keys():
            self._run('delete from "djmdSongPlaylist" where "PlaylistID" = ?', id)
            self._run('delete from "djmdPlaylist" where "ID" = ?', id)
            done.removed.append(id)
        for id, one in self.lists.items():
            if id not in self.before:
                self._insert("djmdPlaylist", {
                    "ID": id, "Seq": one.seq, "Name": one.name, "Attribute": one.attribute, "ParentID": one.parent, "UUID": str(uuid.uuid4()),
                }, stamp)  # fmt: skip
                done.added.append(one)
            elif self.before[id] != (one.name, one.parent, one.seq):
                sql = 'update "djmdPlaylist" set "Name" = ?, "ParentID" = ?, "Seq" = ?, "rb_local_usn" = ?, "updated_at" = ? where "ID" = ?'
                self._run(sql, one.name, one.parent, one.seq, self._usn(), stamp, id)
                done.changed.append(one)
        for id, songs in self.now.items():
            if id in self.lists and self._write_songs(id, songs, stamp) and id in self.before and self.lists[id] not in done.changed:
                done.changed.append(self.lists[id])
        self._write_tags(stamp)
        if self.usn != self.first:
            self._run(
                'update "agentRegistry" set "int_1" = ?, "updated_at" = ? where "registry_id" = \'localUpdateCount\'', self.usn, stamp
            )
        done.rows = self.rows
        return done

    def _stamp(self) -> str:
        counted = self.conn.execute('select "int_1" from "agentRegistry" where "registry_id" = \'localUpdateCount\'').fetchone()
        self.usn = self.first = (counted[0] or 0) if counted else 0
        self.rows = 0
        now = time.time()
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d} +00:00"

    def _usn(self) -> int:
        self.usn += 1
        return self.usn

    def _run(self, sql: str, *values: Any) -> None:
        self.conn.execute(sql, values)
        self.rows += 1

    def _insert(self, table: str, values: dict[str, Any], stamp: str) -> None:
        values |= {
            "rb_data_status": 0, "rb_local_data_status": 0, "rb_local_deleted": 0, "rb_local_synced": 0, "rb_local_usn": self._usn(),
            "created_at": stamp, "updated_at": stamp,
        }  # fmt: skip
        names = ", ".join(f'"{name}"' for name in values)
        self._run(f'insert into "{table}" ({names}) values ({", ".join("?" * len(values))})', *values.values())

    def _write_songs(self, id: str, songs: list[tuple[str, str]], stamp: str) -> bool:
        was = {row: number for row, _, number in self.was.get(id, ())}
        stay, before = {row for row, _ in songs}, self.rows
        for row in was.keys() - stay:
            self._run('delete from "djmdSongPlaylist" where "ID" = ?', row)
        for number, (row, content) in enumerate(songs, 1):
            if row not in was:
                song = {"ID": row, "PlaylistID": id, "ContentID": content, "TrackNo": number, "UUID": str(uuid.uuid4())}
                self._insert("djmdSongPlaylist", song, stamp)
            elif was[row] != number:
                sql = 'update "djmdSongPlaylist" set "TrackNo" = ?, "rb_local_usn" = ?, "updated_at" = ? where "ID" = ?'
                self._run(sql, number, self._usn(), stamp, row)
        return self.rows != before

    # ---- MyTags
    def tag_id(self, tag: str, make: bool, stamp: str) -> str | None:
        """The id of "Group: name"; a name that is new in its group is made, a group never: Rekordbox has four of its own."""
        rows = [(str(r[0]), r[1], r[2], r[3], str(r[4])) for r in self.conn.execute(TAGS)]
        group, colon, name = tag.partition(": ")
        groups = {r[2]: r[0] for r in rows if r[3] == 1}
        if colon and group not in groups:
            raise BadInput(f"Rekordbox has no MyTag group {group!r}; it has {', '.join(map(repr, groups))}: rename one of them there")
        wanted = name if colon else tag
        found = [r[0] for r in rows if r[3] != 1 and r[2] == wanted and (not colon or r[4] == groups[group])]
        if len(found) == 1 or (found and colon):
            return found[0]
        if found or not colon:
            raise BadInput(f"MyTag {tag!r} is {'in several groups' if found else 'in no group'}: say which, as 'Group: {tag}'")
        if not make:
            return None
        id = str(secrets.randbits(28) + 1000)
        seq = 1 + max((_order(r[1]) for r in rows if r[4] == groups[group] and isinstance(r[1], int)), default=0)
        self._insert(
            "djmdMyTag",
            {"ID": id, "Seq": int(seq), "Name": name, "Attribute": 0, "ParentID": groups[group], "UUID": str(uuid.uuid4())},
            stamp,
        )
        return id

    def _write_tags(self, stamp: str) -> None:
        for content, tag, given in self.tags:
            id = self.tag_id(tag, given, stamp)
            has = self.conn.execute(TAGGED, (id, content)).fetchone() if id else None
            if given and not has:
                number = self.conn.execute('select count(*) from "djmdSongMyTag" where "MyTagID" = ?', (id,)).fetchone()[0]
                row = {"ID": str(uuid.uuid4()), "MyTagID": id, "ContentID": content, "TrackNo": number + 1, "UUID": str(uuid.uuid4())}
                self._insert("djmdSongMyTag", row, stamp)
            elif has and not given:
                self._run('delete from "djmdSongMyTag" where "ID" = ?', has[0])


def write_xml(path: Path, changes: Changes) -> None:
    """Bring masterPlaylists6.xml to the lists as they are now; nodes of other lists stay as they are. Nothing where it is not there."""
    if not path.is_file() or not (changes.added or changes.changed or changes.removed):
        return
    from datetime import datetime
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import parse
    from pyrekordbox.masterdb.aux_files import MasterPlaylistXml

    try:
        parse(path)  # nothing hostile is handed to the parser of pyrekordbox
        xml = MasterPlaylistXml(path)
        now = datetime.now()
        for id in changes.removed:
            with suppress(ValueError):  # a list that was never in it
                xml.remove(id)
        for one in (*changes.added, *changes.changed):
            if xml.get(one.id) is None:
                xml.add(one.id, one.parent, one.attribute, now)
            else:
                xml.update(one.id, parent_id=one.parent, updated_at=now)
        xml.save()
    except (ParseError, DefusedXmlException, OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is damaged ({error}); nothing was written: restore it from a backup of Rekordbox") from error


def contents(conn: Any, but: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Return {table: (rows, hash of all of them)} of every table that a write does not touch."""
    found = {}
    for (name,) in conn.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name"
    ).fetchall():
        if name in but:
            continue
        total = n = 0
        for row in conn.execute(f'select * from "{name}"'):
            total = (total + hash(row)) & 0xFFFFFFFFFFFFFFFF
            n += 1
        found[name] = (n, total)
    return found

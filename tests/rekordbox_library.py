"""Builds a fictional master.db from nothing, plain or encrypted, with pyrekordbox's own table definitions; and analysis files."""

from __future__ import annotations

import logging
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

NOW = "2026-11-20 18:30:00.000 +00:00"
OTHER_KEY = "402fd" + "0" * 59


@cache
def _schema() -> tuple[list[str], dict[str, list[str]], str]:
    """create statements, columns by table, key of Rekordbox"""
    logging.getLogger("pyrekordbox.config").setLevel(logging.ERROR)
    from pyrekordbox.masterdb.database import BLOB, deobfuscate
    from pyrekordbox.masterdb.models import Base
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateTable

    for table in Base.metadata.tables.values():
        for column in table.columns:
            column.nullable = not column.primary_key
    ddl = [str(CreateTable(table).compile(dialect=sqlite.dialect())) for table in Base.metadata.sorted_tables]
    return ddl, {table.name: [c.name for c in table.columns] for table in Base.metadata.sorted_tables}, deobfuscate(BLOB)


class Library:
    """`with Library(path) as lib: lib.add("djmdContent", {"ID": "1", ...})`. key=True: encrypted as Rekordbox does it."""

    def __init__(self, path: Path, key: str | bool = False, wal: bool = False):
        ddl, self.columns, usual = _schema()
        if key:
            from sqlcipher3 import dbapi2

            self.conn = dbapi2.connect(str(path))
            self.conn.execute(f"pragma key = '{usual if key is True else key}'")
        else:
            self.conn = sqlite3.connect(path)
        if wal:
            self.conn.execute("pragma journal_mode = wal")
        for statement in ddl:
            self.conn.execute(statement)
        self.add("agentRegistry", {"registry_id": "secret", "str_1": "token-that-nobody-reads"})
        self.conn.commit()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_) -> None:
        self.conn.commit()
        self.conn.close()

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        self.add_many(table, rows)

    def add_many(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        columns = self.columns[table]
        usual = {"rb_local_deleted": 0, "created_at": NOW, "updated_at": NOW}
        values = ([row.get(c, usual.get(c)) for c in columns] for row in rows)
        self.conn.executemany(f'insert into "{table}" ({", ".join(columns)}) values ({", ".join("?" * len(columns))})', values)
        self.conn.commit()

    def sql(self, statement: str, *params: Any) -> None:
        self.conn.execute(statement, params)
        self.conn.commit()


def small(path: Path, key: str | bool = False) -> Path:
    """A library of three tracks, one of them streamed, and one deleted; two lists in a folder, a smart one; MyTags; an evening's plays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Library(path, key) as lib:
        fill(lib)
    return path


def fill(lib: Library) -> None:
    lib.add(
        "djmdArtist", {"ID": "10", "Name": "Marisol Ek"}, {"ID": "11", "Name": "Ines Holt; Fennel & Ash"}, {"ID": "12", "Name": "Various"}
    )
    lib.add("djmdAlbum", {"ID": "20", "Name": "Harbour Lights", "AlbumArtistID": "12", "Compilation": 1})
    lib.add("djmdGenre", {"ID": "30", "Name": "Deep House; Dub"})
    lib.add("djmdKey", {"ID": "40", "ScaleName": "Am"})
    lib.add("djmdLabel", {"ID": "50", "Name": "Quay"})
    lib.add("djmdColor", {"ID": "1", "Commnt": "Pink"}, {"ID": "5", "Commnt": "Green"})
    lib.add(
        "djmdContent",
        {
            "ID": "253529738", "FolderPath": "/Users/fennel/Music/Slow Ferry.mp3", "FileNameL": "Slow Ferry.mp3", "Title": "Slow Ferry",
            "ArtistID": "10", "RemixerID": "11", "AlbumID": "20", "GenreID": "30", "KeyID": "40", "LabelID": "50", "ColorID": "5", "BPM": 12450,
            "Length": 372, "TrackNo": 3, "DiscNo": 1, "Rating": 4, "ReleaseYear": 1998, "ReleaseDate": "1998-05-12", "Commnt": "long intro",
            "StockDate": "2022-04-09", "DateCreated": "2015-09-07", "DJPlayCount": "7", "Subtitle": "Dub", "ISRC": "XXF980000001",
            "ImagePath": "/PIONEER/Artwork/a1/b2/artwork.jpg", "AnalysisDataPath": "/PIONEER/USBANLZ/a1/b2/ANLZ0000.DAT", "BitDepth": 16,
        },
        {"ID": "9", "FolderPath": "tidal:tracks:252147049", "Title": "Night Bus", "ArtistID": "11", "ColorID": "0", "DJPlayCount": "0", "Length": 0},
        {"ID": "77", "FolderPath": "C:/Music/あ.wav", "Title": "", "FileNameL": "あ.wav", "BPM": 0, "Rating": 0},
        {"ID": "66", "Title": "thrown away", "rb_local_deleted": 1},
    )  # fmt: skip
    cue = {"ContentID": "253529738", "OutMsec": -1, "Color": -1}
    lib.add(
        "djmdCue",
        {**cue, "ID": "c1", "Kind": 1, "InMsec": 64_025, "ColorTableIndex": 0, "Comment": "drop"},
        {**cue, "ID": "c2", "Kind": 0, "InMsec": 25, "Color": 1},
        {**cue, "ID": "c3", "Kind": 5, "InMsec": 128_000, "OutMsec": 135_710, "Color": 255, "ColorTableIndex": 62},
        {**cue, "ID": "c4", "Kind": 4, "InMsec": 200_000, "OutMsec": 201_000},
        {**cue, "ID": "c5", "Kind": 2, "InMsec": 1, "rb_local_deleted": 1},
        {**cue, "ID": "c6", "Kind": 2, "InMsec": None},
    )
    lib.add(
        "djmdPlaylist",
        {"ID": "500", "Seq": 2, "Name": "Sets", "Attribute": 1, "ParentID": "root"},
        {"ID": "501", "Seq": 1, "Name": "Friday", "Attribute": 0, "ParentID": "500"},
        {"ID": "502", "Seq": 1, "Name": "Fast ones", "Attribute": 4, "ParentID": "root", "SmartList": RULES},
        {"ID": "503", "Seq": 9, "Name": "gone", "Attribute": 0, "ParentID": "root", "rb_local_deleted": 1},
        {"ID": "504", "Seq": 2, "Name": "Friday", "Attribute": 0, "ParentID": "500"},
    )
    places = [("s1", "253529738", 2), ("s2", "9", 1), ("s3", "9", 3), ("s4", "77", 10)]
    lib.add("djmdSongPlaylist", *({"ID": i, "PlaylistID": "501", "ContentID": c, "TrackNo": n} for i, c, n in places))
    lib.add("djmdSongPlaylist", {"ID": "s5", "PlaylistID": "501", "ContentID": "77", "TrackNo": 1, "rb_local_deleted": 1})
    lib.add(
        "djmdMyTag",
        {"ID": "1", "Seq": 1, "Name": "Genre", "Attribute": 1, "ParentID": "root"},
        {"ID": "2", "Seq": 2, "Name": "Situation", "Attribute": 1, "ParentID": "root"},
        {"ID": "101", "Seq": 1, "Name": "Deep", "Attribute": 0, "ParentID": "1"},
        {"ID": "201", "Seq": 1, "Name": "Warm up", "Attribute": 0, "ParentID": "2"},
        {"ID": "202", "Seq": 2, "Name": "thrown away", "Attribute": 0, "ParentID": "2", "rb_local_deleted": 1},
    )
    lib.add(
        "djmdSongMyTag",
        *({"ID": f"m{i}", "MyTagID": t, "ContentID": "253529738", "TrackNo": i} for i, t in enumerate(("201", "101", "202"))),
    )
    lib.add(
        "djmdHistory", {"ID": "h1", "Seq": 1, "Name": "HISTORY 2026-11-19", "Attribute": 0, "ParentID": "root", "DateCreated": "2026-11-19"}
    )
    lib.add("djmdHistory", {"ID": "h2", "Name": "gone", "rb_local_deleted": 1})
    plays = [
        ("p1", "h1", "253529738", 1, "21:00:00"),
        ("p2", "h1", "9", 2, "21:06:10"),
        ("p3", "h1", "253529738", 3, "23:30:00"),
        ("p4", "h2", "9", 1, "01:00:00"),
    ]
    lib.add(
        "djmdSongHistory",
        *({"ID": i, "HistoryID": h, "ContentID": c, "TrackNo": n, "created_at": f"2026-11-19 {t}.500 +00:00"} for i, h, c, n, t in plays),
    )


RULES = (
    '<NODE Id="502" LogicalOperator="1" AutomaticUpdate="1">'
    '<CONDITION PropertyName="bpm" Operator="3" ValueUnit="" ValueLeft="13000" ValueRight=""/></NODE>'
)


# ---------- analysis files
def _tag(name: bytes, head: bytes, body: bytes = b"") -> bytes:
    return name + struct.pack(">II", 12 + len(head), 12 + len(head) + len(body)) + head + body


def anlz(*tags: bytes) -> bytes:
    """An analysis file of these tags."""
    body = b"".join(tags)
    return b"PMAI" + struct.pack(">IIIIII", 28, 28 + len(body), 1, 0x10000, 0x10000, 0) + body


def grid(beats: Sequence[tuple[int, int, int]]) -> bytes:
    """PQTZ: (place in the bar, tempo x 100, time in ms)."""
    return _tag(b"PQTZ", struct.pack(">III", 0, 0x80000, len(beats)), b"".join(struct.pack(">HHI", *beat) for beat in beats))


def even(n: int, tempo: int = 12450, first: int = 25, beat: int = 1) -> list[tuple[int, int, int]]:
    """An even grid, times rounded to whole ms as Rekordbox does."""
    return [((beat - 1 + i) % 4 + 1, tempo, round(first + i * 6_000_000 / tempo)) for i in range(n)]


def phrases(mood: int, entries: Sequence[tuple[int, int]], end: int) -> bytes:
    """PSSI: (beat, kind)."""
    head = struct.pack(">HHHH6sH2sBB", 0, 24, len(entries), mood, bytes(6), end, bytes(2), 0, 0)
    body = b"".join(struct.pack(">HHH", i, beat, kind) + bytes(18) for i, (beat, kind) in enumerate(entries, 1))
    return _tag(b"PSSI", head, body)


def cues(kind: int, entries: Sequence[tuple[int, int, int, str, tuple[int, int, int]]]) -> bytes:
    """PCO2, kind 0 memory, 1 hot: (pad, time, end of loop or -1, comment, rgb)."""
    made = []
    for pad, time, loop, comment, rgb in entries:
        name = comment.encode("utf-16-be") + b"\0\0"
        size = 48 + len(name)
        made.append(
            b"PCP2" + struct.pack(">III", 16, size, pad) + struct.pack(">B3xII", 2 if loop > 0 else 1, time, loop & 0xFFFFFFFF)
            + struct.pack(">B7xHHI", 0, 0, 0, len(name)) + name + struct.pack(">BBBB", 0, *rgb)
        )  # fmt: skip
    return _tag(b"PCO2", struct.pack(">IHH", kind, len(made), 0), b"".join(made))

"""python -m tests.benchmarks.rekordbox [tracks]: a master.db with three cues a track, against the time of its raw SQL.

Both sides in one run. Raw: the same tables through the same session of pyrekordbox (`select *`, all rows fetched). Ours: copy, open, read,
payloads, rows. Then the whole import into a musicdb, and an identical second one. Goal: reading < 3x raw.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import musicdb
from musicdb import load
from musicdb.platforms import rekordbox
from musicdb.shapes import Page
from tests.rekordbox_library import NOW, Library, anlz, even, grid

TABLES = (
    "djmdContent djmdCue djmdArtist djmdAlbum djmdGenre djmdKey djmdLabel djmdColor djmdMyTag djmdSongMyTag djmdPlaylist djmdSongPlaylist "
    "djmdHistory djmdSongHistory"
).split()


def build(path: Path, n: int, key: bool) -> None:
    """n tracks, 3n cues, n places in lists, n MyTags, n / 2 plays; every column filled as Rekordbox fills it."""
    common = {
        "UUID": "735e8b81-e69b-41ad-80f8-9c0d7613b96d",
        "rb_data_status": 0,
        "rb_local_data_status": 0,
        "rb_local_synced": 0,
        "rb_local_usn": 153,
    }
    with Library(path, key) as lib:
        for table, size, column in (
            ("djmdArtist", n // 5, "Name"),
            ("djmdAlbum", n // 8, "Name"),
            ("djmdGenre", 40, "Name"),
            ("djmdLabel", 300, "Name"),
        ):
            lib.add_many(table, ({**common, "ID": str(i), column: f"{table[4:]} {i}"} for i in range(1, size + 1)))
        lib.add_many("djmdKey", ({**common, "ID": str(i), "ScaleName": k} for i, k in enumerate(("Am", "C", "F#m", "Bbm"), 1)))
        lib.add_many("djmdContent", ({**common, **track(i, n)} for i in range(n)))
        lib.add_many("djmdCue", ({**common, **cue(i)} for i in range(3 * n)))
        lib.add_many(
            "djmdMyTag", ({**common, "ID": str(i), "Seq": i, "Name": f"Tag {i}", "Attribute": 0, "ParentID": "1"} for i in range(2, 30))
        )
        lib.add("djmdMyTag", {**common, "ID": "1", "Seq": 1, "Name": "Group", "Attribute": 1, "ParentID": "root"})
        lib.add_many("djmdSongMyTag", ({**common, "ID": str(i), "MyTagID": str(2 + i % 28), "ContentID": str(10**8 + i)} for i in range(n)))
        lib.add_many(
            "djmdPlaylist",
            ({**common, "ID": str(i), "Seq": i, "Name": f"List {i}", "Attribute": 0, "ParentID": "root"} for i in range(n // 50)),
        )
        lib.add_many("djmdSongPlaylist", (
            {**common, "ID": str(i), "PlaylistID": str(i % (n // 50)), "ContentID": str(10**8 + i * 7 % n), "TrackNo": i // (n // 50) + 1} for i in range(n)
        ))  # fmt: skip
        lib.add_many(
            "djmdHistory",
            ({**common, "ID": str(i), "Seq": i, "Name": f"HISTORY {i}", "Attribute": 0, "ParentID": "root"} for i in range(n // 100)),
        )
        lib.add_many("djmdSongHistory", (
            {**common, "ID": str(i), "HistoryID": str(i % (n // 100)), "ContentID": str(10**8 + i), "TrackNo": i,
             "created_at": f"2026-{1 + i % 12:02d}-{1 + i % 28:02d} 21:{i % 60:02d}:{i // 60 % 60:02d}.000 +00:00"} for i in range(n // 2)
        ))  # fmt: skip


def track(i: int, n: int) -> dict:
    return {
        "ID": str(10**8 + i), "FolderPath": f"/Users/fennel/Music/Album {i // 8}/Track {i}.mp3", "FileNameL": f"Track {i}.mp3", "FileNameS": "",
        "Title": f"Track {i}", "ArtistID": str(i % (n // 5) + 1), "AlbumID": str(i // 8 + 1), "GenreID": str(i % 40 + 1), "KeyID": str(i % 4 + 1), "BPM": 12000 + i % 2000,
        "Length": 200 + i % 300, "TrackNo": i % 8 + 1, "BitRate": 320, "BitDepth": 16, "Commnt": "a comment", "FileType": 1, "Rating": i % 6, "ReleaseYear": 1990 + i % 35,
        "LabelID": str(i % 300 + 1), "StockDate": "2022-04-09", "ColorID": str(i % 9), "DJPlayCount": str(i % 7), "ImagePath": "", "MasterDBID": "3546525630",
        "MasterSongID": str(10**8 + i), "AnalysisDataPath": f"/PIONEER/USBANLZ/{i % 1000:03d}/{i}/ANLZ0000.DAT", "FileSize": 9_000_000, "DiscNo": 1, "Subtitle": "",
        "SampleRate": 44100, "Analysed": 105, "ReleaseDate": "", "DateCreated": "2015-09-07", "ContentLink": 787982, "HotCueAutoLoad": "on", "DeliveryControl": "",
        "ISRC": "", "ServiceID": 0, "ExtInfo": "null", "rb_file_id": "844424930569346", "DeviceID": "65813f41-1007-4283-9217-c91482d6dc91", "created_at": NOW,
    }  # fmt: skip


def cue(i: int) -> dict:
    ms = 25 + i % 3 * 60_000
    return {
        "ID": str(i), "ContentID": str(10**8 + i // 3), "InMsec": ms, "InFrame": ms * 150 // 1000, "InMpegFrame": 0, "InMpegAbs": 0, "OutMsec": -1, "OutFrame": 0,
        "OutMpegFrame": 0, "OutMpegAbs": 0, "Kind": i % 3, "Color": -1, "ColorTableIndex": 22, "ActiveLoop": 0, "Comment": "", "BeatLoopSize": 0,
        "CueMicrosec": 0, "ContentUUID": "735e8b81-e69b-41ad-80f8-9c0d7613b96d",
    }  # fmt: skip


def raw(path: Path, key: bool) -> int:
    """Rows of all tables, as pyrekordbox's session gives them."""
    from pyrekordbox import MasterDatabase
    from sqlalchemy import text

    logging.getLogger("pyrekordbox").setLevel(logging.ERROR)
    db = MasterDatabase(path, unlock=key)
    try:
        return sum(len(db.session.execute(text(f"select * from {table}")).all()) for table in TABLES)
    finally:
        db.close()
        db.engine.dispose()


def ours(path: Path) -> int:
    """Typed rows of all pages."""
    return sum(1 for page in rekordbox.fetch(path) if isinstance(page, Page) for p in page.payloads for _ in rekordbox.rows(page.kind, p))


def main(n: int, rounds: int = 3) -> dict[str, SimpleNamespace]:
    done = {}
    for key in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "master.db"
            build(path, n, key)
            raw(path, key), ours(path)  # imports are no part of it
            times: dict[str, list[float]] = {"raw": [], "ours": [], "import": [], "again": []}
            for i in range(rounds):
                times["raw"].append(timed(lambda path=path, key=key: raw(path, key)))
                times["ours"].append(timed(lambda path=path: ours(path)))
                with musicdb.open(Path(folder) / f"{i}.db") as db:
                    times["import"].append(timed(lambda db=db, path=path: load.run(db, "rekordbox", path)))
                    times["again"].append(timed(lambda db=db, path=path: load.run(db, "rekordbox", path)))
            result = SimpleNamespace(**{name: median(found) for name, found in times.items()})
            done["encrypted" if key else "plain"] = result
            print(f"{'encrypted' if key else 'plain'} master.db, {n:,} tracks, {3 * n:,} cues; medians of {rounds}")
            print(f"  raw SQL                {result.raw:6.2f} s")
            print(f"  read, payloads, rows   {result.ours:6.2f} s  {result.ours / result.raw:.2f}x raw (goal < 3x)")
            print(f"  whole import           {result.__dict__['import']:6.2f} s  {result.__dict__['import'] / result.raw:.2f}x raw")
            print(f"  import again           {result.again:6.2f} s  {result.again / result.raw:.2f}x raw")
    analyses(n)
    return done


def analyses(n: int) -> None:
    """Beat grids of 700 beats, read in worker processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "master.db"
        build(path, n, False)
        data = anlz(grid(even(700)))
        for i in range(n):
            place = Path(folder) / f"share/PIONEER/USBANLZ/{i % 1000:03d}/{i}"
            place.mkdir(parents=True)
            (place / "ANLZ0000.DAT").write_bytes(data)
        took = timed(lambda: ours(path))
        print(f"with {n:,} beat grids of 700 beats: {took:.2f} s")


def timed(fn) -> float:
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

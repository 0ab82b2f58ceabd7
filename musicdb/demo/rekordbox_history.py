"""What the fictional DJ played out: the histories of a master.db, as Rekordbox keeps them. Tracks and playlists are in the XML."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

from musicdb.demo import rekordbox_xml, views

TIME_ZONE = "Europe/Berlin"  # Rekordbox keeps the time of the computer's clock
NIGHTS = (  # list that was prepared, and the nights on which it was played: day, hour
    (("Sets", "2022", "Harbour Bar, May"), ("2022-05-14 22", "2022-08-06 21")),
    (("Sets", "2022", "Tollhouse 3, November"), ("2022-11-19 23",)),
    (("Sets", "2023", "Night Ferry"), ("2023-03-25 21", "2023-07-08 22", "2023-10-28 21")),
    (("Sets", "2023", "Sunday Terrace"), ("2023-06-18 15", "2023-08-20 15")),
)
SCHEMA = """
create table djmdContent (ID text primary key, Title text, rb_local_deleted int default 0);
create table djmdHistory (ID text primary key, Seq int, Name text, Attribute int, ParentID text, DateCreated text, rb_local_deleted int default 0);
create table djmdSongHistory (ID text primary key, HistoryID text, ContentID text, TrackNo int, UUID text, rb_local_deleted int default 0,
  created_at text, updated_at text);
"""


def nights() -> list[tuple[datetime, list[int]]]:
    """Each night: when it began (local time) and the TrackIDs in the order they were played; the plan was kept but for some."""
    tree, found = rekordbox_xml.playlist_tree(), []
    every = [track.track_id for track in views.dj_tracks()]
    for path, days in NIGHTS:
        planned = tree
        for name in path:
            planned = planned[name]
        for day in days:
            rng = random.Random(f"night {day}")
            played = [track for track in planned if rng.random() > 0.12]
            for _ in range(2):
                played.insert(rng.randrange(2, len(played)), rng.choice(every))  # a request
            found.append((datetime.strptime(day, "%Y-%m-%d %H") + timedelta(minutes=rng.randrange(45)), played))
    return sorted(found)


def database() -> bytes:
    """The whole master.db, not encrypted."""
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(SCHEMA)
        conn.executemany("insert into djmdContent (ID, Title) values (?, ?)", [(str(t.track_id), t.said["Name"]) for t in views.dj_tracks()])
        for number, (at, played) in enumerate(nights(), 1):
            rng = random.Random(f"pace {at}")
            name = f"HISTORY {at:%Y-%m-%d}"
            conn.execute("insert into djmdHistory values (?, ?, ?, 0, 'root', ?, 0)", [str(7000 + number), number, name, f"{at:%Y-%m-%d}"])
            for place, track in enumerate(played, 1):
                stamp = f"{at:%Y-%m-%d %H:%M:%S}.000"
                conn.execute(
                    "insert into djmdSongHistory values (?, ?, ?, ?, ?, 0, ?, ?)",
                    [f"{number}-{place}", str(7000 + number), str(track), place, f"{rng.getrandbits(64):016x}", stamp, stamp],
                )
                at += timedelta(seconds=rng.randrange(150, 330))
        conn.commit()
        return conn.serialize()

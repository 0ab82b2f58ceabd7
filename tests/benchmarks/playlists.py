"""python -m tests.benchmarks.playlists [lists] [days]: playlists at 1,000 lists of 200 tracks.

Prints what each command's work takes, and the size of daily snapshots (20 lists change a day) against the first one and its changes.
Goals: each command < 1 s; `days` snapshots < 3x the size of one plus its changes; playlist compare <= 0.3x fetching both sides' rows.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import musicdb
from musicdb import playlists
from musicdb.load import lists as hook
from musicdb.playlists import overview, snapshots, states

TRACKS, ITEMS, LINKED = 50_000, 200, "auto"


def library(db: musicdb.db.Database, lists: int) -> None:
    """A service with `lists` lists, each track of it linked; yours are taken over from it."""
    every = range(1, TRACKS + 1)
    with db.operation("benchmark", mode="batch"):
        rows = ((n, f"t{n:08}", f"Song {n}", f"k{n}") for n in every)
        db.executemany("insert into platform_tracks (id, platform, external_id, title, artists, match_key, said) values (?, 'tidal', ?, ?, '[\"Band\"]', ?, '{}')", rows)
        db.executemany("insert into track_ids (id, track_uid, created_at) values (?, ?, '2024')", ((n, f"{n:016x}") for n in every))
        db.executemany("insert into tracks (id, title, artist_credit) values (?, ?, 'Band')", ((n, f"Song {n}") for n in every))
        sql = "insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) values (?, ?, ?, ?, 'auto', 'key', 100)"
        db.executemany(sql, ((n, n, n, n) for n in every))
        db.executemany("insert into platform_playlists (id, platform, external_id, name) values (?, 'tidal', ?, ?)", ((n, f"list{n}", f"List {n}") for n in range(1, lists + 1)))
        places = ((n, p, (n * 37 + p * 97) % TRACKS + 1) for n in range(1, lists + 1) for p in range(ITEMS))
        db.executemany("insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, first_seen_at) values (?, ?, ?, '2024')", places)
        columns = "insert into playlists (id, name) values (?, ?)"
        db.executemany(columns, ((n, f"List {n}") for n in range(1, lists + 1)))
        mine = ((n, f"{p:05}1", (n * 37 + p * 97) % TRACKS + 1) for n in range(1, lists + 1) for p in range(ITEMS))
        db.executemany("insert into playlist_items (playlist_id, sort_key, track_id, added_at) values (?, ?, ?, '2024')", mine)
        sql = "insert into playlist_links (playlist_id, platform, external_id, platform_playlist_id, direction) values (?, 'tidal', ?, ?, 'import')"
        db.executemany(sql, ((n, f"list{n}", n) for n in range(1, lists + 1)))


def a_day(db: musicdb.db.Database, rng: random.Random, lists: int) -> int:
    """One import: twenty lists lose an item and get another. Returns the bytes of what changed (two steps of about 20 bytes a list)."""
    with db.operation("benchmark", mode="batch"):
        for n in rng.sample(range(1, lists + 1), min(20, lists)):
            id, place = db.execute("select id, position from platform_playlist_items where platform_playlist_id = ? and removed_at is null order by random() limit 1", [n]).fetchone()
            db.execute("update platform_playlist_items set removed_at = '2025' where id = ?", [id])
            db.execute("insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, first_seen_at) values (?, ?, ?, '2025')", [n, place, rng.randrange(1, TRACKS)])
        hook.note(db, "tidal", {f"list{n}" for n in range(1, lists + 1)})
    return 20 * 2 * 20


def timed(name: str, work: Callable[[], Any], times: int = 3) -> Any:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        took.append(time.perf_counter() - start)
    print(f"  {name:44} {sorted(took)[len(took) // 2] * 1000:8.0f} ms")
    return result


def size(db: musicdb.db.Database) -> int:
    """Bytes of the stored versions and snapshots, pages and indexes included where SQLite tells (dbstat), else the texts."""
    tables = "('snapshots', 'playlist_versions', 'ix_snap', 'ix_snap_op', 'ix_plv_list', 'ix_plv_snapshot')"
    try:
        return db.value(f"select sum(pgsize) from dbstat where name in {tables}")
    except Exception:  # a SQLite without dbstat
        return db.value("select sum(length(items) + 120) from playlist_versions") + db.value("select sum(length(data) + 80) from snapshots")


def main(lists: int = 1000, days: int = 365) -> None:
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, musicdb.open(Path(folder) / "music.db") as db:
        library(db, lists)
        names = {f"list{n}" for n in range(1, lists + 1)}
        hook.note(db, "tidal", names)
        one = size(db)
        print(f"{lists:,} lists x {ITEMS} tracks")
        timed("the first plan of all links (agrees on all)", lambda: playlists.plan(db), times=1)
        timed("sync --plan, nothing changed", lambda: playlists.plan(db))
        timed("snapshot of an import that changed nothing", lambda: hook.note(db, "tidal", names))
        before = size(db)
        added = sum(a_day(db, rng, lists) for _ in range(2))
        hook.note(db, "tidal", names)
        timed("sync --check, 40 lists changed", lambda: overview.check(db))
        plan = timed("sync --plan, 40 lists changed", lambda: playlists.plan(db), times=1)
        timed("status", lambda: overview.status(db))
        timed("inspect --playlist", lambda: overview.inspect(db, "List 7"))
        timed("sync --show", lambda: playlists.operations(db, plan.id))
        playlists.approve(db, plan.id)
        timed("sync --apply", lambda: playlists.apply(db, plan.id), times=1)
        timed("playlists show --at", lambda: playlists.state(db, "tidal/List 7", 1))
        rows = timed("  (fetching the rows of both sides)", lambda: [db.execute(sql).fetchall() for sql in (
            "select playlist_id, track_id from playlist_items where deleted_at is null order by playlist_id, sort_key",
            "select platform_playlist_id, platform_track_id from platform_playlist_items where removed_at is null order by platform_playlist_id, position")])  # fmt: skip
        timed("  (comparing them)", lambda: [a.hash == b.hash for a, b in zip(states.own(db).values(), states.theirs(db, "tidal").values())])
        assert rows
        base = size(db) - before
        for _ in range(days - 2):
            added += a_day(db, rng, lists)
        total = size(db)
        print(f"  one snapshot {one / 1e6:.2f} MB; {days} days {total / 1e6:.2f} MB = {total / (one + added):.2f}x one and its changes ({added / 1e6:.2f} MB); two days {base / 1e3:.0f} kB")
        timed("the oldest state of all lists", lambda: snapshots.versions(db, "tidal", range(1, lists + 1), 1))
        timed("the newest state of all lists, from its steps", lambda: snapshots.versions(db, "tidal", range(1, lists + 1)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

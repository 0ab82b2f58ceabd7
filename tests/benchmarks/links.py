"""python -m tests.benchmarks.links [--most N]: linking two libraries of 1k, 10k, ... tracks, against normalising both sides.

Prints both sides of one run. Goals: a first link <= 6x normalising titles and artists of both sides; ten times the tracks <= 12x the time;
100 new observations in a library of 100,000 tracks < 1 s; an unchanged second run < 1 s; no pair of different songs linked.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import msgspec

import musicdb
from musicdb import links, truth
from musicdb.matching.pairing import key_of

from .matching import Record, libraries

INSERT = """
insert into platform_tracks (platform, external_id, title, artists, duration_ms, match_key, said, metadata) values (?, ?, ?, ?, ?, ?, ?, ?)
"""
PAYLOAD = msgspec.json.encode({"payload": "x" * 1200}).decode()  # what else a row holds


def store(db: musicdb.db.Database, platform: str, records: list[Record], first: int = 0) -> None:
    rows = []
    for n, r in enumerate(records, first):
        said = msgspec.json.encode({"title": r["title"], "artists": r["artists"], "duration_ms": r["duration_ms"]}).decode()
        artists = msgspec.json.encode(r["artists"]).decode()
        rows.append((platform, str(n), r["title"], artists, r["duration_ms"], key_of(r), said, PAYLOAD))
    with db.atomic():
        db.executemany(INSERT, rows)


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pairs(db: musicdb.db.Database) -> dict[int, int]:
    """{number of a left record: number of the right record that is linked to the same track}."""
    sql = """
    select cast(a.external_id as integer), cast(b.external_id as integer)
    from platform_tracks as a join track_links as k on k.platform_track_id = a.id and k.status = 'auto'
    join track_links as o on o.track_id = k.track_id and o.status = 'auto'
    join platform_tracks as b on b.id = o.platform_track_id and b.platform = 'local'
    where a.platform = 'spotify'
    """
    return dict(db.execute(sql).fetchall())


def run(n: int) -> tuple[float, float]:
    left, right, order = libraries(n)
    normalise = timed(lambda: [key_of(r) for r in (*right, *left)])
    keys = [key_of(r) for r in right]
    with tempfile.TemporaryDirectory() as folder, musicdb.open(Path(folder) / "music.db") as db:
        store(db, "local", right)
        store(db, "spotify", left)
        first = timed(lambda: links.link(db))
        found = pairs(db)
        right_ones = sum(a < n and keys[b] == keys[order[a]] for a, b in found.items())
        waiting = db.value("select count(*) from track_links where status = 'candidate'")
        again = timed(lambda: links.link(db))
        truth.resolve(db)
        pick = random.Random(11)
        later = [r | {"duration_ms": r["duration_ms"] + 400} for r in pick.sample(right, 80)] + libraries(20, seed=99)[1]
        store(db, "tidal", later)
        few = timed(lambda: links.link(db))
        came = db.value("select count(*) from track_links as k join platform_tracks as p on p.id = k.platform_track_id "
                        "where p.platform = 'tidal' and k.status = 'auto' and k.method <> 'new'")  # fmt: skip
    print(
        f"{n:8} {normalise:10.2f} {first:8.2f} {first / normalise:6.1f} {len(found) - right_ones:6} {right_ones / n:7.4f} {waiting:8} "
        f"{again:10.3f} {few:10.3f} {came:6}", end="",
    )  # fmt: skip
    return normalise, first


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--most", type=int, default=100_000, help="tracks of the largest library")
    n, before = 1000, None
    most = options.parse_args().most
    print("Linking a library of n tracks on one platform with 1.1 n of another (seconds)")
    print(f"{'tracks':>8} {'normalise':>10} {'link':>8} {'ratio':>6} {'wrong':>6} {'recall':>7} {'waiting':>8} {'unchanged':>10} {'100 more':>10} {'of 80':>6}")
    while n <= most:
        _, first = run(n)
        print(f"   x{first / before:.1f}" if before else "", flush=True)
        n, before = n * 10, first


if __name__ == "__main__":
    main()

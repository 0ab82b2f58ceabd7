"""python -m tests.benchmarks.load [n]: tracks with JSON through `load`, against raw executemany of ready tuples into the same schema.

Prints both sides of one run, and what an identical second import writes. Goals: load <= 1.8x raw; the second import 0 WAL bytes for
observations (its own log line apart).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import types
from pathlib import Path
from statistics import median

import musicdb
from musicdb import load
from musicdb.load.observations import TRACK
from musicdb.shapes import Page

WORDS = [f"{a}{b}" for a in "night river stone paper golden velvet silent winter neon marble".split() for b in "fall light song dance wave drift fire field".split()]


def payloads(n: int) -> list[dict]:
    """Spotify-like track objects of about 1.3 kB of JSON."""
    pick = random.Random(7)
    markets = [a + b for a in "ABCDEFGHIJ" for b in "KLMNOP"]
    made = []
    for i in range(n):
        title, artist, album = (" ".join(pick.choices(WORDS, k=k)) for k in (2, 2, 1))
        made.append({
            "id": f"{i:022d}", "uri": f"spotify:track:{i:022d}", "name": title.title(), "artists": [{"id": f"a{i % 9000}", "name": artist.title(), "type": "artist"}],
            "album": {"id": f"r{i // 11}", "name": album.title(), "album_type": "album", "release_date": f"{pick.randrange(1970, 2025)}-0{pick.randrange(1, 10)}-11",
                      "total_tracks": 11, "images": [{"url": f"https://i.example/{i // 11}/{s}", "width": s, "height": s} for s in (640, 300, 64)]},
            "duration_ms": pick.randrange(120_000, 480_000), "explicit": False, "popularity": pick.randrange(100), "preview_url": None, "track_number": i % 11 + 1,
            "disc_number": 1, "external_ids": {"isrc": f"XX{i:010d}"}, "external_urls": {"spotify": f"https://open.example/track/{i:022d}"}, "available_markets": markets,
        })  # fmt: skip
    return made


def rows(kind: str, p: dict):
    """A platform's `rows`, as lean as they come."""
    album, names = p["album"], [a["name"] for a in p["artists"]]
    date, isrc = album["release_date"], p["external_ids"]["isrc"]
    said = {"title": p["name"], "artists": names, "album": album["name"], "duration_ms": p["duration_ms"], "isrc": isrc, "release_date": date,
            "release_date_precision": "day", "year": int(date[:4]), "track_no": p["track_number"], "popularity": p["popularity"], "explicit": p["explicit"]}  # fmt: skip
    yield {"row": "track", "external_id": p["id"], "uri": p["uri"], "title": p["name"], "artists": names, "album": album["name"],
           "duration_ms": p["duration_ms"], "isrc": isrc, "release_date": date, "release_external_id": album["id"], "said": said}  # fmt: skip


def main(n: int, rounds: int = 3) -> None:
    sent = payloads(n)
    platform = types.SimpleNamespace(
        PLATFORM="spotify", KIND="streaming", ROWS_VERSION=1, rows=rows,
        fetch=lambda source, known: (Page("track", sent[i : i + 2000], total=n) for i in range(0, n, 2000)),
    )  # fmt: skip
    load.module = lambda name: platform
    times: dict[str, list[float]] = {"load": [], "raw": [], "again": []}
    wal = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            db = musicdb.open(Path(folder) / "a.db")
            times["load"].append(timed(lambda: load.run(db, "spotify")))
            ready = [tuple(r) for r in db.execute(f"select {', '.join(TRACK)}, fetched_at, first_seen_at from platform_tracks")]
            db.execute("pragma wal_checkpoint(truncate)")
            times["again"].append(timed(lambda: load.run(db, "spotify")))
            wal = Path(f"{db.path}-wal").stat().st_size
            db.close()
            raw = musicdb.open(Path(folder) / "b.db")
            sql = f"insert into platform_tracks ({', '.join(TRACK)}, fetched_at, first_seen_at) values ({', '.join('?' * (len(TRACK) + 2))})"

            def store(raw=raw, sql=sql, ready=ready) -> None:
                for i in range(0, n, 2000):
                    with raw.atomic():
                        raw.executemany(sql, ready[i : i + 2000])

            times["raw"].append(timed(store))
            raw.close()
    base = median(times["raw"])
    print(f"{n:,} tracks, medians of {rounds}")
    print(f"  raw executemany  {base:6.2f} s")
    print(f"  load             {median(times['load']):6.2f} s  {median(times['load']) / base:.2f}x raw (goal <= 1.8x)")
    print(f"  load again       {median(times['again']):6.2f} s  {median(times['again']) / base:.2f}x raw, {wal:,} WAL bytes (the run's own log line)")


def timed(fn) -> float:
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)

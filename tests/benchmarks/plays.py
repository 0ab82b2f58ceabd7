"""python -m tests.benchmarks.plays [--plays N]: finding the same play of three services: how right, and how long it takes.

Goals: precision >= 0.99 and recall >= 0.97 on diaries with repeats, skips, wrong clocks and three spellings; a million listens in seconds;
an evening of new listens in milliseconds.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import musicdb
from musicdb import text
from musicdb.listens import flagging

from ..plays import Habits, Told, diary

RAW = "insert into listens_raw (id, user_id, platform, source_item, listened_at, ingested_at, payload) values (?, 1, ?, ?, ?, '', '{}')"
LISTEN = "insert or ignore into listens (id, raw_id, user_id, platform, track_external_id, listened_at, ms_played) values (?, ?, 1, ?, ?, ?, ?)"
TRACK = """
insert into platform_tracks (platform, external_id, title, artists, duration_ms, match_key, in_library, said, metadata)
values (?, ?, ?, json_array(?), ?, ?, 0, '{}', '{}') on conflict do nothing
"""


def store(db: musicdb.db.Database, rows: list[Told], first: int = 1) -> None:
    keys: dict[tuple[str, str], str] = {}
    raw, listens = [], []
    for n, t in enumerate(rows, first):
        keys.setdefault((t.title, t.artist), text.match_key(t.title, t.artist))
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t.at))
        track = f"{t.title}/{t.artist}"
        raw.append((n, t.platform, f"{track}/{n}", at))
        listens.append((n, n, t.platform, f"{track}", at, t.played and t.played * 1000))
    with db.atomic():
        db.executemany(TRACK, {(t.platform, f"{t.title}/{t.artist}", t.title, t.artist, t.length and t.length * 1000, keys[t.title, t.artist]) for t in rows})
        db.executemany(RAW, raw)
        db.executemany(LISTEN, listens)


def peak() -> float:
    """The most memory that this process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--plays", type=int, default=430_000, help="true plays; each is told by two or three services")
    plays = options.parse_args().plays
    habits = Habits(stamps=(("spotify", ("start",)), ("lastfm", ("start", "half")), ("listenbrainz", ("start",))), ahead=(("lastfm", 20),))
    rows = diary(plays, habits, songs=max(300, plays // 20))
    later = diary(20, habits, seed=9)
    for t in later:
        t.at += rows[-1].at - later[0].at + 3600
    with tempfile.TemporaryDirectory() as folder, musicdb.open(Path(folder) / "music.db") as db:
        store(db, rows)
        before, start = peak(), time.process_time()
        done = flagging.mark(db)
        took, now = time.process_time() - start, peak()
        of = dict(db.execute("select id, duplicate_of_id from listens where duplicate_of_id is not null").fetchall())
        groups: dict[int, list[int]] = {}
        for id in range(1, len(rows) + 1):
            groups.setdefault(of.get(id, id), []).append(id)
        true: dict[int, int] = {}
        for t in rows:
            true[t.play] = true.get(t.play, 0) + 1
        found = sum(len(g) * (len(g) - 1) // 2 for g in groups.values())
        right = sum(rows[a - 1].play == rows[b - 1].play for g in groups.values() for n, a in enumerate(g) for b in g[n + 1 :])
        print(f"{done.compared:,} listens: {took:.1f} s of the processor, peak {now:.0f} MiB (before: {before:.0f}), {done.changed:,} flagged; precision {right / found:.4f}, recall {right / sum(n * (n - 1) // 2 for n in true.values()):.4f}")
        start = time.perf_counter()
        flagging.mark(db)
        print(f"nothing new: {1000 * (time.perf_counter() - start):.1f} ms")
        store(db, later, len(rows) + 1)
        start = time.perf_counter()
        done = flagging.mark(db)
        print(f"{len(later)} new: {1000 * (time.perf_counter() - start):.0f} ms, {done.compared} compared, {done.changed} flagged")


if __name__ == "__main__":
    main()

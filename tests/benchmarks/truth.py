"""python -m tests.benchmarks.truth [tracks]: resolve against reading and parsing every `said` once, and one-track operations.

Prints both sides of one run. Goals: an unchanged full resolve <= 2x reading and parsing; it writes 0 rows; 100 touched tracks < 50 ms;
take, lock, merge, split, undo and why on one track p95 < 10 ms; merging two tracks with 50,000 plays each < 10 ms; the ledger at most
doubles a full resolve.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec

import musicdb
from musicdb import history, text, truth
from musicdb.truth import merging

WORDS = [f"{a}{b}" for a in "night river stone paper golden velvet silent winter neon marble".split() for b in "fall light song dance wave drift fire field".split()]
GENRES = "House,Deep House,Techno,Dub Techno,Ambient,Electro,Disco,Soul,Jazz,Hip Hop,Drum & Bass,Breaks".split(",")
PLATFORMS = "local rekordbox spotify tidal discogs lastfm".split()
ROW = "id platform external_id title artists album duration_ms isrc release_date match_key release_external_id in_library said metadata".split()


def library(db: musicdb.db.Database, tracks: int, *, plays: int = 0) -> None:
    """A library of `tracks` tracks, each known to six platforms, linked as a matcher would; two tracks heard `plays` times each."""
    pick = random.Random(7)
    observed, identities, links, releases = [], [], [], []
    for n in range(1, tracks + 1):
        title = " ".join(pick.choices(WORDS, k=2)).title() + (" (Dub Mix)" if n % 7 == 0 else "")
        artist = " ".join(WORDS[(n * k) % len(WORDS)] for k in (3, n % 11 + 1)).title() + str(n % (tracks // 9 + 1))
        album, year, ms = f"{WORDS[n // 10 % len(WORDS)].title()} {n // 10}", pick.randrange(1970, 2025), pick.randrange(120_000, 480_000)
        identities.append((n, f"{n:016x}", f"local/{n}"))
        for place, platform in enumerate(PLATFORMS):
            names = [artist] if n % 5 else [artist, "Guest " + WORDS[n % 50]]
            said = {"title": title, "artists": names, "album": album, "duration_ms": ms + place, "year": year + place % 2}
            if platform in ("local", "rekordbox"):
                said |= {"bpm": 100 + n % 60, "musical_key": f"{n % 12 + 1}A", "genres": [GENRES[n % 12], GENRES[n % 5]], "rating": n % 5 + 1,
                         "comment": "bought at the shop on the corner", "track_no": n % 10 + 1, "path": f"/music/{album}/{title}.flac"}  # fmt: skip
            if platform == "rekordbox":
                said["cues"] = [{"type": "hot_cue", "num": i, "start_ms": 1000.0 * i + n % 97, "name": f"cue {i}", "color": "#ff0000"} for i in range(6)]
            if platform in ("spotify", "tidal"):
                said |= {"isrc": f"XXAAA{n:07d}", "release_date": f"{year}-05-12", "release_date_precision": "day", "popularity": n % 100, "explicit": False}
            release = f"r{n // 10}" if platform == "discogs" else None
            key = text.match_key(title, names)
            observed.append((None, platform, f"{platform[0]}{n}", title, msgspec.json.encode(names).decode(), album, ms + place,
                             said.get("isrc"), said.get("release_date"), key, release, int(platform != "lastfm"),
                             msgspec.json.encode(said).decode(), None))  # fmt: skip
            links.append((len(observed), n, n, n))
        if n % 10 == 0:
            said = {"title": album, "artists": [artist], "year": year, "genres": ["Electronic"], "styles": [GENRES[n % 12]], "label": f"Label {n % 500}",
                    "catalogue_number": f"CAT{n}", "rating": 4}  # fmt: skip
            releases.append(("discogs", f"r{n // 10 - 1 if n % 10 else n // 10}", album, msgspec.json.encode(said).decode()))
        if n % 2000 == 0 or n == tracks:
            _store(db, observed, identities, links, releases)
            first = db.value("select max(id) from platform_tracks")
            observed, identities, links, releases = _Counting(first), [], [], []
    if plays:
        _listen(db, plays)


class _Counting(list):
    """A list whose length goes on from what is stored."""

    def __init__(self, stored: int):
        super().__init__()
        self.stored = stored

    def __len__(self) -> int:
        return self.stored + super().__len__()


def _store(db, observed, identities, links, releases) -> None:
    with db.operation("import", mode="batch"):
        db.executemany(f"insert into platform_tracks ({', '.join(ROW)}) values ({', '.join('?' * len(ROW))})", list(observed))
        db.executemany("insert into platform_releases (platform, external_id, title, said) values (?, ?, ?, ?)", releases)
        db.executemany("insert into track_ids (id, track_uid, origin) values (?, ?, ?)", identities)
        db.executemany("insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence, evidence) "
                       "values (?, ?, ?, ?, 'auto', 'key', 97, '[{\"part\": \"key\", \"sentence\": \"same\"}]')", links)  # fmt: skip


def _listen(db, plays: int) -> None:
    with db.atomic():
        for track in (1, 2):
            when = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_000_000_000 + 400 * i + track)) for i in range(plays)]
            first = (db.value("select max(id) from listens_raw") or 0) + 1
            db.executemany("insert into listens_raw (id, user_id, platform, listened_at, ingested_at, payload) values (?, 1, 'lastfm', ?, ?, '{}')",
                           [(first + i, w, w) for i, w in enumerate(when)])  # fmt: skip
            db.executemany("insert into listens (raw_id, user_id, platform, track_external_id, listened_at) values (?, 1, 'lastfm', ?, ?)",
                           [(first + i, f"l{track}", w) for i, w in enumerate(when)])  # fmt: skip


def timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def parse(db, decode=msgspec.json.decode) -> int:
    """The floor: every `said` read and parsed once."""
    n = 0
    for table in ("platform_tracks", "platform_releases"):
        for (said,) in db.execute(f"select said from {table}"):
            decode(said)
            n += 1
    return n


def one_track(db, rounds: int = 40) -> None:
    """Operations on one track, each an operation of its own with its log, links, values and cover: p50 and p95."""
    pick, tracks = random.Random(time.time_ns()), db.value("select max(id) from track_ids") - 2
    times: dict[str, list[float]] = {}

    def one() -> int:
        return pick.randrange(10, tracks)

    def measured(name: str, work) -> None:
        times.setdefault(name, []).append(timed(work))

    for _ in range(rounds):
        track, other = one(), one()
        measured("take", lambda: truth.take(db, track, ["year", "artists"], "spotify"))
        measured("undo a take", lambda: history.undo(db))
        measured("redo", lambda: history.redo(db))
        measured("decide genres", lambda: truth.decide(db, track, "genres", ["House", "Dub"]))
        measured("lock", lambda: truth.lock(db, track, ["title", "bpm"]))
        measured("merge", lambda: merging.merge(db, track, other))
        measured("why", lambda: truth.why(db, track))
        measured("why, the view", lambda: db.q("select * from why where track_id = ?", [track]))
        measured("conflicts of a track", lambda: db.q("select * from conflicts where track_id = ?", [track]))
        measured("undo a merge", lambda: history.undo(db))
        observation = db.value("select platform_track_id from track_links where track_id = ? limit 1", [track])
        measured("split off", lambda: merging.split(db, track, observation))
        measured("undo a split", lambda: history.undo(db))
        hundred = [one() for _ in range(100)]
        measured("resolve 100 tracks", lambda: truth.resolve(db, hundred))
        db.execute("update platform_tracks set said = json_set(said, '$.year', 1971) where id in (select platform_track_id from track_links "
                   "where track_id in (select value from json_each(?)))", [msgspec.json.encode(hundred).decode()])  # fmt: skip
        measured("resolve 100 tracks that changed", lambda: truth.resolve(db, hundred))
    for _ in range(10):
        measured("merge of two with many plays", lambda: merging.merge(db, 1, 2))
        measured("and its undo", lambda: history.undo(db))
    for name, found in times.items():
        found.sort()
        print(f"{name:34} p50 {found[len(found) // 2] * 1000:6.1f} ms   p95 {found[int(len(found) * 0.95)] * 1000:6.1f} ms")


def main(tracks: int, path: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder, musicdb.open(Path(path or Path(folder) / "music.db")) as db:
        if not db.value("select 1 from track_ids limit 1"):
            library(db, tracks, plays=min(50_000, tracks))
            print(f"resolve, first            {timed(lambda: truth.resolve(db)):8.2f} s")
        print(f"{db.value('select count(*) from tracks'):,} tracks, {db.value('select count(*) from platform_tracks'):,} observations")
        truth.resolve(db)
        for _ in range(3):
            floor, plain = timed(lambda: parse(db)), timed(lambda: parse(db, json.loads))
            full = timed(lambda: truth.resolve(db))
            print(f"read and parse every said {floor:6.2f} s (with json {plain:5.2f} s)   resolve, unchanged {full:6.2f} s   ratio {full / floor:.2f} ({full / plain:.2f})")
        one_track(db)
        db.execute("delete from resolved")
        print(f"resolve, everything looked at again {timed(lambda: truth.resolve(db)):8.2f} s")
        print(f"take a year for all                 {timed(lambda: truth.take(db, 'all', 'year', 'spotify')):8.2f} s")
        print(f"undo of that                        {timed(lambda: history.undo(db)):8.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, *sys.argv[2:3])

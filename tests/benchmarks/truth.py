"""python -m tests.benchmarks.truth [tracks] [library]: what one decision, a resolve and the conflicts of a large library cost.

Builds a library of `tracks` tracks (100,000), each known to six platforms, always the same (and keeps it at `library`, which later runs
copy), and prints each figure beside its goal and beside the raw limit of the same run: for a decision the bare insert of its row, for a
resolve reading and parsing every `said` once in one Python process. Times are wall clock; CPU of the thread that waits beside them, for
machines that are shared. Operations follow each other without a pause; between resolves of a hundred tracks there is one, as between imports,
in which a checkpoint runs on a thread of its own (how many did is said).
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock, patch

import msgspec

import musicdb
from musicdb import attributes, checkpoints, genres, history, text, truth
from musicdb.truth import merging, releases, storing

WORDS = [f"{a}{b}" for a in "night river stone paper golden velvet silent winter neon marble".split() for b in "fall light song dance wave drift fire field".split()]
GENRES = "House,Deep House,Techno,Dub Techno,Ambient,Electro,Disco,Soul,Jazz,Hip Hop,Drum & Bass,Breaks".split(",")
PLAYS = 50_000
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


@dataclass
class Times:
    """Seconds of one kind of step, each by the clock and by the processor."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self, work: Callable[[], object]) -> float:
        cpu, wall = time.thread_time(), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.thread_time() - cpu)
        return self.wall[-1]

    def at(self, share: float, of: str = "wall") -> float:
        found = sorted(getattr(self, of))
        return found[min(len(found) - 1, int(len(found) * share))]


def timed(work: Callable[[], object]) -> Times:
    times = Times()
    times.run(work)
    return times


def parse(db, decode=json.loads) -> int:
    """The floor: every `said` read and parsed once."""
    n = 0
    for table in ("platform_tracks", "platform_releases"):
        for (said,) in db.execute(f"select said from {table}"):
            decode(said)
            n += 1
    return n


def line(what: str, times: Times, goal: float | None = None, raw: Times | None = None, ms: bool = True) -> None:
    """One line: p50 and p95 by the clock, p95 by the processor, the goal for p95 and whether it holds (by the clock, else by the processor)."""
    unit, by = ("ms", 1000) if ms else ("s", 1)
    p50, p95, cpu = (by * times.at(*at) for at in ((0.5,), (0.95,), (0.95, "cpu")))
    kept = "" if goal is None else "holds" if p95 < goal else "holds by CPU" if cpu < goal else "MISSED"
    print(f"{what:42} p50 {p50:8.1f}  p95 {p95:8.1f}  CPU {by * times.at(0.5, 'cpu'):8.1f} / {cpu:8.1f} {unit}"
          + (f"   goal {goal:g} {unit}: {kept}" if goal is not None else "") + (f"   raw {by * raw.at(0.5):.2f} {unit}" if raw else ""))  # fmt: skip


SAID_1971 = """
update platform_tracks set said = json_set(said, '$.year', 1971) where id in (
  select platform_track_id from track_links where track_id in (select value from json_each(?)))
"""


def one_track(db, rounds: int = 40) -> None:
    """Operations on one track, each an operation of its own with its log, links, values and cover."""
    pick, tracks = random.Random(11), db.value("select max(id) from track_ids") - 2
    folded = Mock(wraps=checkpoints.fold)
    checkpoints.fold = folded  # for the rest of this process
    times: dict[str, Times] = {}
    raw = Times()

    def one() -> int:
        return pick.randrange(10, tracks)

    def measured(name: str, work: Callable[[], object]) -> None:
        times.setdefault(name, Times()).run(work)

    def bare() -> None:
        with db.atomic():
            db.execute("insert into decisions (entity, entity_key, field, value, decided_by) values ('track', 'none', 'year', '1971', 'me')")

    for _ in range(rounds):
        track, other = one(), one()
        raw.run(bare)
        measured("take", lambda: truth.take(db, track, ["year", "artists"], "spotify"))
        measured("undo of a take", lambda: history.undo(db))
        measured("redo", lambda: history.redo(db))
        measured("decide", lambda: truth.decide(db, track, "genres", ["House", "Dub"]))
        measured("lock", lambda: truth.lock(db, track, ["title", "bpm"]))
        measured("merge", lambda: merging.merge(db, track, other))
        measured("why", lambda: truth.why(db, track))
        measured("undo of a merge", lambda: history.undo(db))
        observation = db.value("select platform_track_id from track_links where track_id = ? order by id limit 1", [track])
        measured("split", lambda: merging.split(db, track, observation))
        measured("undo of a split", lambda: history.undo(db))
    for _ in range(10):
        measured(f"merge of two with {PLAYS:,} plays each", lambda: merging.merge(db, 1, 2))
        measured("undo of that", lambda: history.undo(db))
    for name, found in times.items():
        line(name, found, 10, raw)
    views, hundreds = {"why": Times(), "conflicts": Times(), "platform_values": Times()}, (Times(), Times(), Times())
    for _ in range(rounds // 2):
        for view, found in views.items():
            found.run(lambda view=view: db.q(f"select * from {view} where track_id = ?", [one()]))
        time.sleep(4 * checkpoints.QUIET_S)
        hundred = [one() for _ in range(100)]
        hundreds[0].run(lambda: truth.resolve(db, hundred))
        db.execute(SAID_1971, [msgspec.json.encode(hundred).decode()])
        hundreds[1].run(lambda: truth.resolve(db, hundred))
        albums = [10 * (one() // 10) + n for _ in range(10) for n in range(10)]
        db.execute(SAID_1971, [msgspec.json.encode(albums).decode()])
        hundreds[2].run(lambda: truth.resolve(db, albums))
    print(f"checkpoints on a thread of their own: {folded.call_count}; the log's file has {Path(f'{db.path}-wal').stat().st_size / 2**20:.0f} MiB")
    for view, found in views.items():
        line(f"view {view} of one track", found, 10)
    line("resolve of 100 tracks, unchanged", hundreds[0], 50)
    line("resolve of 100 tracks, all changed", hundreds[1], 50)
    line("resolve of ten albums' 100, all changed", hundreds[2], 50)


def ledger(folder: Path, tracks: int) -> None:
    """A first resolve as it is, with the triggers of the ledger at every row, and without any."""
    found = {}
    for way in ("as it is", "every trigger in place", "no ledger at all"):
        with musicdb.open(folder / f"{way}.db") as db, ExitStack() as stack:
            library(db, tracks)
            if way == "every trigger in place":
                for module in (storing, releases):
                    stack.enter_context(patch.object(module, "BULK", tracks * 100))
            elif way == "no ledger at all":
                for (name,) in db.execute("select name from sqlite_master where type = 'trigger' and name like 'log%'").fetchall():
                    db.execute(f"drop trigger {name}")
            found[way] = timed(lambda: truth.resolve(db)).at(0.5, "cpu")
    base = found["no ledger at all"]
    print(f"first resolve of {tracks:,} tracks, CPU: " + ", ".join(f"{way} {took:.1f} s ({took / base:.2f}x)" for way, took in found.items()) + "   goal <= 2x")


def main(tracks: int, path: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept, work = Path(path or Path(folder) / "library.db"), Path(folder) / "music.db"
        if not kept.exists():
            with musicdb.open(kept) as db:
                library(db, tracks, plays=min(PLAYS, tracks))
        shutil.copy(kept, work)
        with musicdb.open(work) as db:
            floor = [timed(lambda: parse(db)) for _ in range(3)][-1]
            quick = timed(lambda: parse(db, msgspec.json.decode))
            line("read and parse every said: json", floor, ms=False)
            line("read and parse every said: msgspec", quick, ms=False)
            first = timed(lambda: truth.resolve(db))
            print(f"{db.value('select count(*) from tracks'):,} tracks, {db.value('select count(*) from platform_tracks'):,} observations")
            line("resolve, first: every row written", first, 2 * floor.at(0.5), floor, ms=False)
            unchanged, wrote = Times(), 0
            for _ in range(3):
                unchanged.run(lambda: truth.resolve(db))
                wrote += truth.resolve(db).written
            line("resolve, unchanged", unchanged, 2 * floor.at(0.5), floor, ms=False)
            print(f"rows that six unchanged runs wrote: {wrote}   goal 0: {'holds' if wrote == 0 else 'MISSED'}")
            one_track(db)
            said = timed(lambda: parse(db, len))
            line("conflicts, the first 50", timed(lambda: db.q("select * from conflicts limit 50")), 2, said, ms=False)
            line("conflicts, all counted", timed(lambda: db.value("select count(*) from conflicts")), None, said, ms=False)
            db.execute("delete from resolved")
            line("resolve, all looked at again, none changed", timed(lambda: truth.resolve(db)), 2 * floor.at(0.5), floor, ms=False)
            line("a word for a genre that few say", timed(lambda: genres.add_rule(db, "Zork", "House")), ms=False)
            line("a word that a quarter say", timed(lambda: genres.add_rule(db, "Ambient", "Drone")), ms=False)
            line("attributes, all counted", timed(lambda: attributes.keys(db)), None, said, ms=False)
            line("take a year for all", timed(lambda: truth.take(db, "all", "year", "spotify")), ms=False)
            line("undo of that", timed(lambda: history.undo(db)), ms=False)
        ledger(Path(folder), max(100, tracks // 20))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, *sys.argv[2:3])

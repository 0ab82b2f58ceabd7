"""python -m tests.benchmarks.listens [n]: a Spotify export of n plays (JSON) through `load`, and what is asked of a diary of that size.

Prints both sides of one run. Goals: import <= 2.5x raw executemany of ready tuples into the same tables, peak <= 150 MiB, the same again
<= 0.25x; monthly top artists <= 0.25x a strftime join; one month <= 10 ms. 14k scrobbles: plays a second; beside Maloja's own import:
`scrobbles`.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import musicdb
from musicdb import load
from musicdb.listens import rollups, statistics

RAW = "id user_id platform source_item listened_at import_batch_id ingested_at payload".split()
LISTEN = "id raw_id user_id platform track_external_id listened_at utc_offset_min ms_played context".split()
NAIVE = """
select strftime('%Y-%m', l.listened_at) as month, a.name, count(*) as plays
from listens as l
join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
join track_artists as c on c.track_id = k.track_id and c.role = 'primary'
join artists as a on a.id = c.artist_id
where l.duplicate_of_id is null
group by 1, 2
order by 1, 3 desc
"""


def export(folder: Path, n: int, tracks: int = 60_000) -> None:
    """Files of 16,000 plays in order of time, about 660 bytes each, as Spotify sends them; some tracks are played far more than others."""
    pick, k = random.Random(5), 0
    names = [(f"spotify:track:{pick.getrandbits(100):022x}"[:36], f"Track number {i} of a long list", f"Artist {i % 4000} and friends",
              f"Album {i % 12000} deluxe edition") for i in range(tracks)]  # fmt: skip
    chosen = pick.choices(range(tracks), weights=[1 / (i + 20) for i in range(tracks)], k=n)
    at = dt.datetime(2008, 1, 1)
    for number in range(0, n, 16_000):
        rows = []
        for k in range(number, min(n, number + 16_000)):
            uri, title, artist, album = names[chosen[k]]
            at += dt.timedelta(seconds=pick.randrange(100, 900) if pick.random() < 0.97 else pick.randrange(3_000, 12_000))
            rows.append({
                "ts": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "username": "someone.with.a.name", "platform": "Android OS 12 API 31 (samsung, SM-G991B)",
                "ms_played": pick.randrange(1000, 300_000), "conn_country": "DE", "ip_addr_decrypted": "192.168.100.24", "user_agent_decrypted": "unknown",
                "master_metadata_track_name": title, "master_metadata_album_artist_name": artist, "master_metadata_album_album_name": album,
                "spotify_track_uri": uri, "episode_name": None, "episode_show_name": None, "spotify_episode_uri": None, "reason_start": "trackdone",
                "reason_end": "trackdone", "shuffle": False, "skipped": False, "offline": False, "offline_timestamp": 0, "incognito_mode": False,
            })  # fmt: skip
        (folder / f"Streaming_History_Audio_{number // 16_000}.json").write_text(json.dumps(rows, separators=(",", ":")))


def timed(fn) -> float:
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start


def imported(path: str, source: str) -> None:
    """In a process of its own, so that its peak is its own: import twice, print seconds and MiB."""
    with musicdb.open(path) as db:
        times = [timed(lambda: load.run(db, "spotify", source)) for _ in range(2)]
    print(json.dumps([*times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def raw(db, to: Path) -> float:
    """Ready tuples, 2,000 a transaction, into the same tables with the same keys, without further indexes. Reading them is not counted."""
    spent = 0.0
    with musicdb.open(to) as copy:
        for (name,) in copy.execute("select name from sqlite_master where type = 'index' and tbl_name = 'listens' and sql is not null").fetchall():
            copy.execute(f"drop index {name}")
        for table, columns in (("listens_raw", RAW), ("listens", LISTEN)):
            cursor = db.execute(f"select {', '.join(columns)} from {table} order by id")
            sql = f"insert into {table} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})"
            while ready := cursor.fetchmany(2000):
                start = time.perf_counter()
                with copy.atomic():
                    copy.executemany(sql, ready)
                spent += time.perf_counter() - start
    return spent


def known_to_the_library(db) -> None:
    """Half of what was heard is in the library: tracks, artists and links, as `link` and `resolve` would make them."""
    with db.operation("setup", mode="batch"):
        db.execute("insert into track_ids (id, track_uid) select id, 'u' || id from platform_tracks where id % 2")
        db.execute("insert into tracks (id, title, artist_credit) select id, title, json_extract(artists, '$[0]') from platform_tracks where id % 2")
        db.execute("insert into artist_ids (artist_uid) select distinct json_extract(artists, '$[0]') from platform_tracks")
        db.execute("insert into artists (id, name, name_norm) select id, artist_uid, artist_uid from artist_ids")
        db.execute("insert into track_artists (track_id, artist_id) select p.id, a.id from platform_tracks as p join artist_ids as a "
                   "on a.artist_uid = json_extract(p.artists, '$[0]') where p.id % 2")  # fmt: skip
        db.execute("insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) "
                   "select id, id, id, id, 'auto', 'id', 100 from platform_tracks where id % 2")  # fmt: skip


def main(n: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "export"
        source.mkdir()
        export(source, n)
        call = [sys.executable, "-m", "tests.benchmarks.listens", "import", f"{folder}/a.db", str(source)]
        first, again, peak = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
        with musicdb.open(Path(folder) / "a.db") as db:
            base = raw(db, Path(folder) / "b.db")
            size = sum(file.stat().st_size for file in source.iterdir()) >> 20
            print(f"{n:,} plays, {size} MiB of JSON, {db.value('select count(*) from platform_tracks'):,} tracks")
            print(f"  raw executemany      {base:7.2f} s")
            print(f"  import               {first:7.2f} s  {first / base:.2f}x raw (goal <= 2.5x), peak {peak:.0f} MiB (goal <= 150)")
            print(f"  the same again       {again:7.2f} s  {again / base:.3f}x raw (goal <= 0.25x)")
            known_to_the_library(db)
            print(f"  rollups, all         {timed(lambda: rollups.refresh(db, all=True)):7.2f} s  {db.value('select count(*) from listen_rollup'):,} rows")
            naive = timed(lambda: db.execute(NAIVE).fetchall())
            ours = min(timed(lambda: statistics.top_artists_by(db)) for _ in range(2))
            print(f"  strftime join        {naive * 1000:7.0f} ms monthly top artists")
            print(f"  top_artists_by month {ours * 1000:7.0f} ms {ours / naive:.2f}x (goal <= 0.25x)")
            month = db.value("select month from listen_hours group by month order by sum(plays) desc limit 1")
            for what in ("artists", "tracks"):
                spent = min(timed(lambda what=what: one(db, what, month)) for _ in range(5))
                print(f"  one month of {what:8} {spent * 1000:7.1f} ms (goal <= 10 ms)")
            every_statistic(db)


def every_statistic(db) -> None:
    """Each one of `musicdb stats`, over all years where it takes a period: processor time, as others share the machine. Goal: under 1 s."""
    within = {"since": "2009-02-11", "until": "2019-10-05"}
    asked = {f"top {what}": lambda what=what: statistics.top(db, what) for what in ("artists", "albums", "tracks", "genres")}
    asked |= {f"top {what}, ten odd years": lambda what=what: statistics.top(db, what, **within) for what in ("artists", "albums", "tracks")}
    asked |= {"plays by day": lambda: statistics.plays_by(db, "day"), "hours of the week": lambda: statistics.hours(db), "streaks": lambda: statistics.streaks(db)}
    asked |= {f"discoveries of {what}": lambda what=what: statistics.discoveries(db, what, since="2012") for what in ("artists", "albums", "tracks")}
    asked |= {"forgotten": lambda: statistics.forgotten(db), "skips": lambda: statistics.skips(db, least=1), "genres by year": lambda: statistics.genres_by_year(db)}
    asked |= {"sessions": lambda: statistics.sessions(db), "sessions of 2012": lambda: statistics.sessions(db, since="2012", until="2013")}
    track = db.value("select track_id from listen_totals as t join listen_heard as h using (platform, track_external_id) where track_id is not null order by plays desc")
    asked |= {"followed, one track": lambda: statistics.followed(db, track), "followed, one year": lambda: statistics.followed(db, since="2012", until="2013")}
    asked |= {"followed, all": lambda: statistics.followed(db), "owned": lambda: statistics.owned(db)}
    for name, call in asked.items():
        start = time.process_time()
        call()
        print(f"  {name:28}{(time.process_time() - start) * 1000:7.0f} ms")


def one(db, what: str, month: str) -> None:
    year, number = int(month[:4]), int(month[5:])
    statistics.top(db, what, since=month, until=f"{year + number // 12:04d}-{number % 12 + 1:02d}")


def scrobbles(n: int = 14_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "maloja_export_1.json"
        plays = [{"time": 1_500_000_000 + 240 * i, "duration": None, "origin": "client:x",
                  "track": {"artists": [f"Artist {i % 300}"], "title": f"Song {i % 2000}", "album": {"artists": None, "albumtitle": f"Album {i % 200}"}, "length": 200}}
                 for i in range(n)]  # fmt: skip
        file.write_text(json.dumps({"maloja": {"export_time": 1}, "scrobbles": plays}))
        with musicdb.open(Path(folder) / "m.db") as db:
            spent = timed(lambda: load.run(db, "maloja", file))
        print(f"{n:,} scrobbles of a Maloja export: {spent:.2f} s, {n / spent:,.0f} a second")


if __name__ == "__main__":
    if sys.argv[1:2] == ["import"]:
        imported(*sys.argv[2:4])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
        scrobbles()

"""Figure 1, two files. python -m tests.resilience.kill_diary [kills] [seed]: kill what reaches library and diary, resume, compare.

A child process imports listens into a split library, compares plays, makes rollups, takes an operation back, backs both files up, brings the
diary back into the library and moves it out again. It is killed up to ten times a database. After every kill both files must be whole, alone and
together: the layout is the old or the new one, no play that was there before is gone, no batch is half, every play's track is known, every backup
that has a name is complete. The run that is left alone at the end must give the content of one that nobody killed. Exits 1 when anything differs.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import musicdb
from musicdb import backup, diary, history, load
from musicdb.listens import enriching, flagging, layout, rollups
from tests.resilience import kill_import

PER_DATABASE = 10
CONTENT = """
select u.username, r.platform, r.listened_at, r.source_item, r.payload from listens_raw r join users u on u.id = r.user_id order by 1, 2, 3, 4;
select u.username, l.platform, l.listened_at, l.track_external_id, l.ms_played, l.context, o.platform, o.listened_at, o.track_external_id, l.duplicate_reason
from listens l join users u on u.id = l.user_id left join listens o on o.id = l.duplicate_of_id order by 1, 2, 3, 4;
select platform, external_id, title, artists, said from platform_tracks order by 1, 2;
select platform, track_external_id, month, user_id, plays, ms_played, first_at, last_at from listen_rollup order by 1, 2, 3, 4;
select platform, track_external_id, user_id, plays, first_at from listen_totals order by 1, 2, 3;
select user_id, day, hour, is_local, plays from listen_hours order by 1, 2, 3, 4;
select entity, entity_key, field, value from decisions d where id = (
  select max(id) from decisions where entity = d.entity and entity_key = d.entity_key and field = d.field) order by 1, 2, 3
"""


def make(folder: Path, plays: int = 1500) -> None:
    """Plays of one person as Spotify and as Last.fm tell them, those of Spotify in two exports, the second longer."""
    folder.mkdir()
    pick, at, lines, scrobbles = random.Random(6), datetime(2021, 1, 1), [], ["uts,artist,album,track"]
    for _ in range(plays):
        at += timedelta(seconds=pick.randrange(200, 4000))
        song, artist = pick.randrange(80), pick.randrange(12)
        lines.append({
            "ts": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "ms_played": 200_000, "master_metadata_track_name": f"Song {song}",
            "master_metadata_album_artist_name": f"Artist {artist}", "master_metadata_album_album_name": "Album",
            "spotify_track_uri": f"spotify:track:{song:011d}{artist:011d}", "reason_start": "trackdone", "reason_end": "trackdone", "skipped": False,
        })  # fmt: skip
        scrobbles.append(f"{int((at - datetime(1970, 1, 1)).total_seconds()) - 195},Artist {artist},Album,Song {song}")
    for name, part in (("v1", lines[: plays // 2]), ("v2", lines)):
        (folder / name).mkdir()
        for n in range(0, len(part), 400):
            (folder / name / f"Streaming_History_Audio_{n // 400}.json").write_text(json.dumps(part[n : n + 400]))
    (folder / "lastfm.csv").write_text("\n".join(scrobbles) + "\n")


def work(path: Path, folder: Path) -> None:
    """What the child does, from whatever an earlier one left."""
    there = path.with_name(f"{path.stem}-listens.db")
    apart(path, there)
    for source, name in (("v1", "spotify"), ("lastfm.csv", "lastfm"), ("v2", "spotify")):
        with musicdb.open(path) as db:
            load.run(db, name, folder / source)
            flagging.mark(db)
            rollups.refresh(db)
            heard = db.value("select min(id) from platform_tracks")
            for one in history.log(db, limit=20):
                if one.type == "heard" and not one.state:  # of a child that was killed before it came to its undo
                    history.undo(db, one.operation)
            if (operation := enriching.ignore(db, heard)) is not None:
                history.undo(db, operation)
        for file in (path, there):
            kept = backup.create(file)
            backup.verify(kept.path)
            for one in (kept.path, backup.sidecar(kept.path)):
                one.unlink()
        layout.join(path)
        apart(path, there)
    with musicdb.open(path) as db:
        flagging.mark(db, all=True)
        rollups.refresh(db, all=True)


def apart(path: Path, there: Path) -> None:
    """The diary in a file of its own; what a move that was cut off left there is deleted, as its message says."""
    with musicdb.open(path) as db:
        split = db.diary_path is not None
    if not split:
        for part in (there, Path(f"{there}-wal"), Path(f"{there}-shm")):
            part.unlink(missing_ok=True)
        layout.split(path, there)


def faults(path: Path, before: int) -> tuple[list[str], int]:
    """(what is wrong after a kill, plays that are there now)."""
    if not path.exists() or not path.stat().st_size:
        return [], before
    found = []
    with musicdb.open(path) as db:
        for schema in ["main", *(["diary"] if db.diary_path else [])]:
            if db.value(f"pragma {schema}.integrity_check") != "ok":
                found.append(f"{schema}: integrity_check")
            if db.execute(f"pragma {schema}.foreign_key_check").fetchall():
                found.append(f"{schema}: foreign_key_check")
        both = {name for (name,) in db.execute("select name from main.sqlite_master where type = 'table'")} & set(diary.ONLY)
        if both not in (set(), set(diary.ONLY)) or bool(both) == bool(db.diary_path):
            found.append(f"between the layouts: {sorted(both)} in the library, diary {db.diary_path}")
        plays = db.value("select count(*) from listens_raw")
        claimed = db.value(f"select coalesce(sum(n), 0) from (select count(*) as n from listens_raw where import_batch_id in (select id from {db.diary}.import_batches))")
        if plays < before or claimed != plays:
            found.append(f"{before} plays before, {plays} now, {claimed} of them of a batch")
        if n := db.value("select count(*) from listens as l where not exists (select 1 from platform_tracks where platform = l.platform and external_id = l.track_external_id)"):
            found.append(f"{n} plays of tracks that the library does not know")
        if db.value("select count(*) from current_operation"):
            found.append("an operation left open")
    return found, plays


def main(kills: int, seed: int) -> int:
    pick = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root / "in")
        whole = kill_import.whole_run(root / "whole.db", root / "in", work)
        with musicdb.open(root / "whole.db") as db:
            expected = kill_import.digest(db, CONTENT)
        done, bad, n, points = 0, [], 0, []
        while done < kills:
            n, plays = n + 1, 0
            path, left = root / f"killed-{n}.db", whole
            for _ in range(min(PER_DATABASE, kills - done)):
                child, delay = kill_import.started(path, root / "in", work), pick.uniform(0.02, left)
                child.join(delay)
                if not child.is_alive():
                    break  # it was done before
                child.kill()
                child.join()
                done += 1
                points.append(delay)
                found, plays = faults(path, plays)
                bad += [f"kill {done} (database {n}, {delay:.3f} s): {fault}" for fault in found]
                for kept in (root / "backups").glob("*.db"):
                    backup.verify(kept)
            kill_import.whole_run(path, root / "in", work)
            with musicdb.open(path) as db:
                if db.diary_path is None or kill_import.digest(db, CONTENT) != expected:
                    bad.append(f"database {n}: content differs from an uninterrupted run")
            for part in root.glob(f"killed-{n}*"):
                part.unlink()
        print(*bad, sep="\n")
        print(
            f"figure 1, two files: {done} kills at {len({round(p, 3) for p in points})} points, {n} databases resumed "
            f"(a whole run takes {whole:.1f} s, seed {seed}): {len(bad)} faults"
        )
        return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1))

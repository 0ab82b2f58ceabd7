"""Figure 1. python -m tests.resilience.kill_import [kills] [seed]: kill a run at random points, resume it, compare with one left alone.

Each database is filled by a child process (every importer of tests/resilience/library.py, then link, resolve, covers, an undo, a backup) that
is killed up to ten times. After every kill the file must be whole: no half batch (the log of batches accounts for every row), no foreign key
broken, every backup that has a name complete. The run that is left alone at the end must give the content of the uninterrupted run. Exits 1
when anything differs. SIGKILL on Linux and macOS, TerminateProcess on Windows; not a power cut.
"""

from __future__ import annotations

import hashlib
import importlib
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import musicdb
from musicdb import backup, history, load, truth
from musicdb.demo.replay import Replay
from tests.resilience import library

PER_DATABASE = 10
# A fork has its imports behind it, so that kills fall where work is done.
START = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
CLIENTS = "tidalapi spotipy discogs_client pyrekordbox PIL.Image mutagen httpx".split()
TWICE = {"spotify", "discogs", "rekordbox"}  # an export and an account, a database and its XML
OBSERVED = """
select p.platform, p.external_id, p.title, p.artists, p.said, p.metadata, p.in_library, p.missing_since is null, f.path, f.window_hash
from platform_tracks p left join media_files f on f.platform_track_id = p.id order by 1, 2;
select platform, external_id, name, kind, parent_external_id, metadata from platform_playlists order by 1, 2;
select l.platform, l.external_id, i.position, t.external_id from platform_playlist_items i join platform_playlists l on l.id = i.platform_playlist_id
join platform_tracks t on t.id = i.platform_track_id where i.removed_at is null order by 1, 2, 3;
select platform, external_id, title, said from platform_releases order by 1, 2;
select platform, listened_at, source_item, payload from listens_raw order by 1, 2, 3;
select platform, listened_at, track_external_id, ms_played, context from listens order by 1, 2, 3;
select t.platform, t.external_id, i.role, m.sha256 from platform_images i join platform_tracks t on t.id = i.platform_track_id join images m on m.id = i.image_id
order by 1, 2, 3;
select platform, kind, item, reason from quarantine where resolved_at is null order by 1, 2, 3, 4
"""
TRUTH = """
select p.platform, p.external_id, k.status, k.method, k.confidence, (select min(q.platform || '/' || q.external_id) from track_links o
join platform_tracks q on q.id = o.platform_track_id where o.track_id = k.track_id and o.status in ('auto', 'confirmed')) as whose
from track_links k join platform_tracks p on p.id = k.platform_track_id order by 1, 2, 3, 6;
select title, version, artist_credit, duration_ms, release_date, year, bpm, musical_key, rating, sources, match_key from tracks order by 1, 2, 3, 4, 10;
select g.title, g.type, g.year, a.name from release_groups g left join artists a on a.id = g.primary_artist_id order by 1, 2, 4;
select t.match_key, a.name, x.role, x.position from track_artists x join tracks t on t.id = x.track_id join artists a on a.id = x.artist_id order by 1, 2, 3, 4;
select t.match_key, g.name, x.platform from track_genres x join tracks t on t.id = x.track_id join genres g on g.id = x.genre_id order by 1, 2, 3;
select m.sha256, t.match_key, g.title, l.is_selected from image_links l join images m on m.id = l.image_id left join tracks t on t.id = l.track_id
left join release_groups g on g.id = l.release_group_id order by 1, 2, 3
"""
# Every row that the batches claim to have brought, by platform.
ROWS = """
select platform, sum(n) from (
  select platform, count(*) n from platform_tracks group by 1 union all select platform, count(*) from platform_releases group by 1
  union all select platform, count(*) from platform_playlists group by 1
  union all select l.platform, count(*) from platform_playlist_items i join platform_playlists l on l.id = i.platform_playlist_id group by 1
  union all select platform, count(*) from listens_raw group by 1) group by 1
"""


def digest(db, script: str) -> str:
    """Content without row ids and times."""
    out = hashlib.sha256()
    for sql in script.split(";"):
        for row in db.execute(sql):
            out.update(repr(tuple(row)).encode())
    return out.hexdigest()


def work(path: Path, folder: Path) -> None:
    """What the child does: every importer, linking, truth, an operation that is undone, a backup."""
    with musicdb.open(path) as db:
        for platform in load.available():
            module = load.module(platform)
            module.fetch = library.cut(module.fetch)
        for _, run in library.sources(library.found(folder)):
            run(db)
        library.derive(db)
        for one in history.log(db, limit=1000):
            if one.type == "lock" and not one.state:  # of a child that was killed before it came to its undo
                history.undo(db, one.operation)
        truth.lock(db, "select id from tracks order by id limit 50", ["title", "year"])
        history.undo(db, history.log(db, limit=1)[0].operation)
    kept = backup.create(path)
    backup.verify(kept.path)
    for file in (kept.path, backup.sidecar(kept.path)):
        file.unlink()


def started(path: Path, folder: Path, job: Callable[[Path, Path], None] = work) -> multiprocessing.process.BaseProcess:
    child = START.Process(target=quietly, args=(path, folder, job))
    child.start()
    return child


def quietly(path: Path, folder: Path, job: Callable[[Path, Path], None]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    job(path, folder)


def whole_run(path: Path, folder: Path, job: Callable[[Path, Path], None] = work) -> float:
    """Its seconds. Raises RuntimeError where it ends with an error."""
    start = time.perf_counter()
    child = START.Process(target=job, args=(path, folder))
    child.start()
    child.join()
    if child.exitcode:
        raise RuntimeError(f"a run that nobody killed ended with {child.exitcode}")
    return time.perf_counter() - start


def faults(path: Path) -> list[str]:
    """What is wrong with a file after a kill."""
    if not path.exists() or not path.stat().st_size:
        return []  # killed before the first commit
    found = []
    with musicdb.open(path) as db:
        if db.value("pragma integrity_check") != "ok":
            found.append("integrity_check")
        if db.execute("pragma foreign_key_check").fetchall():
            found.append("foreign_key_check")
        rows, batches = dict(db.execute(ROWS)), dict(db.execute("select platform, sum(changed) from import_batches group by 1"))
        # What two sources say of one platform is changed as well as brought: there the batches may claim more, never less.
        if any(rows[name] > batches.get(name, 0) if name in TWICE else rows[name] != batches.get(name) for name in rows):
            found.append(f"half a batch: rows {rows}, batches say {batches}")
        if db.value("select count(*) from platform_tracks p where platform = 'local' and not exists (select 1 from media_files where platform_track_id = p.id)"):
            found.append("a file's track without its file")
        if db.value("select count(*) from current_operation"):
            found.append("an operation left open")
        db.execute("insert into tracks_fts (tracks_fts) values ('integrity-check')")
    return found


def main(kills: int, seed: int) -> int:
    pick = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        library.make(root / "in", plays=60)
        for name in CLIENTS:
            importlib.import_module(name)
        Replay().close()  # its account's plays are made once
        whole = whole_run(root / "whole.db", root / "in")
        with musicdb.open(root / "whole.db") as db:
            expected = digest(db, OBSERVED), digest(db, TRUTH)
        done, bad, n, points = 0, [], 0, []
        while done < kills:
            n += 1
            path, left = root / f"killed-{n}.db", whole
            for _ in range(min(PER_DATABASE, kills - done)):
                child, delay = started(path, root / "in"), pick.uniform(0.02, left * 0.6)
                child.join(delay)
                if not child.is_alive():
                    whole = max(whole * 0.8, 1.0)  # it was done before: the machine is quicker than it was at first
                    break
                child.kill()
                child.join()
                done, left = done + 1, max(left - delay / 2, whole / 5)  # what was stored is not done again
                points.append(delay)
                bad += [f"kill {done} (database {n}, {delay:.3f} s): {fault}" for fault in faults(path)]
                for kept in (root / "backups").glob("*.db"):
                    backup.verify(kept)
            whole_run(path, root / "in")
            with musicdb.open(path) as db:
                for name, script, want in zip(("observed", "truth"), (OBSERVED, TRUTH), expected):
                    if digest(db, script) != want:
                        bad.append(f"database {n}: {name} content differs from an uninterrupted run")
            for part in root.glob(f"killed-{n}.db*"):
                part.unlink()
        print(*bad, sep="\n")
        print(
            f"figure 1: {done} kills at {len({round(p, 3) for p in points})} points, {n} databases resumed "
            f"(a whole run takes {whole:.1f} s, seed {seed}): {len(bad)} faults"
        )
        return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))

"""Figure 6. python -m tests.resilience.migrations [kills] [seed]: migrations killed at random points; every schema there was upgrades.

For each step of the schema a database is made that stops before it, with rows in it. A child opens it, which backs it up and migrates, and is
killed. The file must then be as before or as after, never between, nothing lost, and open again must bring it up to date; a backup that has a
name must be whole. A database of a newer schema must be refused and stay the same byte by byte. Exits 1 otherwise.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database as UtilsDatabase

import musicdb
from musicdb import backup, schema
from musicdb.errors import BadBackup, NewerSchema

ROWS = 20_000  # enough that a migration lasts
STEPS = [m.name for m in schema.migrations._migrations]


def before(step: str, path: Path) -> Path:
    """A database as it was before `step`, with platforms and observations in it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("pragma journal_mode = wal")
        schema.migrate(UtilsDatabase(conn, execute_plugins=False), stop_before=step)
        conn.execute("begin")
        conn.executemany(
            "insert into platform_tracks (platform, external_id, title, match_key, said, metadata, fetched_at) values ('spotify', ?, ?, '', '{}', '{}', '2024-01-01T00:00:00Z')",
            ((f"id {n}", f"title {n}") for n in range(ROWS)),
        )
        conn.executemany("insert into track_ids (track_uid) values (?)", ((f"{n:016x}",) for n in range(ROWS)))
        conn.executemany("insert into tracks (id, title, created_at) select id, track_uid, '2024-01-01T00:00:00Z' from track_ids where id = ?", ((n,) for n in range(1, ROWS)))
        conn.execute("commit")
    return path


def state(path: Path) -> tuple[tuple[str, ...], str, int]:
    """Applied steps, the fingerprint of the schema, and how many rows there are."""
    with closing(sqlite3.connect(path)) as conn:
        if conn.execute("pragma integrity_check").fetchone()[0] != "ok" or conn.execute("pragma foreign_key_check").fetchall():
            return (), "damaged", 0
        steps = tuple(row[0] for row in conn.execute("select name from _sqlite_migrations where migration_set = 'musicdb' order by id"))
        rows = conn.execute("select (select count(*) from platform_tracks) + (select count(*) from tracks)").fetchone()[0]
        return steps, schema.fingerprint(conn), rows


def newer(root: Path) -> list[str]:
    path = root / "newer.db"
    musicdb.open(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("insert into _sqlite_migrations (migration_set, name, applied_at) values ('musicdb', 'm999_future', '2099-01-01')")
        conn.execute("pragma wal_checkpoint(truncate)")
    bytes_before = path.read_bytes()
    try:
        musicdb.open(path)
        return ["a newer schema was opened"]
    except NewerSchema:
        return [] if path.read_bytes() == bytes_before else ["a newer schema was refused, and changed"]


def main(kills: int, seed: int) -> int:
    pick, done = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bad = newer(root)
        olds = {step: before(step, root / f"before {step}.db") for step in STEPS[1:]}
        for step, old in olds.items():
            first = state(old)
            path = root / "work" / "music.db"
            last, seconds, wanted, n = None, 1.0, done + -(-kills // len(olds)), -1
            while done < wanted and n < 3 * kills:  # a run that is done before its kill does not count
                n += 1
                shutil.rmtree(path.parent, ignore_errors=True)
                path.parent.mkdir()
                shutil.copyfile(old, path)
                began = time.perf_counter()
                child = subprocess.Popen([sys.executable, "-c", f"import musicdb; musicdb.open({str(path)!r}).close()"])
                try:
                    child.wait(None if n == 0 else pick.uniform(0.1, seconds))
                    seconds, last = time.perf_counter() - began, last or state(path)  # as quick as the last one that nobody killed
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                    done += 1
                now = state(path)
                if now not in (first, last):
                    bad.append(f"{step}: kill {n} left something between: {now[0]}, {now[2]} rows")
                for made in path.parent.glob("*.db"):
                    if made != path:
                        try:
                            backup.verify(made)
                        except BadBackup as error:
                            bad.append(f"{step}: {error}")
                musicdb.open(path).close()
                if state(path) != last:
                    bad.append(f"{step}: opened again it is not up to date")
    print(*bad, sep="\n")
    print(f"figure 6: {done} kills in {len(olds)} migrations (seed {seed}): {len(bad)} between two schemas, lost or not refused")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1))

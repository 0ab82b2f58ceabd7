"""Figure 4. python -m tests.resilience.failing_write [places] [seed]: the n-th write fails, in import, linking, migration and backup.

Two kinds of failure. "statement": the n-th statement that writes raises as on a broken disk; "page": the file may not grow past its n-th page,
so that SQLite itself reports a full disk. Every n of a small library is tried, or a sample of `places` of them for each job and kind (0: all).
After each: the run said so (no silent success), the file is whole with no half batch, and once more without the fault gives the content of a
quiet run; a failed backup leaves no file that looks like one. Exits 1 otherwise.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from sqlite_utils import Database as UtilsDatabase

import musicdb
from musicdb import backup, load
from musicdb.errors import MusicdbError
from musicdb.schema import migrate
from tests.resilience import library
from tests.resilience.kill_import import OBSERVED, TRUTH, digest, faults

WRITES = ("insert", "update", "delete", "replace", "create", "drop", "alter", "commit", "release")
real_connect = sqlite3.connect


class Failing(sqlite3.Connection):
    """A connection whose n-th write fails. count: writes so far, over all connections."""

    at = 0
    count = 0
    pages = 0
    struck = False

    def _met(self, sql: str) -> None:
        if sql.lstrip().lower().startswith(WRITES):
            Failing.count += 1
            if Failing.count == Failing.at:
                Failing.struck = True
                raise sqlite3.OperationalError("disk I/O error")

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        self._met(sql)
        return super().execute(sql, *rest)

    def executemany(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        self._met(sql)
        return super().executemany(sql, *rest)


def connect(*args: Any, **options: Any) -> sqlite3.Connection:
    conn = real_connect(*args, **options | {"factory": Failing})
    if Failing.pages:
        sqlite3.Connection.execute(conn, f"pragma max_page_count = {Failing.pages}")
    return conn


def tried(job: Callable[[Path], Any], path: Path, *, at: int = 0, pages: int = 0) -> BaseException | None:
    """Run a job with a fault; what it raised. Sets Failing.count and Failing.struck."""
    Failing.at, Failing.pages, Failing.count, Failing.struck = at, pages, 0, False
    with mock.patch("sqlite3.connect", connect):
        try:
            job(path)
        except (MusicdbError, sqlite3.Error) as error:
            return error
    return None


def imported(platform: str, source: Path) -> Callable[[Path], Any]:
    def job(path: Path) -> Any:
        with musicdb.open(path) as db:
            return load.run(db, platform, source)

    return job


def derived(path: Path) -> None:
    with musicdb.open(path) as db:
        library.derive(db)


def migrated(path: Path) -> None:
    musicdb.open(path, backup=lambda path: None).close()


def jobs(root: Path) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """name -> (the database to begin with, the job)."""
    inputs = library.make(root / "in", plays=20)
    for path in sorted(inputs["files"].iterdir())[3:]:
        path.unlink()
    empty, full, old = root / "empty.db", root / "full.db", root / "old.db"
    musicdb.open(empty).close()
    shutil.copyfile(empty, full)
    for name in ("files", "rekordbox.xml", "lastfm.csv"):
        imported(name.partition(".")[0], inputs[name])(full)
    with closing(sqlite3.connect(old, isolation_level=None)) as conn:
        migrate(UtilsDatabase(conn, execute_plugins=False), stop_before="m002_resolved")
    found = {f"import {name}": (empty, imported(name.partition(".")[0], path)) for name, path in inputs.items() if name != "spotify.zip"}
    return found | {"link and resolve": (full, derived), "migrate": (old, migrated), "backup": (full, lambda path: backup.create(path, path.parent / "kept"))}


def content(path: Path) -> tuple[str, str]:
    with musicdb.open(path) as db:
        return digest(db, OBSERVED), digest(db, TRUTH)


def wrong(path: Path, job: Callable[[Path], Any], error: BaseException | None, expected: tuple[str, str]) -> list[str]:
    """What is wrong after a fault."""
    found = [] if error else ["it said nothing"]
    for made in (path.parent / "kept").glob("*.db"):
        try:
            backup.verify(made)
        except MusicdbError as why:
            found.append(f"a file that looks like a backup: {why}")
    found += faults(path)
    job(path)
    if content(path) != expected:
        found.append("once more without the fault gives other content")
    return found


def main(places: int, seed: int) -> int:
    pick, bad, count = random.Random(seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, (begin, job) in jobs(root).items():
            work = root / "work" / "music.db"

            def fresh(begin: Path = begin, work: Path = work) -> Path:
                shutil.rmtree(work.parent, ignore_errors=True)
                work.parent.mkdir()
                shutil.copyfile(begin, work)
                return work

            quiet = tried(job, fresh())
            if quiet:
                raise quiet
            writes, expected = Failing.count, content(work)
            with closing(sqlite3.connect(work)) as conn:
                conn.execute("pragma wal_checkpoint(truncate)")
                size, final = conn.execute("pragma page_size").fetchone()[0], conn.execute("pragma page_count").fetchone()[0]
            pages = 1 if name == "backup" else begin.stat().st_size // size  # what a backup writes is the copy
            ways = [{"at": n} for n in range(1, writes + 1)] + [{"pages": n} for n in range(pages, final)]
            for way in pick.sample(ways, min(places, len(ways))) if places else ways:
                error = tried(job, fresh(), **way)
                count += 1
                bad += [f"{name}, {way}: {fault}" for fault in wrong(work, job, error, expected)]
            print(f"{name}: {writes} writes, {max(0, final - pages)} pages", flush=True)
    print(*bad, sep="\n")
    print(f"figure 4: {count} failed writes (seed {seed}): {len(bad)} corrupt, silent or different")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0, int(sys.argv[2]) if len(sys.argv) > 2 else 1))

"""Figure 5. python -m tests.resilience.backups [flips] [seed]: every backup restored equals what was backed up; every flipped bit is found.

A library grows import by import; after each step it is backed up and restored in three ways: over itself after more was written, over nothing,
and over a file that is no database. Then single bits of a backup and of the `.sha256` beside it are flipped, one at a time: `verify` and
`restore` must refuse, and a refused restore must leave the database as it was. Exits 1 otherwise.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import musicdb
from musicdb import backup
from musicdb.contents import content
from musicdb.errors import BadBackup
from tests.resilience import library


def held(path: Path) -> dict[str, tuple[int, str]]:
    with closing(sqlite3.connect(path)) as conn:
        return content(conn)


def restored(made: backup.Backup, path: Path, root: Path) -> list[str]:
    """What is wrong with restoring one backup, in three ways. The database at `path` is left as the backup has it."""
    bad = []
    with musicdb.open(path) as db, db.operation("test"):
        db.execute("insert into config (key, value) values ('written since', '1')")
    broken = root / "broken.db"
    broken.write_bytes(b"no database" * 1000)
    for where in (path, root / "nothing.db", broken):
        backup.restore(made.path, where)
        if held(where) != made.tables:
            bad.append(f"{made.path.name} restored over {where.name} differs")
    if not list(root.glob("broken.db.broken-*")):
        bad.append("what was no database was not moved aside")
    for path in [*root.glob("nothing.db*"), *root.glob("broken.db*")]:
        path.unlink()
    return bad


def flipped(made: backup.Backup, over: Path, n: int, pick: random.Random) -> list[str]:
    """Flip one bit at a time, most of them in the database; what was not found."""
    bad, before = [], held(over)
    for file, times in ((made.path, n - n // 10), (backup.sidecar(made.path), n // 10)):
        good = file.read_bytes()
        for _ in range(times):
            at, bit = pick.randrange(len(good)), pick.randrange(8)
            with file.open("r+b") as f:
                f.seek(at)
                f.write(bytes([good[at] ^ 1 << bit]))
            try:
                backup.verify(made.path)
                if file == made.path or backup.read(made.path) != made:
                    bad.append(f"{file.name}: bit {bit} of byte {at} was not found")
            except BadBackup:
                pass
            if pick.random() < 0.02:
                try:
                    backup.restore(made.path, over)
                    bad.append(f"{file.name}: restored with bit {bit} of byte {at} wrong")
                except BadBackup:
                    if held(over) != before:
                        bad.append("a refused restore changed the database")
            with file.open("r+b") as f:
                f.seek(at)
                f.write(bytes([good[at]]))
    return bad


def main(flips: int, seed: int) -> int:
    pick, bad, count = random.Random(seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / "music.db"
        made = None
        for name, run in library.sources(library.make(root / "in", plays=50)):
            with musicdb.open(path) as db:
                run(db)
                if count % 3 == 2:
                    library.derive(db)
            before = held(path)
            made = backup.create(path, root / "kept" / f"{count}.db")
            if made.tables != before:
                bad.append(f"after {name}: the backup differs from the database")
            bad += restored(made, path, root)
            count += 1
        bad += flipped(made, path, flips, pick)
    print(*bad, sep="\n")
    print(f"figure 5: {count} backups restored in 3 ways, {flips} flipped bits (seed {seed}): {len(bad)} differ or were not found")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))

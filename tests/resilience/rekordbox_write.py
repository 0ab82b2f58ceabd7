"""Kills a write to Rekordbox's database at random moments, and takes its disk, its lock and its peace: old or new, never between.

    python -m tests.resilience.rekordbox_write 200 --seed 1 [--real FOLDER, else $MUSICDB_REAL_DATA]

Each case runs on its own copy of a plain or an encrypted library (fictional ones; with --real also the public test databases of pyrekordbox).
A child process makes a plan's worth of changes and commits; the parent kills it after a random time, or a fault is put in its way. Then the
pair of master.db and masterPlaylists6.xml must be the old or the new one as soon as a target was opened on it; the backup must be whole;
a second run must finish the work and a third change nothing; all tables that are not playlists must be row by row what they were.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

import musicdb  # noqa: E402
from musicdb.errors import MusicdbError  # noqa: E402
from musicdb.playlists import diff  # noqa: E402
from musicdb.playlists.targets import Step  # noqa: E402
from musicdb.targets import _pair, rekordbox  # noqa: E402
from musicdb.targets._rekordbox_tables import connect  # noqa: E402
from tests import rekordbox_library  # noqa: E402

XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n\n<MASTER_PLAYLIST Version="3.0.0" AutomaticSync="0">\n  <PRODUCT Name="rekordbox" Version="6.8.5" '
    'Company="AlphaTheta"/>\n  <PLAYLISTS>\n    <NODE Id="1F5" ParentId="1F4" Attribute="0" Timestamp="1649540314311" Lib_Type="0" CheckType="0"/>\n'
    "  </PLAYLISTS>\n</MASTER_PLAYLIST>\n"
)


def nobody() -> None:
    """No Rekordbox runs."""


def make(folder: Path, encrypted: bool, source: Path | None = None) -> Path:
    """A library in a folder of its own; returns its master.db."""
    folder.mkdir(parents=True)
    path = folder / "master.db"
    if source is None:
        rekordbox_library.small(path, encrypted)
        with contextlib.closing(connect(path)) as conn:
            conn.execute("insert into agentRegistry (registry_id, int_1) values ('localUpdateCount', 249)")
    else:
        shutil.copyfile(source, path)
    (folder / _pair.XML).write_text(XML, "utf-8")
    return path


def tracks(path: Path) -> list[str]:
    with contextlib.closing(connect(path)) as conn:
        return [str(id) for (id,) in conn.execute("select ID from djmdContent where rb_local_deleted = 0 order by ID")]


def steps(path: Path, lists: int = 12) -> list[Step]:
    """A folder, lists in it with repeats, and changes of one of them: numbered, so that a second run knows what was done."""
    have = tracks(path)
    rng = random.Random(7)
    made = [Step("folder", name="Tidal", operation=1)]
    for n in range(lists):
        items = tuple(rng.choices(have, k=30))
        made.append(Step("create", name=f"List {n}", parent="Tidal", after=items, operation=10 + n))
    first, operation = made[1].after, 100
    now = list(first)
    for change in diff(first, [*first[5:], first[0], *rng.choices(have, k=3)]):
        before = tuple(now)
        if change.at is not None:
            now.pop(change.at)
        if change.to is not None:
            now.insert(change.to, change.key)
        made.append(Step(change.op, "Tidal/List 0", change.key, change.at, change.to, before=before, after=tuple(now), operation=operation))
        operation += 1
    return made


def write(base: Path, path: Path) -> None:
    """What the child does: open, back up, apply, commit."""
    with musicdb.open(base / "music.db") as db:
        target = rekordbox.open(db, str(path), running=nobody)
        with contextlib.closing(target):
            target.backup()
            for step in steps(path):
                target.apply(step)
            target.commit()


def rows(path: Path) -> dict[str, list]:
    """All tables, row by row, in order of their bytes."""
    with contextlib.closing(connect(path)) as conn:
        names = [name for (name,) in conn.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
        return {name: sorted(map(repr, conn.execute(f'select * from "{name}"'))) for name in names}


def lists(base: Path, path: Path) -> dict[str, tuple[str, ...]]:
    with musicdb.open(base / "music.db") as db, contextlib.closing(rekordbox.open(db, str(path), running=nobody)) as target:
        return {key: one.items for key, one in target.read().items()}


def check(base: Path, path: Path, old: dict[str, str], before: dict[str, list]) -> str:
    """Open the pair as the next start does and say what it is: "old" or "new". Raises AssertionError for anything between."""
    found = lists(base, path)  # opening it finishes what was cut off
    pair = _pair.Pair(path)
    left = [p.name for p in path.parent.iterdir() if p.name not in (path.name, _pair.XML)]
    assert not left, f"left behind: {left}"
    now = rows(path)
    for table in now.keys() - set(rekordbox.WRITTEN):
        assert now[table] == before[table], f"table {table} was touched"
    others = {row for row in before["djmdSongPlaylist"]}
    assert others <= set(now["djmdSongPlaylist"]), "a place of another's playlist is gone"
    xml = (path.parent / _pair.XML).read_text("utf-8")
    nodes = xml.count("<NODE")
    if "Tidal" not in found:
        assert pair.hashes() == old, "old lists, but not the old files"
        return "old"
    last = {step.list_id or f"Tidal/{step.name}": step.after for step in steps(path) if step.action != "folder"}
    assert {key: found.get(key) for key in last} == last, "lists are not as they were to be"
    assert nodes == 1 + 1 + 12, f"the XML has {nodes} nodes"
    return "new"


def whole_backups(base: Path) -> None:
    for folder in (base / "backups").glob("rekordbox-*"):
        _pair.verified(folder)


def case(n: int, rng: random.Random, base: Path, sources: list[tuple[bool, Path | None]], length: float) -> str:
    """One case; returns what came of it."""
    encrypted, source = sources[n % len(sources)]
    path = make(base / "Pioneer", encrypted, source)
    old, before = _pair.Pair(path).hashes(), rows(path)
    with musicdb.open(base / "music.db"):
        pass
    kind = ("locked", "running", "full")[(n // 20) % 3] if n % 20 == 19 else "kill"
    if kind == "kill":
        # the last tenth of a run is where files change their names
        after = rng.uniform(0, length) if n % 2 else rng.uniform(length * 0.8, length * 1.05)
        child = subprocess.Popen(
            [sys.executable, str(HERE), "--child", str(base), str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        child.stdout.readline()  # it has read its modules
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    else:
        with contextlib.suppress(MusicdbError):
            FAULTS[kind](rng, base, path)
            raise AssertionError(f"{kind}: it wrote all the same")
    state = check(base, path, old, before)
    assert kind == "kill" or state == "old", kind
    whole_backups(base)
    write(base, path)  # the same steps again finish the work
    assert check(base, path, old, before) == "new"
    again = _pair.Pair(path).hashes()
    write(base, path)
    assert _pair.Pair(path).hashes() == again, "a second sync changed something"
    return f"{kind}: {state}"


def _locked(rng: random.Random, base: Path, path: Path) -> None:
    with contextlib.closing(connect(path)) as other:
        other.execute("begin exclusive")
        write(base, path)


def _running(rng: random.Random, base: Path, path: Path) -> None:
    """Rekordbox is started at the n-th look."""
    looks = iter([None] * rng.randrange(3) + ["rekordboxAgent"] * 99)
    with musicdb.open(base / "music.db") as db:
        target = rekordbox.open(db, str(path), running=lambda: next(looks))
        with contextlib.closing(target):
            target.backup()
            for step in steps(path):
                target.apply(step)
            target.commit()


def _full(rng: random.Random, base: Path, path: Path) -> None:
    """No file may grow beyond a size: in the backup, in the copy, or when it is put beside the old one."""
    child = [sys.executable, str(HERE), "--child", str(base), str(path), "--limit", str(rng.randrange(1 << 12, path.stat().st_size))]
    done = subprocess.run(child, capture_output=True, text=True, timeout=60)
    if done.returncode:
        assert "nothing was changed" in done.stderr or "no backup" in done.stderr or "full" in done.stderr, done.stderr[-600:]
        raise MusicdbError(done.stderr)


FAULTS = {"locked": _locked, "running": _running, "full": _full}


def run(n: int, seed: int, real: Path | None = None, folder: Path | None = None) -> Counter[str]:
    """Run n cases; returns how many ended how. Raises AssertionError naming the case that failed."""
    rng, counts = random.Random(seed), Counter()
    sources: list[tuple[bool, Path | None]] = [(False, None), (True, None)]
    if real:
        found = real / "rekordbox/pyrekordbox/testdata/rekordbox 6"
        sources += [(False, found / "master_unlocked.db"), (True, found / "master_locked.db")]
    with tempfile.TemporaryDirectory(prefix="musicdb-rekordbox-", dir=folder) as top:
        warm = Path(top) / "warm"
        path = make(warm / "Pioneer", True)
        begun = time.monotonic()
        child = subprocess.Popen([sys.executable, str(HERE), "--child", str(warm), str(path)], stdout=subprocess.PIPE)
        child.stdout.readline()
        begun = time.monotonic()
        assert child.wait() == 0, "it does not write even undisturbed"
        child.stdout.close()
        length = time.monotonic() - begun
        for number in range(n):
            base = Path(top) / str(number)
            try:
                counts[case(number, rng, base, sources, length)] += 1
            except AssertionError as error:
                raise AssertionError(f"case {number} of seed {seed}: {error}") from error
            shutil.rmtree(base)
    return counts


def child(base: Path, path: Path, limit: int | None) -> None:
    import pyrekordbox.masterdb.aux_files  # noqa: F401
    import sqlcipher3.dbapi2  # noqa: F401

    print("ready", flush=True)
    if limit:
        import resource

        with musicdb.open(base / "music.db"):
            pass
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        write(base, path)
    except (MusicdbError, sqlite3.Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=Path, default=os.environ.get("MUSICDB_REAL_DATA"))
    parser.add_argument("--child", nargs=2, type=Path)
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args()
    if asked.child:
        child(*asked.child, asked.limit)
    else:
        started = time.monotonic()
        print(
            json.dumps(
                {
                    "n": asked.n,
                    "seed": asked.seed,
                    "ended": run(asked.n, asked.seed, asked.real),
                    "seconds": round(time.monotonic() - started),
                }
            )
        )

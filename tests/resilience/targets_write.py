"""Kills a sync to M3U lists, to folders of copies and to a Rekordbox XML at random moments: old or new, never between; the next run finishes.

    python -m tests.resilience.targets_write 60 --seed 1

Each case has its own library of short sounds and a plan (lists made, renamed, put into another folder, filled, taken away) that a child process
carries out; the parent kills it after a random time. Then what a target reads must be the old or the new state, a second run must end in
what an undisturbed run ends in, and a third change nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

import musicdb  # noqa: E402
from musicdb import links, load, playlists, truth  # noqa: E402
from musicdb.playlists import editing, targets  # noqa: E402
from tests.test_reconcile import in_playlist, sound, track  # noqa: E402
from tests.test_target_files import everything  # noqa: E402

NAMES = ("m3u", "folder", "rekordbox_xml")


def place(base: Path, name: str) -> Path:
    return base / ("lists.xml" if name == "rekordbox_xml" else "Out")


def world(base: Path, name: str) -> int:
    """A library whose lists are at the target, and have changed since: the number of the approved plan."""
    with musicdb.open(base / "music.db") as db:
        for n in range(1, 9):
            sound(base / "Music" / f"{n}.wav", n, 30_000)
        load.run(db, "files", [base / "Music"])
        links.link(db)
        truth.resolve(db)
        have = [track(db, f"{n}.wav") for n in range(1, 9)]
        where, rng = {name: str(place(base, name))}, random.Random(3)
        folder = db.execute("insert into playlists (name, kind) values ('Sets', 'folder')").lastrowid
        for n in range(6):
            id = in_playlist(db, *rng.choices(have, k=12), name=f"List {n}")
            editing.file(db, id, folder if n % 2 else None)
        made = playlists.plan(db, to=[name], places=where)
        playlists.approve(db, made.id)
        playlists.apply(db, made.id)
        playlists.rename(db, "Sets", "Parties")
        playlists.delete(db, "List 0")
        editing.file(db, "List 2", folder)
        for n in (1, 2, 3, 4):
            playlists.remove(db, f"List {n}", [0, 5])
            playlists.add(db, f"List {n}", rng.sample(have, 3), at=2)
        playlists.rename(db, "List 5", "Last")
        in_playlist(db, *have, name="New")
        made = playlists.plan(db, to=[name], places=where)
        playlists.approve(db, made.id, [row.id for row in playlists.operations(db, made.id)])
        return int(made.id)


def read(base: Path, name: str) -> dict:
    with musicdb.open(base / "music.db") as db:
        state = targets.find(db, name, str(place(base, name))).read()
        return {one.name: (state[one.parent].name if one.parent else None, one.items) for one in state.values()}


def files(base: Path, name: str) -> object:
    out = place(base, name)
    return everything(out) if out.is_dir() else out.read_bytes()


def apply(base: Path, plan: int) -> None:
    with musicdb.open(base / "music.db") as db:
        report = playlists.apply(db, plan)
        assert not report.failed, report.messages


def copied(base: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for one in base.iterdir():
        if one.name != "Music":
            (shutil.copytree if one.is_dir() else shutil.copyfile)(one, to / one.name)
    return to


def child(base: Path, plan: int, stop: float | None = None) -> float:
    """Carry the plan out in a process of its own; killed after `stop` seconds of work. Returns how long it worked."""
    process = subprocess.Popen([sys.executable, str(HERE), "--child", str(base), str(plan)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline()  # it has read its modules
    begun = time.monotonic()
    if stop is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stop)
        process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return time.monotonic() - begun


def run(n: int, seed: int) -> Counter[str]:
    """n cases a target; how many ended how. Raises AssertionError naming the case that failed."""
    rng, counts = random.Random(seed), Counter()
    for name in NAMES:
        with tempfile.TemporaryDirectory(prefix="musicdb-targets-") as top:
            base = Path(top) / "now"  # paths are stored: each case takes place here
            base.mkdir()
            plan = world(base, name)
            kept = copied(base, Path(top) / "kept")
            old = read(base, name)
            length = child(base, plan)
            new, want = read(base, name), files(base, name)
            assert old != new
            for number in range(n):
                for one in kept.iterdir():
                    shutil.rmtree(base / one.name) if one.is_dir() else (base / one.name).unlink()
                for one in base.glob("music.db-*"):
                    one.unlink()
                for one in kept.iterdir():
                    (shutil.copytree if one.is_dir() else shutil.copyfile)(one, base / one.name)
                child(base, plan, rng.uniform(0, length))
                now = read(base, name)
                assert now in (old, new), f"{name}, case {number} of seed {seed}: between"
                counts[f"{name}: {'new' if now == new else 'old'}"] += 1
                with musicdb.open(base / "music.db") as db:
                    ended = db.value("select status from plans where id = ?", [plan]) == "applied"
                if not ended:
                    apply(base, plan)
                assert read(base, name) == new and files(base, name) == want, f"{name}, case {number} of seed {seed}: the next run did not finish it"
                with musicdb.open(base / "music.db") as db:
                    assert not playlists.plan(db, to=[name], places={name: str(place(base, name))}).operations
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=2)
    asked = parser.parse_args()
    if asked.child:
        print("ready", flush=True)
        apply(Path(asked.child[0]), int(asked.child[1]))
    else:
        began = time.monotonic()
        print(json.dumps({"n": asked.n, "seed": asked.seed, "ended": run(asked.n, asked.seed), "seconds": round(time.monotonic() - began)}))

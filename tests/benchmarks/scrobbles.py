"""python -m tests.benchmarks.scrobbles [--maloja PROGRAM] [--n 14000] [--limit 600]: 14,000 scrobbles through our import and through Maloja's.

Both read the same export of Maloja, each by its own command in a process of its own, start-up included; compared is processor time, which
other work on the machine does not lengthen, and the time on the clock beside it. Ours once as stored (--no-link) and once linked and with
rollups, as a person runs it. PROGRAM: `maloja` of an environment of its own (pip install malojaserver); without it only ours are run.

Found with malojaserver 3.2.3, which stores 1,000 at a time: 4x, 7x and 21x, without starts 6x, 12x and 30x. The hundredfold of older versions,
which wrote scrobble by scrobble, does not hold for it.

Three histories, because Maloja looks every new title up among all it has: how many of the plays are of distinct tracks decides. "favourites":
300 artists, 2,000 tracks; "listener": 14,000 plays of some 5,000 tracks, few of them often, as people listen; "distinct": no track twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HISTORIES = ("favourites", "listener", "distinct")


def tracks(name: str, n: int) -> list[int]:
    pick = random.Random(8)
    if name == "favourites":
        return [i % 2000 for i in range(n)]
    if name == "distinct":
        return list(range(n))
    songs = max(1, n // 2)
    return pick.choices(range(songs), weights=[1 / (i + 12) for i in range(songs)], k=n)


def export(file: Path, name: str, n: int) -> int:
    """Write an export; returns how many distinct tracks are in it."""
    chosen = tracks(name, n)
    plays = [{"time": 1_500_000_000 + 240 * i, "duration": None, "origin": "client:x",
              "track": {"artists": [f"Artist {song % (300 if name == 'favourites' else 1200)}"], "title": f"Song number {song}",
                        "album": {"artists": None, "albumtitle": f"Album {song // 10}"}, "length": 200}}
             for i, song in enumerate(chosen)]  # fmt: skip
    file.write_text(json.dumps({"maloja": {"export_time": 1}, "scrobbles": plays}))
    return len(set(chosen))


def run(command: list[str], limit: float, **env: str) -> tuple[float, float, bool]:
    """(processor seconds, seconds on the clock, whether it came to its end within `limit`) of a command and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    child = subprocess.Popen(command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = child.communicate(timeout=limit)
        done = True
    except subprocess.TimeoutExpired:
        child.kill()
        said, done = child.communicate()[0], False
    if done and child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{said[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - start, done


def ours(folder: Path, file: Path, *more: str) -> tuple[float, float, bool]:
    command = [sys.executable, "-m", "musicdb.cli", "--db", f"{folder}/{len(list(folder.iterdir()))}.db", "import", "maloja", str(file), *more]
    return run(command, 600, MUSICDB_BACKUP_DIR=str(folder))


def theirs(program: str, folder: Path, file: Path, limit: float) -> tuple[float, float, bool]:
    place = folder / f"maloja{len(list(folder.iterdir()))}"
    return run([program, "import", str(file)], limit, MALOJA_DATA_DIRECTORY=str(place), MALOJA_SKIP_SETUP="true")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--maloja", help="its program; optional")
    options.add_argument("--n", type=int, default=14_000)
    options.add_argument("--limit", type=float, default=600, help="seconds after which Maloja is stopped")
    options.add_argument("--only", choices=HISTORIES, action="append")
    asked = options.parse_args()
    for name in asked.only or HISTORIES:
        with tempfile.TemporaryDirectory() as temporary:
            folder, file, single = Path(temporary), Path(temporary) / "maloja_export_1.json", Path(temporary) / "maloja_export_2.json"
            distinct = export(file, name, asked.n)
            export(single, name, 1)  # what a start costs
            print(f"{name}: {asked.n:,} scrobbles of {distinct:,} tracks")
            spent = {}
            for what, more in (("stored", ["--no-link"]), ("linked", [])):
                whole, clock, _ = ours(folder, file, *more)
                spent[what] = whole, whole - ours(folder, single, *more)[0]
                print(f"  musicdb, {what:10} {whole:8.2f} s, {spent[what][1]:.2f} without its start ({clock:.1f} on the clock)", flush=True)
            if asked.maloja:
                whole, clock, done = theirs(asked.maloja, folder, file, asked.limit)
                net = whole - theirs(asked.maloja, folder, single, asked.limit)[0]
                least = "" if done else "at least "
                ratios = ", ".join(f"{least}{whole / mine:.0f}x ours {what} ({net / bare:.0f}x without starts)" for what, (mine, bare) in spent.items())
                print(f"  Maloja {'' if done else '(stopped)':12} {whole:8.2f} s, {net:.2f} without its start ({clock:.1f} on the clock): {ratios}", flush=True)


if __name__ == "__main__":
    main()

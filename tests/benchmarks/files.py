"""First scan and unchanged rescan of audio files against beets and against scandir + stat, both sides in one run.

Run: python -m tests.benchmarks.files [n] [--rounds 3] [--side 600]. Makes n tagged files with covers (an album of 12 shares one, as in life) in
a temporary folder and removes it. Goals: first scan, tags only >= 10x and with covers >= 2.5x as fast as `beet import -A` (copy, write,
plugins off); rescan <= 1.8x scandir + stat and >= 10x as fast as `beet update`. Absolute times move with the machine's load; ratios hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mutagen
from mutagen import flac, id3

import musicdb
from musicdb.demo.audio import sound
from tests.benchmarks.covers import cover

FORMATS = ("mp3", "mp3", "mp3", "flac", "m4a")


def make(folder: Path, n: int, side: int) -> None:
    """n files in albums of 12: seven or so tags and the album's cover in each."""
    rng = random.Random(1)
    for album in range((n + 11) // 12):
        picture = cover(album, side)
        place = folder / f"Artist {album // 4}" / f"Album {album}"
        place.mkdir(parents=True)
        format = FORMATS[album % len(FORMATS)]
        for track in range(min(12, n - album * 12)):
            path = place / f"{track + 1:02} Song {album}-{track}.{format}"
            path.write_bytes(sound("dub", format, f"{album}-{track}", rng.uniform(120, 400)))
            tag(path, format, album, track, picture)


def tag(path: Path, format: str, album: int, track: int, picture: bytes) -> None:
    title, artist, name, year = f"Song {album}-{track}", f"Artist {album // 4}", f"Album {album}", str(1980 + album % 40)
    if format == "mp3":
        tags = id3.ID3()
        for cls, text in (
            (id3.TIT2, title), (id3.TPE1, artist), (id3.TPE2, artist), (id3.TALB, name), (id3.TDRC, year), (id3.TRCK, f"{track + 1}/12"),
            (id3.TCON, "Dub"), (id3.TBPM, "124"), (id3.TPUB, "Kallvatten"),
        ):  # fmt: skip
            tags.add(cls(encoding=3, text=text))
        tags.add(id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=picture))
        tags.save(path)
        return
    file = mutagen.File(path)
    if format == "flac":
        values = {
            "title": title,
            "artist": artist,
            "albumartist": artist,
            "album": name,
            "date": year,
            "tracknumber": str(track + 1),
            "genre": "Dub",
            "bpm": "124",
        }
        file.update({key: [value] for key, value in values.items()})
        front = flac.Picture()
        front.type, front.mime, front.data = 3, "image/jpeg", picture
        file.add_picture(front)
    else:
        file.update(
            {
                "©nam": [title],
                "©ART": [artist],
                "aART": [artist],
                "©alb": [name],
                "©day": [year],
                "trkn": [(track + 1, 12)],
                "©gen": ["Dub"],
                "tmpo": [124],
            }
        )
        file["covr"] = [mutagen.mp4.MP4Cover(picture)]
    file.save()


def clock(function, *args):
    started = time.perf_counter()
    value = function(*args)
    return time.perf_counter() - started, value


class Beets:
    """A beets library of its own, without copying, writing, plugins or questions; driven in a process of its own, timed from within."""

    CODE = """
import sys, time
from beets import ui
started = time.perf_counter()
ui._raw_main(sys.argv[1:])
print("seconds", time.perf_counter() - started)
"""

    def __init__(self, home: Path, music: Path):
        self.home, self.music = home, music
        self.home.mkdir()
        (home / "config.yaml").write_text(
            f"directory: {music}\nlibrary: {home}/library.db\nplugins: []\nthreaded: yes\n"
            "import:\n  copy: no\n  write: no\n  autotag: no\n  quiet: yes\n  incremental: no\n  duplicate_action: keep\n"
        )

    def __call__(self, *args: str) -> list[str]:
        env = {**os.environ, "BEETSDIR": str(self.home)}
        return subprocess.run(
            [sys.executable, "-c", self.CODE, *args], env=env, capture_output=True, text=True, check=True
        ).stdout.splitlines()

    def scan(self) -> float:
        (self.home / "library.db").unlink(missing_ok=True)
        return float(self("import", "-A", "-q", str(self.music))[-1].split()[1])

    def update(self) -> float:
        return float(self("update")[-1].split()[1])

    def count(self) -> int:
        return len(self("ls")) - 1


def floor(music: Path) -> int:
    """What nobody can do without: list the folders and stat each file."""
    folders, count = [os.fsencode(music)], 0
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    entry.stat()
                    count += 1
    return count


SCAN = """
import json, sys, time, musicdb, musicdb.db, musicdb.load, musicdb.platforms.files
started = time.perf_counter()
db = musicdb.open(sys.argv[1], create=True)
report = musicdb.load.run(db, "files", sys.argv[2], images=sys.argv[3] == "True")
db.close()
print(json.dumps([time.perf_counter() - started, report.as_dict()]))
"""


def scan(path: Path, music: Path, images: bool) -> tuple[float, dict]:
    """Seconds and report of a first scan into a new database; in a process of its own and timed from within, as beets is."""
    for old in path.parent.glob(path.name + "*"):
        old.unlink()
    done = subprocess.run([sys.executable, "-c", SCAN, str(path), str(music), str(images)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def rescan(db, music: Path):
    return musicdb.load.run(db, "files", music)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", nargs="?", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=600, help="side of the covers in pixels")
    parser.add_argument("--no-beets", action="store_true")
    parser.add_argument("--touch", type=int, default=30_000, help="files of the rescan against scandir + stat; 0: only the tagged ones")
    args = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="musicdb-bench-"))
    try:
        run(args, home)
    finally:
        shutil.rmtree(home)


def run(args, home: Path) -> None:
    music = home / "music"
    seconds, _ = clock(make, music, args.n, args.side)
    size = sum(path.stat().st_size for path in music.rglob("*.*"))
    print(f"{args.n} tagged files with covers, {size / 1e6:.0f} MB, made in {seconds:.0f} s; medians of {args.rounds} interleaved runs")
    beets = None if args.no_beets else Beets(home / "beets", music)
    times: dict[str, list[float]] = {"tags": [], "covers": [], "beets": []}
    for _ in range(args.rounds):
        seconds, report = scan(home / "tags.db", music, False)
        assert report["new"] == args.n, report
        times["tags"].append(seconds)
        seconds, report = scan(home / "covers.db", music, True)
        times["covers"].append(seconds)
        if beets:
            times["beets"].append(beets.scan())
    if beets:
        assert beets.count() == args.n, beets.count()
    peer = statistics.median(times["beets"]) if beets else None
    show("first scan, tags only", times["tags"], peer, args.n, "beet import -A", 10)
    show("first scan, tags and covers", times["covers"], peer, args.n, "beet import -A", 2.5)
    if peer:
        print(f"  beet import -A                 {peer:8.3f} s  {args.n / peer:8.0f} files/s")

    db = musicdb.open(home / "covers.db")
    ours, theirs, floors = [], [], []
    for _ in range(args.rounds * 2):
        floors.append(clock(floor, music)[0])
        seconds, report = clock(rescan, db, music)
        assert report.unchanged == args.n and report.changed == 0, report
        ours.append(seconds)
    theirs = [beets.update() for _ in range(args.rounds)] if beets else []
    show("unchanged rescan", ours, statistics.median(theirs) if theirs else None, args.n, "beet update", 10)
    print(
        f"  scandir + stat                 {statistics.median(floors):8.3f} s; rescan is {statistics.median(ours) / statistics.median(floors):.2f}x of it"
    )
    db.close()
    if args.touch:
        many(args, home)


def many(args, home: Path) -> None:
    """The rescan at size: small untagged files, hard-linked from a few, in folders of 12."""
    music = home / "many"
    for n in range(args.touch):
        place = music / f"Artist {n // 48}" / f"Album {n // 12}"
        if n % 12 == 0:
            place.mkdir(parents=True)
        (place / f"{n % 12 + 1:02} Song {n}.mp3").write_bytes(sound("dub", "mp3", str(n % 50), 200))
    path = home / "many.db"
    seconds, report = scan(path, music, False)
    print(f"{args.touch} small files: first scan {seconds:.1f} s, {args.touch / seconds:.0f} files/s")
    db = musicdb.open(path)
    ours, floors = [], []
    for _ in range(args.rounds * 3):
        floors.append(clock(floor, music)[0])
        seconds, report = clock(rescan, db, music)
        assert report.unchanged == args.touch and not report.changed, report
        ours.append(seconds)
    ratio = statistics.median(ours) / statistics.median(floors)
    print(
        f"  unchanged rescan {statistics.median(ours):.3f} s, scandir + stat {statistics.median(floors):.3f} s: {ratio:.2f}x (goal <= 1.8x)"
    )
    db.close()


def show(name: str, times: list[float], peer: float | None, n: int, whom: str, goal: float) -> None:
    median = statistics.median(times)
    against = f"  {peer / median:6.1f}x {whom} (goal >= {goal:g}x)" if peer else ""
    print(f"  {name:30} {median:8.3f} s  {n / median:8.0f} files/s{against}")


if __name__ == "__main__":
    main()

"""Side by side. python -m tests.resilience.writers [seconds] [seed]: two imports, a notebook and Datasette on one file at once.

Two processes import exports whose plays and tracks change from round to round, a third takes decisions and undoes some of them, as a notebook
does, and Datasette is asked for its pages all the while. Each counts what was acknowledged. In the end every acknowledged row and decision is
there, nobody was told that the database is locked, each page was answered, and no write waited for longer than LONGEST seconds. Exits 1 otherwise.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import musicdb
from musicdb import history, load, truth
from musicdb.web import serve
from tests.resilience import library

LONGEST = 30.0  # seconds: what a connection waits before it gives up
PAGES = ("/", "/music", "/music/library", "/music/tracks.json?_shape=array", "/music/claims?_size=10")


def importing(path: Path, folder: Path, platform: str, until: float, seed: int) -> dict[str, float]:
    """Import a file that has a few more plays each time. Returns what was acknowledged, and the longest wait."""
    pick, plays, rounds, longest = random.Random(seed), 0, 0, 0.0
    source = folder / f"{platform}.csv"
    source.write_text("artist,track,uts\n", "utf-8")
    while time.time() < until:
        more = pick.randrange(1, 60)
        with source.open("a", encoding="utf-8") as out:
            out.writelines(f"Moss {seed},Slow Tide {pick.randrange(30)},{library.FIRST + timedelta(minutes=5 * (plays + n)):%s}\n" for n in range(more))
        began = time.perf_counter()
        with musicdb.open(path) as db:
            load.run(db, "lastfm", source, user=f"user {seed}")
            load.run(db, "files", folder / "music", all=True)
        longest = max(longest, time.perf_counter() - began)
        plays, rounds = plays + more, rounds + 1
    return {"plays": plays, "rounds": rounds, "longest": longest}


def deciding(path: Path, until: float, seed: int) -> dict[str, object]:
    """Decide on titles, undo every third. Returns {track: title} as it must be, and the longest wait."""
    pick, rounds, longest, now = random.Random(seed), 0, 0.0, {}
    with musicdb.open(path) as db:
        tracks = [row.id for row in db.q("select id from tracks where merged_into_id is null order by id limit 40")]
        while time.time() < until:
            track, title = pick.choice(tracks), f"title {rounds}"
            began = time.perf_counter()
            done = truth.decide(db, track, "title", title)
            if rounds % 3 == 2:
                history.undo(db, done.operation)
            else:
                now[track] = title
            longest = max(longest, time.perf_counter() - began)
            rounds += 1
            time.sleep(0.02)
    return {"titles": now, "rounds": rounds, "longest": longest}


class Reader(threading.Thread):
    """Asks Datasette for its pages until it is told to stop."""

    def __init__(self, url: str):
        super().__init__(daemon=True)
        self.url, self.stopped, self.asked, self.failed, self.longest = url, threading.Event(), 0, [], 0.0

    def run(self) -> None:
        while not self.stopped.is_set():
            for page in PAGES:
                began = time.perf_counter()
                try:
                    with urlopen(self.url + page, timeout=LONGEST) as answer:
                        answer.read()
                except (URLError, OSError) as error:
                    self.failed.append(f"{page}: {error}")
                self.asked, self.longest = self.asked + 1, max(self.longest, time.perf_counter() - began)
                time.sleep(0.1)


def child(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", __spec__.name, "--child", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def main(seconds: float, seed: int) -> int:
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / "music.db"
        inputs = library.make(root / "in", plays=10)
        with musicdb.open(path) as db:
            for name in ("files", "rekordbox.xml"):
                load.run(db, name.partition(".")[0], inputs[name])
            library.derive(db)
        listening = serve.listen()
        port = listening.getsockname()[1]
        listening.close()
        server = subprocess.Popen([sys.executable, "-m", "musicdb.cli", "serve", "--db", path, "--port", str(port), "--no-browser"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            reader = Reader(f"http://127.0.0.1:{port}")
            for _ in range(100):
                try:
                    urlopen(reader.url + "/-/versions.json", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.2)
            reader.start()
            until = time.time() + seconds
            children = []
            for n in (1, 2):
                (root / f"w{n}").mkdir()
                library.make(root / f"w{n}", plays=5)
                children.append(child("import", path, root / f"w{n}", "lastfm", until, seed + n))
            children.append(child("decide", path, until, seed))
            answers = []
            for one in children:
                out, err = one.communicate(timeout=seconds + 120)
                if one.returncode:
                    bad.append(f"a writer failed: {err.strip().splitlines()[-1:]}")
                    continue
                answers.append(json.loads(out))
            reader.stopped.set()
            reader.join(60)
        finally:
            server.terminate()
            server.wait(20)
        bad += reader.failed[:5]
        with musicdb.open(path) as db:
            for n, answer in zip((1, 2), answers):
                there = db.value("select count(*) from listens l join users u on u.id = l.user_id where u.username = ?", [f"user {seed + n}"])
                if there != answer["plays"]:
                    bad.append(f"import {n}: {answer['plays']} plays acknowledged, {there} there")
            for track, title in answers[-1]["titles"].items() if len(answers) == 3 else ():
                if db.value("select title from tracks where id = ?", [int(track)]) != title:
                    bad.append(f"track {track}: the decision {title!r} is lost")
            if db.value("pragma integrity_check") != "ok" or db.execute("pragma foreign_key_check").fetchall():
                bad.append("the file is not whole")
        longest = max([reader.longest, *(answer["longest"] for answer in answers)])
        if longest > LONGEST:
            bad.append(f"somebody waited {longest:.1f} s")
        print(*bad, sep="\n")
        print(
            f"side by side for {seconds:g} s: {sum(a['rounds'] for a in answers[:2])} imports, {answers[-1]['rounds']} decisions, {reader.asked} pages, "
            f"longest wait {longest:.1f} s (seed {seed}): {len(bad)} lost, locked or late"
        )
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:3] == ["--child", "import"]:
        print(json.dumps(importing(Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5], float(sys.argv[6]), int(sys.argv[7]))))
    elif sys.argv[1:3] == ["--child", "decide"]:
        print(json.dumps(deciding(Path(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))))
    else:
        sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
